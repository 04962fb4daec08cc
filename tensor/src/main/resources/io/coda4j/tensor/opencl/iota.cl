// y[i] = index along the axis inside which `inner` elements lie and which has `dim` places.
__kernel void iota(BUFFER(y), const uint items, const uint inner, const uint dim) {
    uint i = get_global_id(0);
    if (i < items) {
        PUT(AT(stored, y), i, (number)(i / inner % dim));
    }
}

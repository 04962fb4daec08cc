// The lowest index of the greatest of `count` elements `stride` apart, for every index outside and inside their axis.
// Where one is NaN no element equals the maximum, and the answer is that of an empty search.
__kernel void arg_max(BUFFER(x), BUFFER(y), const uint items, const uint stride, const int count) {
    uint item = get_global_id(0);
    if (item >= items) {
        return;
    }
    uint outer = item / stride;
    __global const stored *x = AT(stored, x) + (long)outer * count * stride + (item - outer * stride);
    number best = GET(x, 0);
    int at = 0;
    bool unordered = best != best;
    for (int i = 1; i < count; i++) {
        number next = GET(x, (long)i * stride);
        unordered |= next != next;
        if (next > best) {
            best = next;
            at = i;
        }
    }
    AT(int, y)[item] = unordered ? 2147483647 : at;
}

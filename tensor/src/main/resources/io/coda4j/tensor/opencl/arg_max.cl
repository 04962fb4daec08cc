// The lowest index of the greatest of `count` elements `stride` apart, for every index outside and inside their axis.
// Where one is NaN no element equals the maximum, and the answer is that of an empty search. With -DTEAM=N a whole group
// of N items searches together, for GPUs, where the elements are neighbours; else one item does.
#if defined(TEAM)
#define ITEM get_group_id(0)
#define FIRST_ELEMENT (int)get_local_id(0)
#define STEP TEAM
#else
#define ITEM get_global_id(0)
#define FIRST_ELEMENT 0
#define STEP 1
#endif

#define UNORDERED 2147483647

__kernel void arg_max(BUFFER(x), BUFFER(y), const uint items, const uint stride, const int count) {
#if defined(TEAM)
    __local number greatest[TEAM];
    __local int places[TEAM];
#endif
    uint item = ITEM;
    if (item >= items) {
        return;
    }
    uint outer = item / stride;
    __global const stored *x = AT(stored, x) + (long)outer * count * stride + (item - outer * stride);
    number best = GET(x, FIRST_ELEMENT);
    int at = FIRST_ELEMENT;
    bool unordered = best != best;
    for (int i = FIRST_ELEMENT + STEP; i < count; i += STEP) {
        number next = GET(x, (long)i * stride);
        unordered |= next != next;
        if (next > best) {
            best = next;
            at = i;
        }
    }
    at = unordered ? UNORDERED : at;
#if defined(TEAM)
    int lane = get_local_id(0);
    greatest[lane] = best;
    places[lane] = at;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int apart = TEAM / 2; apart > 0; apart /= 2) {
        if (lane < apart) {
            int other = places[lane + apart];
            bool isBetter = greatest[lane + apart] > greatest[lane] ||
                (greatest[lane + apart] == greatest[lane] && other < places[lane]);
            bool isOver = places[lane] == UNORDERED || other == UNORDERED;
            places[lane] = isOver ? UNORDERED : isBetter ? other : places[lane];
            greatest[lane] = isBetter ? greatest[lane + apart] : greatest[lane];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    at = places[0];
    if (lane > 0) {
        return;
    }
#endif
    AT(int, y)[item] = at;
}

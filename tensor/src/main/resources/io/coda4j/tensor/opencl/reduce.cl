// Sums, maxima and minima. -DSUM, -DMAX or -DMIN says which. With -DTEAM=N a whole group of N items works on each result,
// for GPUs, where its elements are neighbours; else one item does.

#if defined(I32)
#define LEAST (-2147483647 - 1)
#define GREATEST 2147483647
#else
#define LEAST (-(number)INFINITY)
#define GREATEST ((number)INFINITY)
#endif

#if defined(SUM)
#define NOTHING ((number)0)
#if defined(I32)
// Unsigned, because C leaves the overflow of signed numbers undefined and sums must wrap.
#define COMBINE(a, b) as_int(as_uint(a) + as_uint(b))
#else
#define COMBINE(a, b) ((a) + (b))
#endif
#elif defined(I32)
#if defined(MAX)
#define NOTHING LEAST
#define COMBINE(a, b) max(a, b)
#else
#define NOTHING GREATEST
#define COMBINE(a, b) min(a, b)
#endif
#else
#if defined(F64)
#define BITS(x) as_long(x)
#define NUMBER(x) as_double(x)
#else
#define BITS(x) as_int(x)
#define NUMBER(x) as_float(x)
#endif
// NaN wins, and -0 is before +0: equal numbers differ in the sign bit at most.
#if defined(MAX)
#define NOTHING LEAST
number COMBINE(number a, number b) {
    return isnan(a) ? a : isnan(b) ? b : a > b ? a : a < b ? b : NUMBER(BITS(a) & BITS(b));
}
#else
#define NOTHING GREATEST
number COMBINE(number a, number b) {
    return isnan(a) ? a : isnan(b) ? b : a < b ? a : a > b ? b : NUMBER(BITS(a) | BITS(b));
}
#endif
#endif

// Partial results of a result that is cut into pieces are kept as they are computed.
#if defined(PARTIAL)
#define STORE(p, i, x) (((__global number *)(p))[i] = (x))
#else
#define STORE(p, i, x) PUT((__global stored *)(p), i, x)
#endif
#if defined(OF_PARTIAL)
#define FETCH(p, i) (((__global const number *)(p))[i])
#else
#define FETCH(p, i) GET((__global const stored *)(p), i)
#endif

#define AXIS(index, dims, strides, s)      \
    {                                      \
        uint rest = index / (uint)dims.s;  \
        from += (index - rest * dims.s) * strides.s; \
        index = rest;                      \
    }

#if defined(TEAM)
#define ITEM get_group_id(0)
#define FIRST_ELEMENT (int)get_local_id(0)
#define STEP TEAM

// The results of all items combined, in a fixed order; valid in the first item.
number combined(number mine, __local number *shared) {
    int lane = get_local_id(0);
    shared[lane] = mine;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int apart = TEAM / 2; apart > 0; apart /= 2) {
        if (lane < apart) {
            shared[lane] = COMBINE(shared[lane], shared[lane + apart]);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    return shared[0];
}
#else
#define ITEM get_global_id(0)
#define FIRST_ELEMENT 0
#define STEP 1
#endif

// y[k * pieces + p] = the elements of piece p of all that are reduced into result k. `kept` and `outer` are the axes
// that stay and all but one of those that disappear, s0 innermost; the last one has `count` elements `stride` apart, of
// which a piece takes `length`.
__kernel void reduce(
    BUFFER(x), BUFFER(y), const uint items, const int4 kept, const long4 kept_strides, const uint outer_items,
    const int4 outer, const long4 outer_strides, const int count, const long stride, const uint pieces,
    const int length) {
#if defined(TEAM)
    __local number shared[TEAM];
#endif
    uint item = ITEM;
    if (item >= items) {
        return;
    }
    uint index = item / pieces;
    int first = (int)(item - index * pieces) * length;
    int end = min(count, first + length);
    long from = 0;
    AXIS(index, kept, kept_strides, s0)
    AXIS(index, kept, kept_strides, s1)
    AXIS(index, kept, kept_strides, s2)
    AXIS(index, kept, kept_strides, s3)
    long base = from;
    __global const uchar *x = x_memory + x_offset;
    number result = NOTHING;
    for (uint o = 0; o < outer_items; o++) {
        from = base;
        uint at = o;
        AXIS(at, outer, outer_strides, s0)
        AXIS(at, outer, outer_strides, s1)
        AXIS(at, outer, outer_strides, s2)
        AXIS(at, outer, outer_strides, s3)
        int i = first + FIRST_ELEMENT;
#if defined(SUM) && !defined(F64) && !defined(I32) && !defined(OF_PARTIAL) && !defined(TEAM)
        if (stride == 1) {
            float16 sums = 0;
            for (; i + 16 <= end; i += 16) {
                sums += GET16((__global const stored *)x, from + i);
            }
            result += sum16(sums);
        }
#endif
        for (; i < end; i += STEP) {
            result = COMBINE(result, FETCH(x, from + i * stride));
        }
    }
#if defined(TEAM)
    result = combined(result, shared);
    if (get_local_id(0) > 0) {
        return;
    }
#endif
    STORE(y_memory + y_offset, item, result);
}

// Moving elements without looking at them.

// Adds index / (product of the axes inside axis k) % dims.k, times the strides, to both offsets.
#define AXIS(k, s)                          \
    if (rank > k) {                         \
        uint rest = index / (uint)dims.s;   \
        long at = index - rest * dims.s;    \
        from += at * x_strides.s;           \
        to += at * y_strides.s;             \
        index = rest;                       \
    }

// y[to + sum of index*y_strides] = x[from + sum of index*x_strides] for every index over the axes, of which s0 is the
// innermost. An item moves up to `run` elements along the innermost axis; dims.s0 counts such runs and `width` the
// elements. If moves is 1, a start read from memory and clamped to 0..last moves x by x_step or y by y_step for each 1.
__kernel void move(
    BUFFER(x), BUFFER(y), BUFFER(start), const int moves, const int last, const long x_step, const long y_step,
    const uint items, const int rank, const int width, const int run, const int8 dims, const long8 x_strides,
    const long8 y_strides, const long x_first, const long y_first, const long x_inner, const long y_inner) {
    uint index = get_global_id(0);
    if (index >= items) {
        return;
    }
    long from = x_first;
    long to = y_first;
    if (moves) {
        long at = clamp(AT(int, start)[0], 0, last);
        from += at * x_step;
        to += at * y_step;
    }
    int first = (int)(index % (uint)dims.s0) * run;
    AXIS(0, s0)
    AXIS(1, s1)
    AXIS(2, s2)
    AXIS(3, s3)
    AXIS(4, s4)
    AXIS(5, s5)
    AXIS(6, s6)
    AXIS(7, s7)
    int count = min(run, width - first);
    __global const stored *x = AT(stored, x) + from;
    __global stored *y = AT(stored, y) + to;
    if (x_inner == 1 && y_inner == 1) {
        for (int i = 0; i < count; i++) {
            y[i] = x[i];
        }
    } else {
        for (int i = 0; i < count; i++) {
            y[i * y_inner] = x[i * x_inner];
        }
    }
}

// y[ids[r], ...] for each r: an id outside the table reads zeros, because a kernel cannot report it.
__kernel void take_rows(BUFFER(table), BUFFER(ids), BUFFER(y), const uint items, const int rows, const int width) {
    uint i = get_global_id(0);
    if (i >= items) {
        return;
    }
    uint row = i / (uint)width;
    int id = AT(int, ids)[row];
    bool inside = id >= 0 && id < rows;
    AT(stored, y)[i] = inside ? AT(stored, table)[(long)id * width + (i - row * width)] : (stored)0;
}

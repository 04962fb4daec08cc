// y[b,i,j] = sum over k of x[b,i,k] w[b,j,k], for processors: an item keeps a block of 6 rows and 16 columns in vector
// registers. Elements of x are read where they lie, one for a whole vector of w; w is packed so that the columns of a
// block are neighbours.

#define ROWS 6
#define COLUMNS 16

// Steps of k after which sums are put back: a strip of packed w then stays in the first cache.
#define STEPS 256

// packed[b,p,k,c] = w[b, 16 p + c, k], zero beyond the last column. An item packs 16 steps of one strip.
__kernel void pack(
    BUFFER(w), BUFFER(packed), const uint items, const int n, const int k, const uint strips, const uint chunks,
    const long w_batch, const long w_row, const long w_step) {
    uint item = get_global_id(0);
    if (item >= items) {
        return;
    }
    uint strip = item / chunks;
    int first = (int)(item - strip * chunks) * 16;
    int end = min(k, first + 16);
    uint b = strip / strips;
    int column = (int)(strip - b * strips) * COLUMNS;
    int columns = min(COLUMNS, n - column);
    __global const stored *from = AT(stored, w) + b * w_batch + column * w_row;
    __global float *to = AT(float, packed) + (long)strip * k * COLUMNS;
    if (columns == COLUMNS && w_row == 1) {
        for (int at = first; at < end; at++) {
            vstore16(GET16(from, at * w_step), at, to);
        }
        return;
    }
    if (columns < COLUMNS) {
        for (int at = first; at < end; at++) {
            vstore16((float16)(0), at, to);
        }
    }
    for (int c = 0; c < columns; c++) {
        for (int at = first; at < end; at++) {
            to[at * COLUMNS + c] = GET(from, c * w_row + at * w_step);
        }
    }
}

float16 sums_at(__global const float *y, int columns) {
    if (columns == COLUMNS) {
        return vload16(0, y);
    }
    float part[COLUMNS];
    for (int c = 0; c < COLUMNS; c++) {
        part[c] = c < columns ? y[c] : 0;
    }
    return vload16(0, part);
}

void put_sums(float16 sums, __global float *y, int columns) {
    if (columns == COLUMNS) {
        vstore16(sums, 0, y);
        return;
    }
    float part[COLUMNS];
    vstore16(sums, 0, part);
    for (int c = 0; c < columns; c++) {
        y[c] = part[c];
    }
}

#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)

// An item computes `group` rows of one strip of columns.
__kernel void multiply(
    BUFFER(x), BUFFER(packed), BUFFER(y), const int m, const int n, const int k, const int group, const long x_batch,
    const long x_row, const long x_step) {
    int strip = get_global_id(0);
    int top = get_global_id(1) * group;
    int b = get_global_id(2);
    int strips = get_global_size(0);
    int columns = min(COLUMNS, n - strip * COLUMNS);
    int bottom = min(m, top + group);
    __global const stored *x = AT(stored, x) + b * x_batch;
    __global const float *w = AT(float, packed) + ((long)b * strips + strip) * k * COLUMNS;
    __global float *y = AT(float, y) + (long)b * m * n + strip * COLUMNS;
    for (int begin = 0; begin < k; begin += STEPS) {
        int steps = min(STEPS, k - begin);
        for (int i = top; i < bottom; i += ROWS) {
            // Rows beyond the last are computed as copies of it and not stored.
#define POINT(r)                                                                            \
    __global const stored *x##r = x + min(i + r, bottom - 1) * x_row + begin * x_step;       \
    __global float *y##r = y + (long)min(i + r, bottom - 1) * n;                             \
    float16 s##r = begin == 0 ? (float16)(0) : sums_at(y##r, columns);
            EACH_ROW(POINT)
            __global const float *strip_at = w + (long)begin * COLUMNS;
            for (int at = 0; at < steps; at++) {
                float16 row = vload16(at, strip_at);
#define ADD(r) s##r = fma((float16)(GET(x##r, at * x_step)), row, s##r);
                EACH_ROW(ADD)
            }
#define STORE(r)                       \
    if (i + r < bottom) {              \
        put_sums(s##r, y##r, columns); \
    }
            EACH_ROW(STORE)
        }
    }
}

// y[b,i,j] = sum over k of x[b,i,k] w[b,j,k], for GPUs: a group of 16 x 16 items computes a tile of TILE_M x TILE_N
// results, TILE_K steps at a time from local memory, each item TILE_M/16 x TILE_N/16 results in registers.

#define SIDE 16
#define ITEMS (SIDE * SIDE)
#define ITEM_M (TILE_M / SIDE)
#define ITEM_N (TILE_N / SIDE)

// One more column, so that items that write neighbouring steps do not meet in one bank.
#define PITCH(tile) ((tile) + 1)

// Reads part of a tile into local memory as [step][row], with neighbouring items on neighbouring elements.
#define FETCH(tile, size, from, first, rows, row_stride, step_stride)                            \
    for (int e = item; e < size * TILE_K; e += ITEMS) {                                          \
        int row = step_stride == 1 ? e / TILE_K : e % size;                                      \
        int step = step_stride == 1 ? e % TILE_K : e / size;                                     \
        bool inside = first + row < rows && begin + step < k;                                    \
        tile[step][row] =                                                                        \
            inside ? GET(from, (long)(first + row) * row_stride + (long)(begin + step) * step_stride) : 0.0f; \
    }

__kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1))) void multiply(
    BUFFER(x), BUFFER(w), BUFFER(y), const int m, const int n, const int k, const long x_batch, const long x_row,
    const long x_step, const long w_batch, const long w_row, const long w_step) {
    __local float x_tile[TILE_K][PITCH(TILE_M)];
    __local float w_tile[TILE_K][PITCH(TILE_N)];
    int column = get_local_id(0);
    int row_of = get_local_id(1);
    int item = row_of * SIDE + column;
    int left = get_group_id(0) * TILE_N;
    int top = get_group_id(1) * TILE_M;
    long b = get_group_id(2);
    __global const stored *x = AT(stored, x) + b * x_batch;
    __global const stored *w = AT(stored, w) + b * w_batch;
    float sums[ITEM_M][ITEM_N];
#pragma unroll
    for (int i = 0; i < ITEM_M; i++) {
#pragma unroll
        for (int j = 0; j < ITEM_N; j++) {
            sums[i][j] = 0;
        }
    }
    for (int begin = 0; begin < k; begin += TILE_K) {
        FETCH(x_tile, TILE_M, x, top, m, x_row, x_step)
        FETCH(w_tile, TILE_N, w, left, n, w_row, w_step)
        barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
        for (int step = 0; step < TILE_K; step++) {
            float xs[ITEM_M];
            float ws[ITEM_N];
#pragma unroll
            for (int i = 0; i < ITEM_M; i++) {
                xs[i] = x_tile[step][row_of + i * SIDE];
            }
#pragma unroll
            for (int j = 0; j < ITEM_N; j++) {
                ws[j] = w_tile[step][column + j * SIDE];
            }
#pragma unroll
            for (int i = 0; i < ITEM_M; i++) {
#pragma unroll
                for (int j = 0; j < ITEM_N; j++) {
                    sums[i][j] = fma(xs[i], ws[j], sums[i][j]);
                }
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    __global float *y = AT(float, y) + b * m * n;
    // Unrolled, too: sums that are indexed by a variable anywhere are not kept in registers.
#pragma unroll
    for (int i = 0; i < ITEM_M; i++) {
        int row = top + row_of + i * SIDE;
#pragma unroll
        for (int j = 0; j < ITEM_N; j++) {
            int at = left + column + j * SIDE;
            if (row < m && at < n) {
                y[(long)row * n + at] = sums[i][j];
            }
        }
    }
}

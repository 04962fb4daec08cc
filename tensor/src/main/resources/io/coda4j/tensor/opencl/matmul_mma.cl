// y[b,i,j] = sum over k of x[b,i,k] w[b,j,k] of BF16 on the tensor cores of NVIDIA GPUs: a group of 4 warps computes a
// tile of 128 x 64 results, 32 steps at a time from local memory, each warp 64 x 32 results in 4 x 4 fragments of 16 x 8.
// The next steps are read into registers while the tensor cores multiply.
//
// Which elements a lane holds: PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type". With -DEMULATED the
// one instruction that only NVIDIA has is computed from those tables in local memory, on any device.

#define WARP 32
#define WARPS_M 2
#define WARPS_N 2
#define ITEMS (WARP * WARPS_M * WARPS_N)
#define FRAGMENTS_M 4
#define FRAGMENTS_N 4
#define WARP_M (16 * FRAGMENTS_M)
#define WARP_N (8 * FRAGMENTS_N)
#define TILE_M (WARP_M * WARPS_M)
#define TILE_N (WARP_N * WARPS_N)
#define TILE_K 32

// Eight neighbouring steps of a row are read and written together.
#define CHUNKS (TILE_K / 8)

// A row in local memory in such chunks; one more, so that the lanes of a warp meet in no bank.
#define PITCH (CHUNKS + 1)

// The same in words of two elements.
#define WORDS (PITCH * 4)

#define X_UNITS (TILE_M * CHUNKS / ITEMS)
#define W_UNITS (TILE_N * CHUNKS / ITEMS)

#if defined(EMULATED)
#define FRAGMENT_MEMORY                                   \
    __local float a_matrix[ITEMS / WARP][16 * 16];        \
    __local float b_matrix[ITEMS / WARP][16 * 8];

// What mma.sync does: each lane puts its elements where the tables say that they are, and multiplies the matrices.
void emulate(float *d, const uint *a, const uint *b, __local float *a_matrix, __local float *b_matrix) {
    int lane = get_local_id(0) % WARP;
    int group = lane / 4;
    int in_group = lane % 4;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < 8; i++) {
        int row = i < 2 || (i >= 4 && i < 6) ? group : group + 8;
        int column = i < 4 ? in_group * 2 + (i & 1) : in_group * 2 + (i & 1) + 8;
        a_matrix[row * 16 + column] = as_float((a[i / 2] >> (i & 1) * 16) << 16);
    }
    for (int i = 0; i < 4; i++) {
        int row = i < 2 ? in_group * 2 + (i & 1) : in_group * 2 + (i & 1) + 8;
        b_matrix[row * 8 + group] = as_float((b[i / 2] >> (i & 1) * 16) << 16);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < 4; i++) {
        int row = i < 2 ? group : group + 8;
        int column = in_group * 2 + (i & 1);
        for (int k = 0; k < 16; k++) {
            d[i] = fma(a_matrix[row * 16 + k], b_matrix[k * 8 + column], d[i]);
        }
    }
}
#define MULTIPLY(d, a, b) emulate(d, a, b, a_matrix[get_local_id(0) / WARP], b_matrix[get_local_id(0) / WARP])
#else
#define FRAGMENT_MEMORY
#define MULTIPLY(d, a, b)                                                                        \
    asm volatile(                                                                                \
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "                                   \
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                        \
        : "+f"((d)[0]), "+f"((d)[1]), "+f"((d)[2]), "+f"((d)[3])                                 \
        : "r"((a)[0]), "r"((a)[1]), "r"((a)[2]), "r"((a)[3]), "r"((b)[0]), "r"((b)[1]))
#endif

// Eight steps of a row from `step` on, zero beyond the last; `wide` where they are neighbours and well aligned.
uint4 eight(__global const ushort *row, const int step, const int k, const long stride, const bool wide) {
    if (wide && step + 8 <= k) {
        return *(__global const uint4 *)(row + step);
    }
    uint words[4];
    for (int i = 0; i < 4; i++) {
        uint low = step + 2 * i < k ? row[(step + 2 * i) * stride] : 0;
        uint high = step + 2 * i + 1 < k ? row[(step + 2 * i + 1) * stride] : 0;
        words[i] = high << 16 | low;
    }
    return (uint4)(words[0], words[1], words[2], words[3]);
}

// Unit u of a tile of `size` rows: neighbouring items read neighbouring elements, along steps or along rows.
#define UNIT_ROW(u, size, stride) ((stride) == 1 ? (u) / CHUNKS : (u) % (size))
#define UNIT_CHUNK(u, size, stride) ((stride) == 1 ? (u) % CHUNKS : (u) / (size))

// This item's part of the steps from `begin` on of rows first .. first + size.
void fetch(
    uint4 *units, const int count, const int size, __global const ushort *from, const int first, const int rows,
    const int begin, const int k, const long row_stride, const long stride, const bool wide) {
    UNROLL
    for (int e = 0; e < count; e++) {
        int u = e * ITEMS + (int)get_local_id(0);
        int row = first + UNIT_ROW(u, size, stride);
        int step = begin + UNIT_CHUNK(u, size, stride) * 8;
        units[e] = row < rows ? eight(from + row * row_stride, step, k, stride, wide) : (uint4)(0);
    }
}

void put(__local uint4 *tile, const uint4 *units, const int count, const int size, const long stride) {
    UNROLL
    for (int e = 0; e < count; e++) {
        int u = e * ITEMS + (int)get_local_id(0);
        tile[UNIT_ROW(u, size, stride) * PITCH + UNIT_CHUNK(u, size, stride)] = units[e];
    }
}

#define IS_WIDE(from, batch, row, step) \
    ((step) == 1 && (row) % 8 == 0 && (batch) % 8 == 0 && ((ulong)(from) & 15) == 0)

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void multiply(
    BUFFER(x), BUFFER(w), BUFFER(y), const int m, const int n, const int k, const long x_batch, const long x_row,
    const long x_step, const long w_batch, const long w_row, const long w_step) {
    __local uint4 x_tile[TILE_M * PITCH];
    __local uint4 w_tile[TILE_N * PITCH];
    FRAGMENT_MEMORY
    int lane = get_local_id(0) % WARP;
    int warp = get_local_id(0) / WARP;
    int group = lane / 4;
    int in_group = lane % 4;
    int warp_m = warp % WARPS_M * WARP_M;
    int warp_n = warp / WARPS_M * WARP_N;
    int left = get_group_id(0) * TILE_N;
    int top = get_group_id(1) * TILE_M;
    long b = get_group_id(2);
    __global const ushort *x = AT(ushort, x) + b * x_batch;
    __global const ushort *w = AT(ushort, w) + b * w_batch;
    bool x_wide = IS_WIDE(AT(ushort, x), x_batch, x_row, x_step);
    bool w_wide = IS_WIDE(AT(ushort, w), w_batch, w_row, w_step);
    float sums[FRAGMENTS_M][FRAGMENTS_N][4];
    UNROLL
    for (int i = 0; i < FRAGMENTS_M; i++) {
        UNROLL
        for (int j = 0; j < FRAGMENTS_N; j++) {
            UNROLL
            for (int c = 0; c < 4; c++) {
                sums[i][j][c] = 0;
            }
        }
    }
    uint4 x_next[X_UNITS];
    uint4 w_next[W_UNITS];
    fetch(x_next, X_UNITS, TILE_M, x, top, m, 0, k, x_row, x_step, x_wide);
    fetch(w_next, W_UNITS, TILE_N, w, left, n, 0, k, w_row, w_step, w_wide);
    for (int begin = 0; begin < k; begin += TILE_K) {
        put(x_tile, x_next, X_UNITS, TILE_M, x_step);
        put(w_tile, w_next, W_UNITS, TILE_N, w_step);
        barrier(CLK_LOCAL_MEM_FENCE);
        if (begin + TILE_K < k) {
            fetch(x_next, X_UNITS, TILE_M, x, top, m, begin + TILE_K, k, x_row, x_step, x_wide);
            fetch(w_next, W_UNITS, TILE_N, w, left, n, begin + TILE_K, k, w_row, w_step, w_wide);
        }
        UNROLL
        for (int step = 0; step < TILE_K / 16; step++) {
            // Two steps of a row make a word: a lane's words lie 4 apart.
            __local const uint *x_words =
                (__local const uint *)x_tile + (warp_m + group) * WORDS + step * 8 + in_group;
            __local const uint *w_words =
                (__local const uint *)w_tile + (warp_n + group) * WORDS + step * 8 + in_group;
            uint as[FRAGMENTS_M][4];
            uint bs[FRAGMENTS_N][2];
            UNROLL
            for (int i = 0; i < FRAGMENTS_M; i++) {
                as[i][0] = x_words[(16 * i) * WORDS];
                as[i][1] = x_words[(16 * i + 8) * WORDS];
                as[i][2] = x_words[(16 * i) * WORDS + 4];
                as[i][3] = x_words[(16 * i + 8) * WORDS + 4];
            }
            UNROLL
            for (int j = 0; j < FRAGMENTS_N; j++) {
                bs[j][0] = w_words[(8 * j) * WORDS];
                bs[j][1] = w_words[(8 * j) * WORDS + 4];
            }
            UNROLL
            for (int i = 0; i < FRAGMENTS_M; i++) {
                UNROLL
                for (int j = 0; j < FRAGMENTS_N; j++) {
                    MULTIPLY(sums[i][j], as[i], bs[j]);
                }
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    __global float *y = AT(float, y) + b * m * n;
    UNROLL
    for (int i = 0; i < FRAGMENTS_M; i++) {
        UNROLL
        for (int j = 0; j < FRAGMENTS_N; j++) {
            UNROLL
            for (int c = 0; c < 4; c++) {
                int row = top + warp_m + 16 * i + group + c / 2 * 8;
                int column = left + warp_n + 8 * j + in_group * 2 + c % 2;
                if (row < m && column < n) {
                    y[(long)row * n + column] = sums[i][j][c];
                }
            }
        }
    }
}

// Attention without storing scores, for GPUs: a group takes TILE queries of one head, or TILE keys, and walks over the
// other side in tiles of TILE rows that its items share in local memory. Heads lie in rows of WIDTH elements, zero beyond
// D. Follows attention_rows.cl.
//
// The items of a group stand in BANDS bands of 16 lanes. Of a TILE x TILE block of scores an item computes rows
// band + i BANDS and columns lane + 16 j; of a TILE x WIDTH block of sums the same rows and columns lane + 16 c. Numbers
// that belong to a row are computed by four neighbouring items, each a quarter.

#define LANES 16
#define ROWS 4
#define BANDS (TILE / ROWS)
#define ITEMS (LANES * BANDS)
#define COLUMNS (TILE / LANES)
#define WIDTH (16 * VECTORS)
#define QUARTER (TILE / 4)

// Rows begin in different banks of local memory.
#define PITCH (WIDTH + 4 / (int)sizeof(stored))
#define BLOCK_PITCH (TILE + 1)

// Sums stay in registers only where the functions that add to them are inlined.
#define INLINE __attribute__((always_inline))

#define EACH_ROW UNROLL for (int i = 0; i < ROWS; i++)
#define EACH_COLUMN UNROLL for (int j = 0; j < COLUMNS; j++)
#define EACH_PART UNROLL for (int c = 0; c < VECTORS; c++)

#define LANE ((int)get_local_id(0) % LANES)
#define BAND ((int)get_local_id(0) / LANES)
#define ROW(i) (BAND + (i) * BANDS)
#define COLUMN(j) (LANE + (j) * LANES)

// Rows first .. first + TILE of a head with `count` rows into local memory.
INLINE void load_tile(
    __local stored *tile, __global const stored *from, const long stride, const int first, const int count,
    const int size) {
    for (int e = get_local_id(0); e < TILE * WIDTH; e += ITEMS) {
        int r = e / WIDTH;
        int d = e - r * WIDTH;
        bool isInside = first + r < count && d < size;
        tile[r * PITCH + d] = isInside ? from[(first + r) * stride + d] : (stored)0;
    }
}

// scores[i][j] = row i of one tile times row j of another.
INLINE void multiply_tiles(__local const stored *rows, __local const stored *columns, float (*scores)[COLUMNS]) {
    EACH_ROW {
        EACH_COLUMN { scores[i][j] = 0; }
    }
    for (int d = 0; d < WIDTH; d++) {
        float xs[ROWS];
        float ys[COLUMNS];
        EACH_ROW { xs[i] = GET(rows, ROW(i) * PITCH + d); }
        EACH_COLUMN { ys[j] = GET(columns, COLUMN(j) * PITCH + d); }
        EACH_ROW {
            EACH_COLUMN { scores[i][j] = fma(xs[i], ys[j], scores[i][j]); }
        }
    }
}

// sums[i][c] += row i of a block times column c of a tile.
INLINE void add_products(__local const float *block, __local const stored *tile, float (*sums)[VECTORS]) {
    for (int r = 0; r < TILE; r++) {
        float weights[ROWS];
        EACH_ROW { weights[i] = block[ROW(i) * BLOCK_PITCH + r]; }
        EACH_PART {
            float x = GET(tile, r * PITCH + COLUMN(c));
            EACH_ROW { sums[i][c] = fma(weights[i], x, sums[i][c]); }
        }
    }
}

// Rows first .. first + TILE of a head with `count` rows, from sums.
INLINE void put_tile(
    __global stored *to, const long stride, const int first, const int count, const int size, float (*sums)[VECTORS]) {
    EACH_ROW {
        EACH_PART {
            if (first + ROW(i) < count && COLUMN(c) < size) {
                PUT(to, (first + ROW(i)) * stride + COLUMN(c), sums[i][c]);
            }
        }
    }
}

#define CLEAR(sums)               \
    EACH_ROW {                    \
        EACH_PART { sums[i][c] = 0; } \
    }

// The group's tile of queries, the quarter of a row that is this item's, and the keys they may see. A query beyond the
// last sees nothing.
#define QUERY_TILE                                                                            \
    int first = get_group_id(0) * TILE;                                                       \
    int h = get_group_id(1);                                                                  \
    int b = get_group_id(2);                                                                  \
    int mine = get_local_id(0) / 4;                                                           \
    int quarter = get_local_id(0) % 4;                                                        \
    int t = first + mine;                                                                     \
    if (quarter == 0) {                                                                       \
        ends[mine] = t < times ? KEYS_END(t) : 0;                                             \
        segments[mine] = t < times ? AT(int, query_segments)[(long)b * times + t] : 0;        \
    }                                                                                         \
    int last = KEYS_END(min(first + TILE, times) - 1);

// The segments of TILE keys.
#define LOAD_KEY_SEGMENTS(at)                                                                 \
    if (quarter == 0 && (at) + mine < keys) {                                                 \
        key_segments_at[mine] = AT(int, key_segments)[(long)b * keys + (at) + mine];          \
    }

// Whether the query of a row sees the key of a column of the tile at `at`.
#define SEES(i, j, at) ((at) + COLUMN(j) < ends[ROW(i)] && key_segments_at[COLUMN(j)] == segments[ROW(i)])

// out = softmax(q k scale) v and the log-sum-exp of every query; one that sees nothing gives 0 and -infinity.
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void attention(
    BUFFER(q), BUFFER(k), BUFFER(v), BUFFER(query_segments), BUFFER(key_segments), BUFFER(start), BUFFER(out),
    BUFFER(lse), SHAPE) {
    __local stored queries[TILE * PITCH];
    __local stored others[TILE * PITCH];
    __local float block[TILE * BLOCK_PITCH];
    __local int ends[TILE];
    __local int segments[TILE];
    __local int key_segments_at[TILE];
    __local float greatest[TILE];
    __local float total[TILE];
    __local float rescale[TILE];
    __local float maxima[TILE * 4];
    __local float quarters[TILE * 4];
    QUERY_TILE
    if (quarter == 0) {
        greatest[mine] = -INFINITY;
        total[mine] = 0;
    }
    load_tile(queries, QUERY_HEAD(q, b, h), QUERY_STRIDE, first, times, size);
    float sums[ROWS][VECTORS];
    CLEAR(sums)
    for (int at = 0; at < last; at += TILE) {
        barrier(CLK_LOCAL_MEM_FENCE);
        load_tile(others, KEY_HEAD(k, b, h), KEY_STRIDE, at, keys, size);
        LOAD_KEY_SEGMENTS(at)
        barrier(CLK_LOCAL_MEM_FENCE);
        float scores[ROWS][COLUMNS];
        multiply_tiles(queries, others, scores);
        EACH_ROW {
            EACH_COLUMN {
                block[ROW(i) * BLOCK_PITCH + COLUMN(j)] = SEES(i, j, at) ? scores[i][j] * scale : -INFINITY;
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        load_tile(others, KEY_HEAD(v, b, h), KEY_STRIDE, at, keys, size);
        __local float *part = block + mine * BLOCK_PITCH + quarter * QUARTER;
        float most = -INFINITY;
        for (int j = 0; j < QUARTER; j++) {
            most = fmax(most, part[j]);
        }
        maxima[get_local_id(0)] = most;
        barrier(CLK_LOCAL_MEM_FENCE);
        __local const float *most_of = maxima + mine * 4;
        float before = greatest[mine];
        float now = fmax(before, fmax(fmax(most_of[0], most_of[1]), fmax(most_of[2], most_of[3])));
        float sum = 0;
        for (int j = 0; j < QUARTER; j++) {
            part[j] = now == -INFINITY ? 0.0f : exp(part[j] - now);
            sum += part[j];
        }
        quarters[get_local_id(0)] = sum;
        barrier(CLK_LOCAL_MEM_FENCE);
        if (quarter == 0) {
            __local const float *sum_of = quarters + mine * 4;
            rescale[mine] = now == -INFINITY ? 1.0f : exp(before - now);
            total[mine] = total[mine] * rescale[mine] + ((sum_of[0] + sum_of[1]) + (sum_of[2] + sum_of[3]));
            greatest[mine] = now;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        EACH_ROW {
            EACH_PART { sums[i][c] *= rescale[ROW(i)]; }
        }
        add_products(block, others, sums);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    EACH_ROW {
        float inverse = total[ROW(i)] > 0 ? 1.0f / total[ROW(i)] : 0.0f;
        EACH_PART { sums[i][c] *= inverse; }
    }
    put_tile(QUERY_HEAD(out, b, h), QUERY_STRIDE, first, times, size, sums);
    if (quarter == 0 && t < times) {
        LOG_SUMS(b, h)[t] = total[mine] > 0 ? log(total[mine]) + greatest[mine] : -INFINITY;
    }
}

// dq = sum over keys of dS k, dS = P (g v - delta) scale, and delta = g out of every query for the other kernel.
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void attention_grad_queries(
    BUFFER(q), BUFFER(k), BUFFER(v), BUFFER(query_segments), BUFFER(key_segments), BUFFER(start), BUFFER(out),
    BUFFER(lse), BUFFER(g), BUFFER(dq), BUFFER(delta), SHAPE) {
    __local stored queries[TILE * PITCH];
    __local stored grads[TILE * PITCH];
    __local stored keys_at[TILE * PITCH];
    __local stored values_at[TILE * PITCH];
    __local float block[TILE * BLOCK_PITCH];
    __local int ends[TILE];
    __local int segments[TILE];
    __local int key_segments_at[TILE];
    __local float log_sums[TILE];
    __local float deltas[TILE];
    __local float quarters[TILE * 4];
    QUERY_TILE
    load_tile(queries, QUERY_HEAD(q, b, h), QUERY_STRIDE, first, times, size);
    load_tile(grads, QUERY_HEAD(g, b, h), QUERY_STRIDE, first, times, size);
    barrier(CLK_LOCAL_MEM_FENCE);
    float dots = 0;
    for (int d = quarter; t < times && d < size; d += 4) {
        dots = fma(GET(grads, mine * PITCH + d), GET(QUERY_HEAD(out, b, h), t * QUERY_STRIDE + d), dots);
    }
    quarters[get_local_id(0)] = dots;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (quarter == 0 && t < times) {
        __local const float *of = quarters + mine * 4;
        deltas[mine] = (of[0] + of[1]) + (of[2] + of[3]);
        DELTAS(b, h)[(long)t * heads] = deltas[mine];
        log_sums[mine] = LOG_SUMS(b, h)[t];
    }
    float sums[ROWS][VECTORS];
    CLEAR(sums)
    for (int at = 0; at < last; at += TILE) {
        barrier(CLK_LOCAL_MEM_FENCE);
        load_tile(keys_at, KEY_HEAD(k, b, h), KEY_STRIDE, at, keys, size);
        load_tile(values_at, KEY_HEAD(v, b, h), KEY_STRIDE, at, keys, size);
        LOAD_KEY_SEGMENTS(at)
        barrier(CLK_LOCAL_MEM_FENCE);
        float scores[ROWS][COLUMNS];
        float changes[ROWS][COLUMNS];
        multiply_tiles(queries, keys_at, scores);
        multiply_tiles(grads, values_at, changes);
        EACH_ROW {
            EACH_COLUMN {
                block[ROW(i) * BLOCK_PITCH + COLUMN(j)] =
                    SEES(i, j, at)
                        ? exp(scores[i][j] * scale - log_sums[ROW(i)]) * (changes[i][j] - deltas[ROW(i)]) * scale
                        : 0.0f;
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        add_products(block, keys_at, sums);
    }
    put_tile(QUERY_HEAD(dq, b, h), QUERY_STRIDE, first, times, size, sums);
}

// dk = sum over queries of dS q and dv = sum of P g, over all query heads of the key's head.
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void attention_grad_keys(
    BUFFER(q), BUFFER(k), BUFFER(v), BUFFER(query_segments), BUFFER(key_segments), BUFFER(start), BUFFER(lse),
    BUFFER(g), BUFFER(delta), BUFFER(dk), BUFFER(dv), SHAPE) {
    __local stored keys_of[TILE * PITCH];
    __local stored values_of[TILE * PITCH];
    __local stored queries_at[TILE * PITCH];
    __local stored grads_at[TILE * PITCH];
    __local float weights[TILE * BLOCK_PITCH];
    __local float changes[TILE * BLOCK_PITCH];
    __local int segments[TILE];
    __local int query_segments_at[TILE];
    __local int ends_at[TILE];
    __local float log_sums_at[TILE];
    __local float deltas_at[TILE];
    int first = get_group_id(0) * TILE;
    int b = get_group_id(2);
    int group = heads / key_heads;
    int first_head = get_group_id(1) * group;
    int mine = get_local_id(0);
    if (mine < TILE && first + mine < keys) {
        segments[mine] = AT(int, key_segments)[(long)b * keys + first + mine];
    }
    load_tile(keys_of, KEY_HEAD(k, b, first_head), KEY_STRIDE, first, keys, size);
    load_tile(values_of, KEY_HEAD(v, b, first_head), KEY_STRIDE, first, keys, size);
    float dks[ROWS][VECTORS];
    float dvs[ROWS][VECTORS];
    CLEAR(dks)
    CLEAR(dvs)
    for (int h = first_head; h < first_head + group; h++) {
        for (int at = FIRST_TIME(first); at < times; at += TILE) {
            barrier(CLK_LOCAL_MEM_FENCE);
            load_tile(queries_at, QUERY_HEAD(q, b, h), QUERY_STRIDE, at, times, size);
            load_tile(grads_at, QUERY_HEAD(g, b, h), QUERY_STRIDE, at, times, size);
            if (mine < TILE) {
                int t = at + mine;
                ends_at[mine] = t < times ? KEYS_END(t) : 0;
                if (t < times) {
                    query_segments_at[mine] = AT(int, query_segments)[(long)b * times + t];
                    log_sums_at[mine] = LOG_SUMS(b, h)[t];
                    deltas_at[mine] = DELTAS(b, h)[(long)t * heads];
                }
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            float scores[ROWS][COLUMNS];
            float products[ROWS][COLUMNS];
            multiply_tiles(keys_of, queries_at, scores);
            multiply_tiles(values_of, grads_at, products);
            EACH_ROW {
                EACH_COLUMN {
                    int column = COLUMN(j);
                    bool sees = first + ROW(i) < ends_at[column] && segments[ROW(i)] == query_segments_at[column];
                    float p = sees ? exp(scores[i][j] * scale - log_sums_at[column]) : 0.0f;
                    weights[ROW(i) * BLOCK_PITCH + column] = p;
                    changes[ROW(i) * BLOCK_PITCH + column] =
                        sees ? p * (products[i][j] - deltas_at[column]) * scale : 0.0f;
                }
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            add_products(weights, grads_at, dvs);
            add_products(changes, queries_at, dks);
        }
    }
    put_tile(KEY_HEAD(dk, b, first_head), KEY_STRIDE, first, keys, size, dks);
    put_tile(KEY_HEAD(dv, b, first_head), KEY_STRIDE, first, keys, size, dvs);
}

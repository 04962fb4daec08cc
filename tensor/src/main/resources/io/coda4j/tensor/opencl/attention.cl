// Attention without storing scores, for processors: a query is the work of one item, which keeps the greatest score and
// the sum of exponentials so far and rescales when a greater one comes. Rows lie in VECTORS vectors of 16, zero beyond D.
// Follows attention_rows.cl.

#define KEYS 16

float16 row_part(__global const stored *row, int first, int size) {
    if (first + 16 <= size) {
        return GET16(row, first);
    }
    float part[16];
    for (int i = 0; i < 16; i++) {
        part[i] = first + i < size ? GET(row, first + i) : 0.0f;
    }
    return vload16(0, part);
}

void put_part(__global stored *row, int first, int size, float16 x) {
    if (first + 16 <= size) {
        PUT16(row, first, x);
        return;
    }
    float part[16];
    vstore16(x, 0, part);
    for (int i = 0; i < 16 && first + i < size; i++) {
        PUT(row, first + i, part[i]);
    }
}

#define EACH_VECTOR _Pragma("unroll") for (int c = 0; c < VECTORS; c++)

float dot_row(const float16 *a, __global const stored *row, int size) {
    float16 sum = 0;
    EACH_VECTOR { sum = fma(a[c], row_part(row, c * 16, size), sum); }
    return sum16(sum);
}

// The query of this item and the keys it may see.
#define QUERY_ROW                                                           \
    int row = get_global_id(0);                                             \
    if (row >= rows) {                                                      \
        return;                                                             \
    }                                                                       \
    int h = row % heads;                                                    \
    int bt = row / heads;                                                   \
    int b = bt / times;                                                     \
    int t = bt - b * times;                                                 \
    int segment = AT(int, query_segments)[bt];                              \
    __global const int *segments = AT(int, key_segments) + (long)b * keys;  \
    int end = KEYS_END(t);                                                  \
    long stride = KEY_STRIDE;                                               \
    __global const stored *k = KEY_HEAD(k, b, h);                           \
    __global const stored *v = KEY_HEAD(v, b, h);                           \
    float16 query[VECTORS];                                                 \
    float16 sums[VECTORS];                                                  \
    EACH_VECTOR {                                                           \
        query[c] = row_part(AT(stored, q) + (long)row * size, c * 16, size) * scale; \
        sums[c] = 0;                                                        \
    }

// out = softmax(q k scale) v and the log-sum-exp of every query; one that sees nothing gives 0 and -infinity.
__kernel void attention(
    BUFFER(q), BUFFER(k), BUFFER(v), BUFFER(query_segments), BUFFER(key_segments), BUFFER(start), BUFFER(out),
    BUFFER(lse), const int rows, SHAPE) {
    QUERY_ROW
    float greatest = -INFINITY;
    float total = 0;
    for (int first = 0; first < end; first += KEYS) {
        float scores[KEYS];
        for (int j = 0; j < KEYS; j++) {
            int key = first + j;
            bool sees = key < end && segments[key] == segment;
            scores[j] = sees ? dot_row(query, k + key * stride, size) : -INFINITY;
        }
        float16 block = vload16(0, scores);
        float next = fmax(greatest, max16(block));
        if (next == -INFINITY) {
            continue;
        }
        float rescale = exp(greatest - next);
        block = exp(block - next);
        total = total * rescale + sum16(block);
        greatest = next;
        EACH_VECTOR { sums[c] *= rescale; }
        vstore16(block, 0, scores);
        for (int j = 0; j < min(KEYS, end - first); j++) {
            EACH_VECTOR { sums[c] = fma(scores[j], row_part(v + (first + j) * stride, c * 16, size), sums[c]); }
        }
    }
    float inverse = total > 0 ? 1.0f / total : 0.0f;
    EACH_VECTOR { put_part(AT(stored, out) + (long)row * size, c * 16, size, sums[c] * inverse); }
    LOG_SUMS(b, h)[t] = total > 0 ? log(total) + greatest : -INFINITY;
}

// dq = sum over keys of dS k, dS = P (g v - delta) scale, and delta = g out of every query for the other kernel.
__kernel void attention_grad_queries(
    BUFFER(q), BUFFER(k), BUFFER(v), BUFFER(query_segments), BUFFER(key_segments), BUFFER(start), BUFFER(out),
    BUFFER(lse), BUFFER(g), BUFFER(dq), BUFFER(delta), const int rows, SHAPE) {
    QUERY_ROW
    float16 grad[VECTORS];
    EACH_VECTOR { grad[c] = row_part(AT(stored, g) + (long)row * size, c * 16, size); }
    float d = dot_row(grad, AT(stored, out) + (long)row * size, size);
    float log_sum = LOG_SUMS(b, h)[t];
    for (int first = 0; first < end; first += KEYS) {
        float scores[KEYS];
        float grads[KEYS];
        for (int j = 0; j < KEYS; j++) {
            int key = first + j;
            bool sees = key < end && segments[key] == segment;
            scores[j] = sees ? dot_row(query, k + key * stride, size) - log_sum : -INFINITY;
            grads[j] = sees ? dot_row(grad, v + key * stride, size) : 0.0f;
        }
        vstore16(exp(vload16(0, scores)) * (vload16(0, grads) - d) * scale, 0, grads);
        for (int j = 0; j < min(KEYS, end - first); j++) {
            EACH_VECTOR { sums[c] = fma(grads[j], row_part(k + (first + j) * stride, c * 16, size), sums[c]); }
        }
    }
    EACH_VECTOR { put_part(AT(stored, dq) + (long)row * size, c * 16, size, sums[c]); }
    AT(float, delta)[row] = d;
}

// dk = sum over queries of dS q and dv = sum of P g, over all query heads of the key's head.
__kernel void attention_grad_keys(
    BUFFER(q), BUFFER(k), BUFFER(v), BUFFER(query_segments), BUFFER(key_segments), BUFFER(start), BUFFER(lse),
    BUFFER(g), BUFFER(delta), BUFFER(dk), BUFFER(dv), const int rows, SHAPE) {
    int row = get_global_id(0);
    if (row >= rows) {
        return;
    }
    int kh = row % key_heads;
    int bs = row / key_heads;
    int b = bs / keys;
    int s = bs - b * keys;
    int segment = AT(int, key_segments)[bs];
    __global const int *segments = AT(int, query_segments) + (long)b * times;
    int first_time = FIRST_TIME(s);
    int group = heads / key_heads;
    float16 key[VECTORS];
    float16 value[VECTORS];
    float16 dks[VECTORS];
    float16 dvs[VECTORS];
    EACH_VECTOR {
        key[c] = row_part(AT(stored, k) + (long)row * size, c * 16, size) * scale;
        value[c] = row_part(AT(stored, v) + (long)row * size, c * 16, size);
        dks[c] = 0;
        dvs[c] = 0;
    }
    for (int h = kh * group; h < (kh + 1) * group; h++) {
        long stride = QUERY_STRIDE;
        __global const stored *q = QUERY_HEAD(q, b, h);
        __global const stored *g = QUERY_HEAD(g, b, h);
        __global const float *lse = LOG_SUMS(b, h);
        __global const float *delta = DELTAS(b, h);
        for (int first = first_time; first < times; first += KEYS) {
            float scores[KEYS];
            float grads[KEYS];
            for (int j = 0; j < KEYS; j++) {
                int t = first + j;
                bool sees = t < times && segments[t] == segment;
                scores[j] = sees ? dot_row(key, q + t * stride, size) - lse[t] : -INFINITY;
                grads[j] = sees ? dot_row(value, g + t * stride, size) - delta[(long)t * heads] : 0.0f;
            }
            float16 p = exp(vload16(0, scores));
            vstore16(p, 0, scores);
            vstore16(p * vload16(0, grads) * scale, 0, grads);
            for (int j = 0; j < min(KEYS, times - first); j++) {
                EACH_VECTOR {
                    dvs[c] = fma(scores[j], row_part(g + (first + j) * stride, c * 16, size), dvs[c]);
                    dks[c] = fma(grads[j], row_part(q + (first + j) * stride, c * 16, size), dks[c]);
                }
            }
        }
    }
    EACH_VECTOR {
        put_part(AT(stored, dk) + (long)row * size, c * 16, size, dks[c]);
        put_part(AT(stored, dv) + (long)row * size, c * 16, size, dvs[c]);
    }
}

// RMSNorm over rows x[rows,width].

// y = x * rsqrt(mean(x^2) + eps) * weight
__kernel void rms_norm(BUFFER(x), BUFFER(weight), BUFFER(y), const int rows, const int width, const float eps) {
    TEAM_MEMORY
    TEAM_ROW(row, rows)
    __global const stored *x = AT(stored, x) + (long)row * width;
    __global const stored *weight = AT(stored, weight);
    __global stored *y = AT(stored, y) + (long)row * width;
    float squares = 0;
    float16 squares16 = 0;
    EACH(width, float16 v = GET16(x, i); squares16 = fma(v, v, squares16), float v = GET(x, i); squares = fma(v, v, squares))
    float r = rsqrt(TEAM_SUM(squares + sum16(squares16)) / width + eps);
    EACH(width, PUT16(y, i, ROUND16(GET16(x, i) * r) * GET16(weight, i)), PUT(y, i, ROUND(GET(x, i) * r) * GET(weight, i)))
}

// dx = g w r - x r^3 mean(g w x), and r of each row for the cotangent of the weight.
__kernel void rms_norm_grad(
    BUFFER(x), BUFFER(weight), BUFFER(g), BUFFER(dx), BUFFER(inverse), const int rows, const int width,
    const float eps) {
    TEAM_MEMORY
    TEAM_ROW(row, rows)
    __global const stored *x = AT(stored, x) + (long)row * width;
    __global const stored *g = AT(stored, g) + (long)row * width;
    __global const stored *weight = AT(stored, weight);
    __global stored *dx = AT(stored, dx) + (long)row * width;
    float squares = 0;
    float16 squares16 = 0;
    float dots = 0;
    float16 dots16 = 0;
    EACH(width,
        float16 v = GET16(x, i); squares16 = fma(v, v, squares16); dots16 = fma(v, GET16(g, i) * GET16(weight, i), dots16),
        float v = GET(x, i); squares = fma(v, v, squares); dots = fma(v, GET(g, i) * GET(weight, i), dots))
    float r = rsqrt(TEAM_SUM(squares + sum16(squares16)) / width + eps);
    float projection = TEAM_SUM(dots + sum16(dots16)) * r * r * r / width;
    EACH(width,
        PUT16(dx, i, GET16(g, i) * GET16(weight, i) * r - GET16(x, i) * projection),
        PUT(dx, i, GET(g, i) * GET(weight, i) * r - GET(x, i) * projection))
    if (get_global_id(0) % TEAM == 0) {
        AT(float, inverse)[row] = r;
    }
}

// part[p,c] = sum of g x r over the rows of piece p.
__kernel void weight_part(
    BUFFER(x), BUFFER(g), BUFFER(inverse), BUFFER(part), const int rows, const int width, const int length) {
    int first = get_global_id(1) * length;
    int end = min(rows, first + length);
    __global const float *inverse = AT(float, inverse);
    __global float *part = AT(float, part) + (long)get_global_id(1) * width;
#if TEAM == 1
    int column = get_global_id(0) * 16;
    if (column + 16 <= width) {
        float16 sum = 0;
        for (int row = first; row < end; row++) {
            long at = (long)row * width + column;
            sum = fma(GET16(AT(stored, g), at) * inverse[row], GET16(AT(stored, x), at), sum);
        }
        vstore16(sum, 0, part + column);
        return;
    }
    int last = min(column + 16, width);
#else
    int column = get_global_id(0);
    int last = min(column + 1, width);
#endif
    for (; column < last; column++) {
        float sum = 0;
        for (int row = first; row < end; row++) {
            long at = (long)row * width + column;
            sum = fma(GET(AT(stored, g), at) * inverse[row], GET(AT(stored, x), at), sum);
        }
        part[column] = sum;
    }
}

// dweight[c] = sum over the pieces.
__kernel void weight_sum(BUFFER(part), BUFFER(dweight), const int pieces, const int width) {
    int column = get_global_id(0);
    if (column >= width) {
        return;
    }
    float sum = 0;
    for (int p = 0; p < pieces; p++) {
        sum += AT(float, part)[(long)p * width + column];
    }
    PUT(AT(stored, dweight), column, sum);
}

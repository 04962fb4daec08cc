// Rotary position embedding of x[B,T,H,2*half].

// The cosines and then the sines of positions[t] * theta^(-i/half), each [T,half]; log_theta is its logarithm.
__kernel void angles(
    BUFFER(positions), BUFFER(table), const int items, const int half_size, const float log_theta, const float sign) {
    int item = get_global_id(0);
    if (item >= items) {
        return;
    }
    int t = item / half_size;
    int i = item - t * half_size;
    float angle = (float)AT(int, positions)[t] * exp((float)i * (-log_theta / half_size));
    AT(float, table)[item] = cos(angle);
    AT(float, table)[items + item] = sign * sin(angle);
}

// Rotates the pairs (i, i + half) of each of the B*T*H rows.
__kernel void rotate_rows(
    BUFFER(x), BUFFER(table), BUFFER(y), const int rows, const int heads, const int times, const int half_size) {
    TEAM_ROW(row, rows)
    int t = row / heads % times;
    __global const float *cosine = AT(float, table) + (long)t * half_size;
    __global const float *sine = cosine + (long)times * half_size;
    __global const stored *x = AT(stored, x) + (long)row * 2 * half_size;
    __global stored *y = AT(stored, y) + (long)row * 2 * half_size;
    EACH(half_size,
        float16 a = GET16(x, i); float16 b = GET16(x, i + half_size);
        float16 c = vload16(0, cosine + i); float16 s = vload16(0, sine + i);
        PUT16(y, i, a * c - b * s); PUT16(y, i + half_size, b * c + a * s),
        float a = GET(x, i); float b = GET(x, i + half_size);
        PUT(y, i, a * cosine[i] - b * sine[i]); PUT(y, i + half_size, b * cosine[i] + a * sine[i]))
}

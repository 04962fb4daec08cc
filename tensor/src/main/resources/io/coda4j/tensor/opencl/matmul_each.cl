// y[b,i,j] = sum over k of x[b,i,k] w[b,j,k], each operand read with strides of its own: the plainest product, for
// what has no better kernel.
__kernel void multiply(
    BUFFER(x), BUFFER(w), BUFFER(y), const uint items, const uint m, const uint n, const int k, const long x_batch,
    const long x_row, const long x_step, const long w_batch, const long w_row, const long w_step) {
    uint item = get_global_id(0);
    if (item >= items) {
        return;
    }
    uint row = item / n;
    uint j = item - row * n;
    uint b = row / m;
    uint i = row - b * m;
    long from_x = b * x_batch + i * x_row;
    long from_w = b * w_batch + j * w_row;
    number sum = 0;
    for (int at = 0; at < k; at++) {
        sum += GET(AT(stored, x), from_x + at * x_step) * GET(AT(stored, w), from_w + at * w_step);
    }
    AT(number, y)[item] = sum;
}

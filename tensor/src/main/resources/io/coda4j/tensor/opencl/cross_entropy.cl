// Cross-entropy of rows of logits[rows,width].

// logSumExp and loss = logSumExp - logits[target]
__kernel void cross_entropy(
    BUFFER(logits), BUFFER(targets), BUFFER(loss), BUFFER(lse), const int rows, const int width) {
    TEAM_MEMORY
    TEAM_ROW(row, rows)
    __global const stored *x = AT(stored, logits) + (long)row * width;
    float greatest = -INFINITY;
    float16 greatest16 = -INFINITY;
    EACH(width, greatest16 = fmax(greatest16, GET16(x, i)), greatest = fmax(greatest, GET(x, i)))
    greatest = TEAM_MAX(fmax(greatest, max16(greatest16)));
    float sum = 0;
    float16 sums = 0;
    EACH(width, sums += exp(GET16(x, i) - greatest), sum += exp(GET(x, i) - greatest))
    float result = log(TEAM_SUM(sum + sum16(sums))) + greatest;
    if (get_global_id(0) % TEAM == 0) {
        int target = AT(int, targets)[row];
        float chosen = target >= 0 && target < width ? GET(x, target) : 0.0f;
        AT(float, lse)[row] = result;
        AT(float, loss)[row] = result - chosen;
    }
}

// (exp(logits - logSumExp) - onehot) * g
__kernel void cross_entropy_grad(
    BUFFER(logits), BUFFER(targets), BUFFER(lse), BUFFER(g), BUFFER(y), const int rows, const int width) {
    TEAM_ROW(row, rows)
    __global const stored *x = AT(stored, logits) + (long)row * width;
    __global stored *y = AT(stored, y) + (long)row * width;
    float log_sum = AT(float, lse)[row];
    float scale = AT(float, g)[row];
    int target = AT(int, targets)[row];
    EACH(width,
        PUT16(y, i, exp(GET16(x, i) - log_sum) * scale),
        PUT(y, i, (exp(GET(x, i) - log_sum) - (i == target ? 1.0f : 0.0f)) * scale))
#if TEAM == 1
    if (target >= 0 && target < width) {
        PUT(y, target, (exp(GET(x, target) - log_sum) - 1.0f) * scale);
    }
#endif
}

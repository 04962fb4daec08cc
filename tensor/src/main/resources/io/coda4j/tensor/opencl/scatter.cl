// Adding rows of updates[n,width] at ids[n], in the order of the ids and without atomics, so that sums are the same at
// every run: the updates of one row form a list, which the items of that row follow.

// head[row] = the first update of the row or -1, next[i] = the update of the same row after update i or -1.
__kernel void link_updates(BUFFER(ids), BUFFER(head), BUFFER(next), const int n, const int rows) {
    int i = get_global_id(0);
    if (i >= n) {
        return;
    }
    __global const int *ids = AT(int, ids);
    int id = ids[i];
    int after = -1;
    for (int j = i + 1; j < n; j++) {
        if (ids[j] == id) {
            after = j;
            break;
        }
    }
    AT(int, next)[i] = after;
    bool first = id >= 0 && id < rows;
    for (int j = 0; first && j < i; j++) {
        first = ids[j] != id;
    }
    if (first) {
        AT(int, head)[id] = i;
    }
}

__kernel void add_rows(
    BUFFER(updates), BUFFER(head), BUFFER(next), BUFFER(y), const uint items, const int width) {
    uint i = get_global_id(0);
    if (i >= items) {
        return;
    }
    uint row = i / (uint)width;
    uint column = i - row * width;
    number sum = 0;
    for (int at = AT(int, head)[row]; at >= 0; at = AT(int, next)[at]) {
        sum += GET(AT(stored, updates), (long)at * width + column);
    }
    PUT(AT(stored, y), i, sum);
}

// Adding rows of updates[n,width] at ids[n], in the order of the ids and without atomics, so that sums are the same at
// every run: the updates of one row form a list, which the items of that row follow. head[row] is the first update of the
// row or -1, next[i] the update of the same row after update i or -1.

// The lists, by one item in one pass from the last update to the first: for processors.
__kernel void link_in_turn(BUFFER(ids), BUFFER(head), BUFFER(next), const int n, const int rows) {
    if (get_global_id(0) > 0) {
        return;
    }
    __global int *head = AT(int, head);
    __global int *next = AT(int, next);
    for (int i = n - 1; i >= 0; i--) {
        int id = AT(int, ids)[i];
        if (id >= 0 && id < rows) {
            next[i] = head[id];
            head[id] = i;
        }
    }
}

// For GPUs the updates are sorted by id, equal ids in their order: runs of `width` positions are merged two by two, each
// item finding by bisection where its update goes. n log n items in all, with a search of log n steps each.

__kernel void first_order(BUFFER(order), const int n) {
    int i = get_global_id(0);
    if (i < n) {
        AT(int, order)[i] = i;
    }
}

__kernel void merge_runs(BUFFER(ids), BUFFER(from), BUFFER(to), const int n, const int width) {
    int i = get_global_id(0);
    if (i >= n) {
        return;
    }
    __global const int *ids = AT(int, ids);
    __global const int *from = AT(int, from);
    int update = from[i];
    int id = ids[update];
    int run = i / width;
    bool isLeft = run % 2 == 0;
    int other = (isLeft ? run + 1 : run - 1) * width;
    // Updates of the other run that go before this one; of equal ids the left run's do.
    int low = min(other, n);
    int high = min(n - low, width) + low;
    while (low < high) {
        int middle = low + (high - low) / 2;
        int its = ids[from[middle]];
        if (its < id || (its == id && !isLeft)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    int before = low - min(other, n);
    int pair = run / 2 * 2 * width;
    AT(int, to)[pair + (i - run * width) + before] = update;
}

__kernel void link_sorted(BUFFER(ids), BUFFER(order), BUFFER(head), BUFFER(next), const int n, const int rows) {
    int i = get_global_id(0);
    if (i >= n) {
        return;
    }
    __global const int *ids = AT(int, ids);
    __global const int *order = AT(int, order);
    int update = order[i];
    int id = ids[update];
    bool goesOn = i + 1 < n && ids[order[i + 1]] == id;
    AT(int, next)[update] = goesOn ? order[i + 1] : -1;
    bool isFirst = i == 0 || ids[order[i - 1]] != id;
    if (isFirst && id >= 0 && id < rows) {
        AT(int, head)[id] = update;
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

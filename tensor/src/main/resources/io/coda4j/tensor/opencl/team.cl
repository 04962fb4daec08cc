// Rows that a team of TEAM neighbouring items works on together: on GPUs a whole group, which shares local memory; on
// processors one item, whose loops take 16 elements at a time. Follows the prelude.

#if TEAM == 1
#define TEAM_MEMORY
#define TEAM_ROW(row, rows)       \
    int row = get_global_id(0);   \
    if (row >= rows) {            \
        return;                   \
    }
#define TEAM_SUM(x) (x)
#define TEAM_MAX(x) (x)
#else
#define TEAM_MEMORY __local float team_shared[TEAM];
// There are exactly as many groups as rows; a return in front of barriers would be an error.
#define TEAM_ROW(row, rows) int row = get_group_id(0);
#define TEAM_SUM(x) team_reduce(x, team_shared, false)
#define TEAM_MAX(x) team_reduce(x, team_shared, true)

// The sum or maximum of x over all items of the group, in a fixed order, given to each of them.
float team_reduce(float x, __local float *shared, bool greatest) {
    int lane = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    shared[lane] = x;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int apart = TEAM / 2; apart > 0; apart /= 2) {
        if (lane < apart) {
            float other = shared[lane + apart];
            shared[lane] = greatest ? fmax(shared[lane], other) : shared[lane] + other;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    return shared[0];
}
#endif

// For vectors of a row first, where the team is one item, then for what is left: VECTOR and SINGLE use i.
#if TEAM == 1
#define EACH(count, VECTOR, SINGLE)            \
    {                                          \
        int i = 0;                             \
        for (; i + 16 <= (count); i += 16) {   \
            VECTOR;                            \
        }                                      \
        for (; i < (count); i++) {             \
            SINGLE;                            \
        }                                      \
    }
#else
#define EACH(count, VECTOR, SINGLE)                                \
    for (int i = get_local_id(0); i < (count); i += TEAM) {        \
        SINGLE;                                                    \
    }
#endif

#if defined(BF16)
#define ROUND(x) bf16_round(x)
#define ROUND16(x) bf16_round16(x)
#elif defined(F16)
#define ROUND(x) half_round(x)
#define ROUND16(x) half_round16(x)
#else
#define ROUND(x) (x)
#define ROUND16(x) (x)
#endif

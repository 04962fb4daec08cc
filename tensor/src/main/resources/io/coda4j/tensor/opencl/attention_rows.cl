// What the kernels of attention share, over q[B,T,H,D], k and v[B,S,K,D]: the numbers that say so, and where a query or a
// key lies and what it sees. Follows the prelude.

#define SHAPE                                                                                                 \
    const int times, const int keys, const int heads, const int key_heads, const int size, const int causal, \
        const float scale

// How far neighbouring keys, and neighbouring queries, of one head are apart.
#define KEY_STRIDE ((long)key_heads * size)
#define QUERY_STRIDE ((long)heads * size)

// The head of `name`, as queries or as keys have it, that query head h of batch row b works with.
#define KEY_HEAD(name, b, h) (AT(stored, name) + (long)(b) * keys * KEY_STRIDE + (long)((h) / (heads / key_heads)) * size)
#define QUERY_HEAD(name, b, h) (AT(stored, name) + (long)(b) * times * QUERY_STRIDE + (long)(h) * size)

// The log-sum-exp of the queries of a head, [B,H,T], and delta, [B,T,H].
#define LOG_SUMS(b, h) (AT(float, lse) + ((long)(b) * heads + (h)) * times)
#define DELTAS(b, h) (AT(float, delta) + (long)(b) * times * heads + (h))

// The end of the keys that query t may see, and the first query that may see key s; positions count from `start`, with
// which they may leave the range of int.
#define KEYS_END(t) (causal ? (int)clamp((long)AT(int, start)[0] + (t) + 1, 0L, (long)keys) : keys)
#define FIRST_TIME(s) (causal ? (int)clamp((s) - (long)AT(int, start)[0], 0L, (long)times) : 0)

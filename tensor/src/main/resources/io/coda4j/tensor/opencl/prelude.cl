// What every program begins with.
//
// Options say for which elements a program is built: -DF32, -DBF16, -DF64, -DI32 or, where elements are only moved,
// -DBYTES=1, 2, 4 or 8. From them follow
//   stored   an element in memory
//   number   the type in which it is computed
//   GET, PUT reading and writing element i of an array p of stored

#if defined(F64)
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif

// A tensor: memory, and the bytes in front of it. Two parameters, as the host passes them.
#define BUFFER(x) __global uchar *x##_memory, const long x##_offset
#define AT(type, x) ((__global type *)(x##_memory + x##_offset))

// In front of loops that GPUs need unrolled to keep arrays in registers. A processor, which runs kernels for GPUs in tests
// alone, would take minutes to build them so: -DROLLED.
#if defined(ROLLED)
#define UNROLL _Pragma("nounroll")
#else
#define UNROLL _Pragma("unroll")
#endif

// The bits of x rounded to the nearest bfloat16, ties to even; NaN stays NaN.
#define ROUNDING(N)                                                                          \
    uint##N bf16_bits##N(float##N x) {                                                       \
        uint##N bits = as_uint##N(x);                                                        \
        uint##N rounded = (bits + (uint##N)(0x7fff) + ((bits >> 16) & (uint##N)(1))) >> 16;  \
        uint##N quiet = (bits >> 16) | (uint##N)(0x40);                                      \
        return (bits & (uint##N)(0x7fffffff)) > (uint##N)(0x7f800000) ? quiet : rounded;     \
    }                                                                                        \
    float##N bf16_round##N(float##N x) { return as_float##N(bf16_bits##N(x) << 16); }
ROUNDING()
ROUNDING(16)

float sum16(float16 x) {
    float8 eight = x.lo + x.hi;
    float4 four = eight.lo + eight.hi;
    return (four.x + four.y) + (four.z + four.w);
}

float max16(float16 x) {
    float8 eight = fmax(x.lo, x.hi);
    float4 four = fmax(eight.lo, eight.hi);
    return fmax(fmax(four.x, four.y), fmax(four.z, four.w));
}

#if defined(F32)
typedef float stored;
typedef float number;
#define GET(p, i) ((p)[i])
#define PUT(p, i, x) ((p)[i] = (x))
#define GET16(p, i) vload16(0, (p) + (i))
#define PUT16(p, i, x) vstore16((x), 0, (p) + (i))
#elif defined(BF16)
typedef ushort stored;
typedef float number;
#define GET(p, i) as_float((uint)(p)[i] << 16)
#define PUT(p, i, x) ((p)[i] = (ushort)bf16_bits(x))
#define GET16(p, i) as_float16(convert_uint16(vload16(0, (p) + (i))) << 16)
#define PUT16(p, i, x) vstore16(convert_ushort16(bf16_bits16(x)), 0, (p) + (i))
#elif defined(F64)
typedef double stored;
typedef double number;
#define GET(p, i) ((p)[i])
#define PUT(p, i, x) ((p)[i] = (x))
#elif defined(I32)
typedef int stored;
typedef int number;
#define GET(p, i) ((p)[i])
#define PUT(p, i, x) ((p)[i] = (x))
#elif defined(BYTES)
#if BYTES == 1
typedef uchar stored;
#elif BYTES == 2
typedef ushort stored;
#elif BYTES == 4
typedef uint stored;
#else
typedef ulong stored;
#endif
#endif

// What every program begins with.
//
// Options say for which elements a program is built: -DF32, -DF16, -DBF16, -DF64, -DI32, -DI8 or, where elements are only moved,
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

// Numbers of IEEE binary16, taken apart as integers: vload_half and vstore_half read and write memory alone, and one address
// space each, while these serve vectors of registers and local memory, too. They lose nothing, nor flush subnormal numbers.
// half_bits rounds to nearest, ties to even, and to infinity beyond the greatest number; NaN stays NaN.
#define HALF(N)                                                                                       \
    float##N half_float##N(uint##N bits) {                                                            \
        uint##N magnitude = (bits & (uint##N)(0x7fff)) << 13;                                         \
        uint##N normal = magnitude + (uint##N)(0x38000000);                                           \
        uint##N subnormal = as_uint##N(as_float##N(magnitude + (uint##N)(0x38800000)) - 0x1p-14f);    \
        uint##N value = magnitude < (uint##N)(0x00800000) ? subnormal : normal;                       \
        value = magnitude < (uint##N)(0x0f800000) ? value : magnitude | (uint##N)(0x7f800000);        \
        return as_float##N(value | (bits & (uint##N)(0x8000)) << 16);                                 \
    }                                                                                                 \
    uint##N half_bits##N(float##N x) {                                                                \
        uint##N bits = as_uint##N(x);                                                                 \
        uint##N magnitude = bits & (uint##N)(0x7fffffff);                                             \
        uint##N odd = (magnitude >> 13) & (uint##N)(1);                                               \
        uint##N normal = (magnitude - (uint##N)(0x38000000) + (uint##N)(0xfff) + odd) >> 13;          \
        uint##N subnormal = as_uint##N(as_float##N(magnitude) + 0.5f) - (uint##N)(0x3f000000);        \
        uint##N rounded = magnitude < (uint##N)(0x38800000) ? subnormal : normal;                        \
        rounded = magnitude < (uint##N)(0x477ff000) ? rounded : (uint##N)(0x7c00);                          \
        rounded = magnitude > (uint##N)(0x7f800000) ? (uint##N)(0x7e00) : rounded;                          \
        return rounded | ((bits >> 16) & (uint##N)(0x8000));                                             \
    }                                                                                                 \
    float##N half_round##N(float##N x) { return half_float##N(half_bits##N(x)); }
HALF()
HALF(16)

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
#elif defined(F16)
typedef ushort stored;
typedef float number;
#define GET(p, i) half_float((uint)(p)[i])
#define PUT(p, i, x) ((p)[i] = (ushort)half_bits(x))
#define GET16(p, i) half_float16(convert_uint16(vload16(0, (p) + (i))))
#define PUT16(p, i, x) vstore16(convert_ushort16(half_bits16(x)), 0, (p) + (i))
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
#elif defined(I8)
typedef char stored;
typedef int number;
#define GET(p, i) ((int)(p)[i])
#define PUT(p, i, x) ((p)[i] = convert_char_sat(x))
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

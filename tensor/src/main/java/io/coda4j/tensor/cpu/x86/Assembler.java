package io.coda4j.tensor.cpu.x86;

import io.coda4j.tensor.cpu.x86.Operand.Gpr;
import io.coda4j.tensor.cpu.x86.Operand.Mask;
import io.coda4j.tensor.cpu.x86.Operand.Memory;
import io.coda4j.tensor.cpu.x86.Operand.Register;
import io.coda4j.tensor.cpu.x86.Operand.Source;
import io.coda4j.tensor.cpu.x86.Operand.Tile;
import io.coda4j.tensor.cpu.x86.Operand.Vector;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An assembler for the instructions that the kernels of this package use, and no others. Destinations come first, as in
 * Intel's syntax; each method names its entry in SDM volume 2 and the line of the entry's table that it encodes.
 *
 * <p>Where several encodings exist it chooses the one that GNU as chooses, save that jumps always have 32 bits.
 */
final class Assembler {
    // The prefix that VEX and EVEX hold in the field pp (SDM 2.3.5.7).
    private static final int NP = 0;
    private static final int P66 = 1;
    private static final int PF3 = 2;
    private static final int PF2 = 3;

    // The leading opcode bytes that they hold in the field mmmmm.
    private static final int MAP_0F = 1;
    private static final int MAP_0F38 = 2;
    private static final int MAP_0F3A = 3;

    // The field L'L of EVEX.
    private static final int LENGTH_128 = 0;
    private static final int LENGTH_512 = 2;

    private static final int ZMM_BYTES = 64;

    /** Number of the absent operand in vvvv, which is stored inverted as ones. */
    private static final int NONE = 0;

    private final ByteArrayOutputStream code = new ByteArrayOutputStream();
    private final List<Jump> jumps = new ArrayList<>();

    /** A place in the code to jump to. */
    static final class Label {
        private int position = -1;
        private @Nullable Assembler owner;

        /** A place in other code is none here. */
        private void require(Assembler assembler) {
            if (owner != null && owner != assembler) {
                throw new IllegalArgumentException("the label belongs to the code of another assembler");
            }
            owner = assembler;
        }
    }

    /** A 32-bit distance at {@code position}, to be filled in. */
    private record Jump(int position, Label target) {}

    /**
     * The bytes of everything assembled so far.
     *
     * @throws IllegalStateException if a label that is jumped to was never placed
     */
    byte[] bytes() {
        byte[] bytes = code.toByteArray();
        for (var jump : jumps) {
            if (jump.target.position < 0) {
                throw new IllegalStateException(
                        "a label that is jumped to from byte " + jump.position + " has no place");
            }
            // Relative to the end of the jump, which its distance is.
            int distance = jump.target.position - (jump.position + Integer.BYTES);
            for (int i = 0; i < Integer.BYTES; i++) {
                bytes[jump.position + i] = (byte) (distance >> 8 * i);
            }
        }
        return bytes;
    }

    /** Places {@code label} before the next instruction. */
    void place(Label label) {
        label.require(this);
        if (label.position >= 0) {
            throw new IllegalStateException("the label has a place already, byte " + label.position);
        }
        label.position = code.size();
    }

    // General-purpose instructions.

    /** MOV: REX.W 89 /r. */
    void mov(Gpr to, Gpr from) {
        legacy(true, 0x89, from.number(), to);
    }

    /** MOV: REX.W 8B /r, 64 bits. */
    void mov(Gpr to, Memory from) {
        legacy(true, 0x8b, to.number(), from);
    }

    /** MOV: REX.W 89 /r, 64 bits. */
    void mov(Memory to, Gpr from) {
        legacy(true, 0x89, from.number(), to);
    }

    /** MOV: 89 /r, the lower 32 bits of the register. */
    void mov32(Memory to, Gpr from) {
        legacy(false, 0x89, from.number(), to);
    }

    /** MOV: REX.W C7 /0 id, sign-extended. */
    void mov(Gpr to, int value) {
        legacy(true, 0xc7, 0, to);
        int32(value);
    }

    /** LEA: REX.W 8D /r. */
    void lea(Gpr to, Memory address) {
        legacy(true, 0x8d, to.number(), address);
    }

    /** ADD: REX.W 01 /r. */
    void add(Gpr to, Gpr from) {
        legacy(true, 0x01, from.number(), to);
    }

    /** ADD: REX.W 83 /0 ib for a value of 8 bits, else REX.W 81 /0 id. */
    void add(Gpr to, int value) {
        boolean small = value == (byte) value;
        legacy(true, small ? 0x83 : 0x81, 0, to);
        if (small) {
            int8(value);
        } else {
            int32(value);
        }
    }

    /** PUSH: 50+rd. */
    void push(Gpr register) {
        stack(0x50, register);
    }

    /** POP: 58+rd. */
    void pop(Gpr register) {
        stack(0x58, register);
    }

    /** DEC: REX.W FF /1. */
    void dec(Gpr register) {
        legacy(true, 0xff, 1, register);
    }

    /** TEST: REX.W 85 /r; sets the zero flag if the register holds 0. */
    void test(Gpr register) {
        legacy(true, 0x85, register.number(), register);
    }

    /** Jcc: 0F 84 cd, jump if zero. */
    void jz(Label target) {
        jump(0x84, target);
    }

    /** Jcc: 0F 85 cd, jump if not zero. */
    void jnz(Label target) {
        jump(0x85, target);
    }

    /** Jcc: 0F 88 cd, jump if the result was negative. */
    void js(Label target) {
        jump(0x88, target);
    }

    /** Jcc: 0F 89 cd, jump if it was not. */
    void jns(Label target) {
        jump(0x89, target);
    }

    /** JMP: E9 cd. */
    void jmp(Label target) {
        int8(0xe9);
        distance(target);
    }

    /** PREFETCHh: 0F 18 /1; asks for the cache line of an address, which may be any. */
    void prefetcht0(Memory line) {
        prefetch(1, line);
    }

    /** PREFETCHh: 0F 18 /2; as {@link #prefetcht0}, into the second-level cache. */
    void prefetcht1(Memory line) {
        prefetch(2, line);
    }

    /** RET: C3. */
    void ret() {
        int8(0xc3);
    }

    /** CPUID: 0F A2. */
    void cpuid() {
        int8(0x0f);
        int8(0xa2);
    }

    /** XGETBV: NP 0F 01 D0. */
    void xgetbv() {
        int8(0x0f);
        int8(0x01);
        int8(0xd0);
    }

    // Vectors.

    /** VMOVUPS: EVEX.512.0F.W0 10 /r, or VEX.256.0F.WIG 10 /r. */
    void vmovups(Vector to, Memory from) {
        vector(NP, MAP_0F, 0x10, to, NONE, from, ZMM_BYTES);
    }

    /** VMOVUPS: EVEX.512.0F.W0 11 /r, or VEX.256.0F.WIG 11 /r. */
    void vmovups(Memory to, Vector from) {
        vector(NP, MAP_0F, 0x11, from, NONE, to, ZMM_BYTES);
    }

    /** VPXORD (see PXOR): EVEX.512.66.0F.W0 EF /r. */
    void vpxord(Vector to, Vector a, Source b) {
        wide(P66, MAP_0F, 0xef, to, a, b);
    }

    /** VPXORD (see PXOR): EVEX.512.66.0F.W0 EF /r, in the lanes of {@code mask}; the others stay. */
    void vpxord(Vector to, Mask mask, Vector a, Vector b) {
        requireWide(to, a, b);
        evex(P66, MAP_0F, 0xef, to.number(), a.number(), b, ZMM_BYTES, LENGTH_512, mask.number());
    }

    /** VPANDD (see PAND): EVEX.512.66.0F.W0 DB /r. */
    void vpandd(Vector to, Vector a, Source b) {
        wide(P66, MAP_0F, 0xdb, to, a, b);
    }

    /** VPANDND (see PANDN): EVEX.512.66.0F.W0 DF /r; the bits of {@code b} that {@code a} does not have. */
    void vpandnd(Vector to, Vector a, Source b) {
        wide(P66, MAP_0F, 0xdf, to, a, b);
    }

    /** VPORD (see POR): EVEX.512.66.0F.W0 EB /r. */
    void vpord(Vector to, Vector a, Source b) {
        wide(P66, MAP_0F, 0xeb, to, a, b);
    }

    /** VCMPPS (see CMPPS): EVEX.512.0F.W0 C2 /r ib; a bit for each lane where the predicate (its table 3-1) holds. */
    void vcmpps(Mask to, Vector a, Source b, int predicate) {
        requireWide(a);
        requireWidth(a, b);
        evex(NP, MAP_0F, 0xc2, to.number(), a.number(), b, ZMM_BYTES);
        immediate(predicate, 32);
    }

    /** VBLENDMPS (see VBLENDMPD/VBLENDMPS): EVEX.512.66.0F38.W0 65 /r; {@code b} in the lanes of {@code mask}, else {@code a}. */
    void vblendmps(Vector to, Mask mask, Vector a, Source b) {
        requireWide(to, a);
        requireWidth(to, b);
        evex(P66, MAP_0F38, 0x65, to.number(), a.number(), b, ZMM_BYTES, LENGTH_512, mask.number());
    }

    /** VPMOVM2D (see VPMOVM2B/VPMOVM2W/VPMOVM2D/VPMOVM2Q): EVEX.512.F3.0F38.W0 38 /r; all ones in the lanes of the mask. */
    void vpmovm2d(Vector to, Mask from) {
        requireWide(to);
        evex(PF3, MAP_0F38, 0x38, to.number(), NONE, from, ZMM_BYTES);
    }

    /** VPMOVD2M (see VPMOVB2M/VPMOVW2M/VPMOVD2M/VPMOVQ2M): EVEX.512.F3.0F38.W0 39 /r; the highest bit of each lane. */
    void vpmovd2m(Mask to, Vector from) {
        requireWide(from);
        evex(PF3, MAP_0F38, 0x39, to.number(), NONE, from, ZMM_BYTES);
    }

    /** VSHUFF32X4: EVEX.512.66.0F3A.W0 23 /r ib; with {@code a} twice, quarter i is its quarter {@code order >> 2 i & 3}. */
    void vshuff32x4(Vector to, Vector a, Vector b, int order) {
        requireWide(to, a, b);
        evex(P66, MAP_0F3A, 0x23, to.number(), a.number(), b, ZMM_BYTES);
        immediate(order, 256);
    }

    /** VPBROADCASTD (see VPBROADCAST): EVEX.512.66.0F38.W0 58 /r, or VEX.256.66.0F38.W0 58 /r, from memory. */
    void vpbroadcastd(Vector to, Memory from) {
        vector(P66, MAP_0F38, 0x58, to, NONE, from, Integer.BYTES);
    }

    /** VDPBF16PS: EVEX.512.F3.0F38.W0 52 /r. */
    void vdpbf16ps(Vector sum, Vector a, Vector b) {
        wide(PF3, MAP_0F38, 0x52, sum, a, b);
    }

    /** VPDPBUSD: EVEX.512.66.0F38.W0 50 /r; {@code a} unsigned, {@code b} signed. */
    void vpdpbusd(Vector sum, Vector a, Vector b) {
        wide(P66, MAP_0F38, 0x50, sum, a, b);
    }

    /** VPDPBUSD of AVX-VNNI: VEX.256.66.0F38.W0 50 /r. */
    void vpdpbusdVex(Vector sum, Vector a, Vector b) {
        narrow(P66, MAP_0F38, 0x50, sum, a, b);
    }

    /** VPXOR (see PXOR): VEX.256.66.0F.WIG EF /r. */
    void vpxorVex(Vector to, Vector a, Source b) {
        narrow(P66, MAP_0F, 0xef, to, a, b);
    }

    /** VBROADCASTF128 (see VBROADCAST): VEX.256.66.0F38.W0 1A /r, from 16 bytes of memory to both halves. */
    void vbroadcastf128(Vector to, Memory from) {
        narrow(P66, MAP_0F38, 0x1a, to, from);
    }

    /** VINSERTF128: VEX.256.66.0F3A.W0 18 /r ib; {@code a} with 16 bytes of memory in its half number {@code half}. */
    void vinsertf128(Vector to, Vector a, Memory b, int half) {
        narrow(P66, MAP_0F3A, 0x18, to, a, b);
        immediate(half, 2);
    }

    /** VEXTRACTF128: VEX.256.66.0F3A.W0 19 /r ib; stores half number {@code half}. */
    void vextractf128(Memory to, Vector from, int half) {
        narrow(P66, MAP_0F3A, 0x19, from, to);
        immediate(half, 2);
    }

    /** VPUNPCKLWD (see PUNPCKLBW/PUNPCKLWD/PUNPCKLDQ/PUNPCKLQDQ): VEX.256.66.0F.WIG 61 /r, from memory. */
    void vpunpcklwd(Vector to, Vector a, Memory b) {
        narrow(P66, MAP_0F, 0x61, to, a, b);
    }

    /** VPUNPCKHWD (see PUNPCKHBW/PUNPCKHWD/PUNPCKHDQ/PUNPCKHQDQ): VEX.256.66.0F.WIG 69 /r, from memory. */
    void vpunpckhwd(Vector to, Vector a, Memory b) {
        narrow(P66, MAP_0F, 0x69, to, a, b);
    }

    /** VUNPCKLPS (see UNPCKLPS): VEX.256.0F.WIG 14 /r. */
    void vunpcklps(Vector to, Vector a, Vector b) {
        narrow(NP, MAP_0F, 0x14, to, a, b);
    }

    /** VUNPCKHPS (see UNPCKHPS): VEX.256.0F.WIG 15 /r. */
    void vunpckhps(Vector to, Vector a, Vector b) {
        narrow(NP, MAP_0F, 0x15, to, a, b);
    }

    /** VUNPCKLPD (see UNPCKLPD): VEX.256.66.0F.WIG 14 /r. */
    void vunpcklpd(Vector to, Vector a, Vector b) {
        narrow(P66, MAP_0F, 0x14, to, a, b);
    }

    /** VUNPCKHPD (see UNPCKHPD): VEX.256.66.0F.WIG 15 /r. */
    void vunpckhpd(Vector to, Vector a, Vector b) {
        narrow(P66, MAP_0F, 0x15, to, a, b);
    }

    /** VPMOVSXBW (see PMOVSX): VEX.256.66.0F38.WIG 20 /r, from 16 bytes of memory. */
    void vpmovsxbw(Vector to, Memory from) {
        narrow(P66, MAP_0F38, 0x20, to, from);
    }

    /** VPMOVZXWD (see PMOVZX): EVEX.512.66.0F38.WIG 33 /r, or VEX.256.66.0F38.WIG 33 /r, from half as many bytes of memory. */
    void vpmovzxwd(Vector to, Memory from) {
        vector(P66, MAP_0F38, 0x33, to, NONE, from, ZMM_BYTES / 2);
    }

    /** VPMOVDW (see VPMOVDW/VPMOVSDW/VPMOVUSDW): EVEX.512.F3.0F38.W0 33 /r; stores the lower half of each lane. */
    void vpmovdw(Memory to, Vector from) {
        requireWide(from);
        evex(PF3, MAP_0F38, 0x33, from.number(), NONE, to, ZMM_BYTES / 2);
    }

    /**
     * VPACKSSDW (see PACKSSWB/PACKSSDW): VEX.256.66.0F.WIG 6B /r; in each half the lanes of {@code a} and then of {@code b} as 16
     * bits, the nearest where they do not fit.
     */
    void vpackssdw(Vector to, Vector a, Vector b) {
        narrow(P66, MAP_0F, 0x6b, to, a, b);
    }

    /** VPMADDWD (see PMADDWD): VEX.256.66.0F.WIG F5 /r. */
    void vpmaddwd(Vector to, Vector a, Vector b) {
        narrow(P66, MAP_0F, 0xf5, to, a, b);
    }

    /** VPADDD (see PADDB/PADDW/PADDD/PADDQ): EVEX.512.66.0F.W0 FE /r, or VEX.256.66.0F.WIG FE /r. */
    void vpaddd(Vector to, Vector a, Source b) {
        ternary(P66, MAP_0F, 0xfe, to, a, b);
    }

    /** VPSUBD (see PSUBB/PSUBW/PSUBD): EVEX.512.66.0F.W0 FA /r, or VEX.256.66.0F.WIG FA /r. */
    void vpsubd(Vector to, Vector a, Source b) {
        ternary(P66, MAP_0F, 0xfa, to, a, b);
    }

    /** VPAND (see PAND): VEX.256.66.0F.WIG DB /r. */
    void vpand(Vector to, Vector a, Source b) {
        narrow(P66, MAP_0F, 0xdb, to, a, b);
    }

    /** VPANDN (see PANDN): VEX.256.66.0F.WIG DF /r; the bits of {@code b} that {@code a} does not have. */
    void vpandn(Vector to, Vector a, Source b) {
        narrow(P66, MAP_0F, 0xdf, to, a, b);
    }

    /** VPOR (see POR): VEX.256.66.0F.WIG EB /r. */
    void vpor(Vector to, Vector a, Source b) {
        narrow(P66, MAP_0F, 0xeb, to, a, b);
    }

    /** VPSRAD (see PSRAW/PSRAD/PSRAQ): EVEX.512.66.0F.W0 72 /4 ib, or VEX.256.66.0F.WIG 72 /4 ib; the destination is in vvvv. */
    void vpsrad(Vector to, Vector from, int bits) {
        shift(4, to, from, bits);
    }

    /** VCVTDQ2PS (see CVTDQ2PS): EVEX.512.0F.W0 5B /r, or VEX.256.0F.WIG 5B /r; the nearest floats of 32-bit integers. */
    void vcvtdq2ps(Vector to, Source from) {
        unary(NP, MAP_0F, 0x5b, to, from);
    }

    /** VCMPPS (see CMPPS): VEX.256.0F.WIG C2 /r ib; all ones where the predicate (its table 3-1) holds, else zeros. */
    void vcmpps(Vector to, Vector a, Source b, int predicate) {
        narrow(NP, MAP_0F, 0xc2, to, a, b);
        immediate(predicate, 32);
    }

    /** VBLENDVPS (see BLENDVPS): VEX.256.66.0F3A.W0 4A /r /is4; {@code b} where the sign of {@code mask} is set, else {@code a}. */
    void vblendvps(Vector to, Vector a, Source b, Vector mask) {
        requireWidth(to, mask);
        narrow(P66, MAP_0F3A, 0x4a, to, a, b);
        requireLow(mask.number());
        int8(mask.number() << 4);
    }

    /**
     * VPERMILPS: EVEX.512.66.0F3A.W0 04 /r ib, or VEX.256.66.0F3A.W0 04 /r ib; lane i of each 128 bits from lane
     * {@code order >> 2 i & 3} of the same.
     */
    void vpermilps(Vector to, Vector from, int order) {
        unary(P66, MAP_0F3A, 0x04, to, from);
        immediate(order, 256);
    }

    /** VPERM2F128: VEX.256.66.0F3A.W0 06 /r ib; with 1 the halves of {@code a}, exchanged. */
    void vperm2f128(Vector to, Vector a, Vector b, int halves) {
        narrow(P66, MAP_0F3A, 0x06, to, a, b);
        immediate(halves, 256);
    }

    /** VMOVSS (see MOVSS): VEX.LIG.F3.0F.WIG 11 /r, or EVEX.LLIG.F3.0F.W0 11 /r for high registers; stores the lowest lane. */
    void vmovss(Memory to, Vector from) {
        if (from.number() > 15) {
            evex(PF3, MAP_0F, 0x11, from.number(), NONE, to, Float.BYTES, LENGTH_128, 0);
        } else {
            vex(0, PF3, MAP_0F, 0x11, from.number(), NONE, to);
        }
    }

    /** VMOVAPS (see MOVAPS): EVEX.512.0F.W0 28 /r, or VEX.256.0F.WIG 28 /r. */
    void vmovaps(Vector to, Vector from) {
        unary(NP, MAP_0F, 0x28, to, from);
    }

    /** VPSLLD (see PSLLW/PSLLD/PSLLQ): EVEX.512.66.0F.W0 72 /6 ib, or VEX.256.66.0F.WIG 72 /6 ib; the destination is in vvvv. */
    void vpslld(Vector to, Vector from, int bits) {
        shift(6, to, from, bits);
    }

    private void shift(int kind, Vector to, Vector from, int bits) {
        requireWidth(to, from);
        if (isWide(to)) {
            evex(P66, MAP_0F, 0x72, kind, to.number(), from, ZMM_BYTES);
        } else {
            vex(1, P66, MAP_0F, 0x72, kind, to.number(), from);
        }
        immediate(bits, Integer.SIZE);
    }

    /** VBROADCASTSS (see VBROADCAST): EVEX.512.66.0F38.W0 18 /r, or VEX.256.66.0F38.W0 18 /r, from memory. */
    void vbroadcastss(Vector to, Memory from) {
        vector(P66, MAP_0F38, 0x18, to, NONE, from, Float.BYTES);
    }

    /** VADDPS (see ADDPS): EVEX.512.0F.W0 58 /r, or VEX.256.0F.WIG 58 /r. */
    void vaddps(Vector to, Vector a, Source b) {
        ternary(NP, MAP_0F, 0x58, to, a, b);
    }

    /** VSUBPS (see SUBPS): EVEX.512.0F.W0 5C /r, or VEX.256.0F.WIG 5C /r. */
    void vsubps(Vector to, Vector a, Source b) {
        ternary(NP, MAP_0F, 0x5c, to, a, b);
    }

    /** VMULPS (see MULPS): EVEX.512.0F.W0 59 /r, or VEX.256.0F.WIG 59 /r. */
    void vmulps(Vector to, Vector a, Source b) {
        ternary(NP, MAP_0F, 0x59, to, a, b);
    }

    /** VDIVPS (see DIVPS): EVEX.512.0F.W0 5E /r, or VEX.256.0F.WIG 5E /r. */
    void vdivps(Vector to, Vector a, Source b) {
        ternary(NP, MAP_0F, 0x5e, to, a, b);
    }

    /** VMAXPS (see MAXPS): EVEX.512.0F.W0 5F /r, or VEX.256.0F.WIG 5F /r; {@code b} unless {@code a} is greater. */
    void vmaxps(Vector to, Vector a, Source b) {
        ternary(NP, MAP_0F, 0x5f, to, a, b);
    }

    /** VSQRTPS (see SQRTPS): EVEX.512.0F.W0 51 /r, or VEX.256.0F.WIG 51 /r. */
    void vsqrtps(Vector to, Source from) {
        unary(NP, MAP_0F, 0x51, to, from);
    }

    /**
     * VFMADD213PS (see VFMADD132PS/VFMADD213PS/VFMADD231PS): EVEX.512.66.0F38.W0 A8 /r, or VEX.256.66.0F38.W0 A8 /r;
     * x = a * x + b, rounded once.
     */
    void vfmadd213ps(Vector x, Vector a, Source b) {
        ternary(P66, MAP_0F38, 0xa8, x, a, b);
    }

    /**
     * VFMADD231PS (see VFMADD132PS/VFMADD213PS/VFMADD231PS): EVEX.512.66.0F38.W0 B8 /r, or VEX.256.66.0F38.W0 B8 /r;
     * sum = a * b + sum, rounded once.
     */
    void vfmadd231ps(Vector sum, Vector a, Source b) {
        ternary(P66, MAP_0F38, 0xb8, sum, a, b);
    }

    /** VZEROUPPER: VEX.128.0F.WIG 77. */
    void vzeroupper() {
        int8(0xc5);
        int8(0xf8);
        int8(0x77);
    }

    // Tiles (SDM volume 1, chapter 18). Memory of tiles needs an index register: it holds the distance of rows.

    /** LDTILECFG: VEX.128.NP.0F38.W0 49 !(11):000:bbb, 64 bytes. */
    void ldtilecfg(Memory config) {
        vex(0, NP, MAP_0F38, 0x49, 0, NONE, config);
    }

    /** TILERELEASE: VEX.128.NP.0F38.W0 49 C0. */
    void tilerelease() {
        vex(0, NP, MAP_0F38, 0x49, 0, NONE, new Tile(0));
    }

    /** TILEZERO: VEX.128.F2.0F38.W0 49 11:rrr:000. */
    void tilezero(Tile tile) {
        vex(0, PF2, MAP_0F38, 0x49, tile.number(), NONE, new Tile(0));
    }

    /** TILELOADD: VEX.128.F2.0F38.W0 4B !(11):rrr:100. */
    void tileloadd(Tile to, Memory from) {
        vex(0, PF2, MAP_0F38, 0x4b, to.number(), NONE, strided(from));
    }

    /** TILESTORED: VEX.128.F3.0F38.W0 4B !(11):rrr:100. */
    void tilestored(Memory to, Tile from) {
        vex(0, PF3, MAP_0F38, 0x4b, from.number(), NONE, strided(to));
    }

    /** TDPBF16PS: VEX.128.F3.0F38.W0 5C 11:rrr:bbb. */
    void tdpbf16ps(Tile sum, Tile a, Tile b) {
        product(PF3, 0x5c, sum, a, b);
    }

    /** TDPBSSD (see TDPBSSD/TDPBSUD/TDPBUSD/TDPBUUD): VEX.128.F2.0F38.W0 5E 11:rrr:bbb. */
    void tdpbssd(Tile sum, Tile a, Tile b) {
        product(PF2, 0x5e, sum, a, b);
    }

    /** Three tiles, which must differ (SDM volume 1, 18.3): else the processor refuses the instruction. */
    private void product(int prefix, int opcode, Tile sum, Tile a, Tile b) {
        if (sum.equals(a) || sum.equals(b) || a.equals(b)) {
            throw new IllegalArgumentException("three tiles expected, got " + List.of(sum, a, b));
        }
        vex(0, prefix, MAP_0F38, opcode, sum.number(), b.number(), a);
    }

    private static Memory strided(Memory memory) {
        if (memory.index() == null) {
            throw new IllegalArgumentException("a tile's memory needs an index register for its stride, got " + memory);
        }
        return memory;
    }

    // Encoding.

    private void stack(int opcode, Gpr register) {
        if (high(register.number()) != 0) {
            int8(0x41);
        }
        int8(opcode | register.number() & 7);
    }

    private void prefetch(int level, Memory line) {
        int rex = index(line) << 1 | base(line);
        if (rex != 0) {
            int8(0x40 | rex);
        }
        int8(0x0f);
        int8(0x18);
        modRm(level, line, 1);
    }

    private void jump(int opcode, Label target) {
        int8(0x0f);
        int8(opcode);
        distance(target);
    }

    private void distance(Label target) {
        target.require(this);
        jumps.add(new Jump(code.size(), target));
        int32(0);
    }

    /** REX (SDM 2.2.1) where it says anything, opcode, ModR/M. */
    private void legacy(boolean wide, int opcode, int reg, Operand rm) {
        int rex = (wide ? 8 : 0) | high(reg) << 2 | index(rm) << 1 | base(rm);
        if (rex != 0) {
            int8(0x40 | rex);
        }
        int8(opcode);
        modRm(reg, rm, 1);
    }

    /** The two or three bytes of VEX (SDM 2.3.5), opcode, ModR/M. Neither W nor registers above 15 are needed. */
    private void vex(int length, int prefix, int map, int opcode, int reg, int second, Operand rm) {
        requireLow(reg);
        requireLow(second);
        if (rm instanceof Register register) {
            requireLow(register.number());
        }
        int last = ~second << 3 & 0x78 | length << 2 | prefix;
        if (map == MAP_0F && index(rm) == 0 && base(rm) == 0) {
            int8(0xc5);
            int8(not(high(reg)) << 7 | last);
        } else {
            int8(0xc4);
            int8(not(high(reg)) << 7 | not(index(rm)) << 6 | not(base(rm)) << 5 | map);
            int8(last);
        }
        int8(opcode);
        modRm(reg, rm, 1);
    }

    private static void requireLow(int register) {
        if (register > 15) {
            throw new IllegalArgumentException("VEX reaches vector registers 0 to 15 only");
        }
    }

    /** VEX for 256 bits, where there is no other form here: wider registers would become their lower halves. */
    private void narrow(int prefix, int map, int opcode, Vector reg, Vector second, Source rm) {
        requireNarrow(reg);
        requireWidth(reg, second);
        requireWidth(reg, rm);
        vex(1, prefix, map, opcode, reg.number(), second.number(), rm);
    }

    /** Likewise, of a register and memory. */
    private void narrow(int prefix, int map, int opcode, Vector reg, Memory memory) {
        requireNarrow(reg);
        vex(1, prefix, map, opcode, reg.number(), NONE, memory);
    }

    /** Operands of one width. */
    private void ternary(int prefix, int map, int opcode, Vector to, Vector a, Source b) {
        requireWidth(to, a);
        requireWidth(to, b);
        vector(prefix, map, opcode, to, a.number(), b, ZMM_BYTES);
    }

    /** Operands of one width. */
    private void unary(int prefix, int map, int opcode, Vector to, Source from) {
        requireWidth(to, from);
        vector(prefix, map, opcode, to, NONE, from, ZMM_BYTES);
    }

    /** Operands of 512 bits. */
    private void wide(int prefix, int map, int opcode, Vector to, Vector a, Source b) {
        requireWide(to, a);
        requireWidth(to, b);
        evex(prefix, map, opcode, to.number(), a.number(), b, ZMM_BYTES);
    }

    /** EVEX for 512 bits, VEX for 256. */
    private void vector(int prefix, int map, int opcode, Vector reg, int second, Operand rm, int unit) {
        if (isWide(reg)) {
            evex(prefix, map, opcode, reg.number(), second, rm, unit);
        } else {
            vex(1, prefix, map, opcode, reg.number(), second, rm);
        }
    }

    private static boolean isWide(Vector register) {
        return register.bits() == 512;
    }

    private static void requireWide(Vector... registers) {
        requireWidth(registers);
        if (!isWide(registers[0])) {
            throw new IllegalArgumentException("EVEX is used for vectors of 512 bits only");
        }
    }

    private static void requireNarrow(Vector register) {
        if (isWide(register)) {
            throw new IllegalArgumentException("this instruction takes vectors of 256 bits only, got " + register);
        }
    }

    private static void requireWidth(Vector register, Source source) {
        if (source instanceof Vector vector) {
            requireWidth(new Vector[] {register, vector});
        }
    }

    private static void requireWidth(Vector... registers) {
        for (var register : registers) {
            if (register.bits() != registers[0].bits()) {
                throw new IllegalArgumentException("registers of one width expected, got " + List.of(registers));
            }
        }
    }

    private void evex(int prefix, int map, int opcode, int reg, int second, Operand rm, int unit) {
        evex(prefix, map, opcode, reg, second, rm, unit, LENGTH_512, 0);
    }

    /**
     * The four bytes of EVEX (SDM 2.7.1), opcode, ModR/M; {@code unit} scales a displacement of 8 bits (SDM 2.7.5), mask 0 is
     * none.
     */
    private void evex(
            int prefix, int map, int opcode, int reg, int second, Operand rm, int unit, int length, int mask) {
        // A register in rm borrows the bit of the index register for its number's highest bit.
        int index = rm instanceof Vector vector ? vector.number() >> 4 : index(rm);
        int8(0x62);
        int8(not(high(reg)) << 7 | not(index) << 6 | not(base(rm)) << 5 | not(reg >> 4) << 4 | map);
        int8(~second << 3 & 0x78 | 4 | prefix);
        int8(length << 5 | not(second >> 4) << 3 | mask);
        int8(opcode);
        modRm(reg, rm, unit);
    }

    /** ModR/M, SIB and displacement (SDM 2.1.3). */
    private void modRm(int reg, Operand rm, int unit) {
        switch (rm) {
            case Register register -> int8(0xc0 | (reg & 7) << 3 | register.number() & 7);
            case Memory memory -> memory(reg, memory, unit);
        }
    }

    private void memory(int reg, Memory memory, int unit) {
        int base = memory.base().number() & 7;
        var index = memory.index();
        int displacement = memory.displacement();
        // Base 5 without displacement means another thing.
        boolean none = displacement == 0 && base != 5;
        boolean small = displacement % unit == 0 && displacement / unit == (byte) (displacement / unit);
        int mode = none ? 0 : small ? 1 : 2;
        // Base 4 means that a SIB byte follows, in which index 4 means that there is none.
        boolean sib = index != null || base == 4;
        int8(mode << 6 | (reg & 7) << 3 | (sib ? 4 : base));
        if (sib) {
            int scale = Integer.numberOfTrailingZeros(memory.scale());
            int8(scale << 6 | (index == null ? 4 : index.number() & 7) << 3 | base);
        }
        if (mode == 1) {
            int8(displacement / unit);
        } else if (mode == 2) {
            int32(displacement);
        }
    }

    /** Bit 3 of a register's number. */
    private static int high(int number) {
        return number >> 3 & 1;
    }

    private static int index(Operand rm) {
        return rm instanceof Memory memory && memory.index() != null
                ? high(memory.index().number())
                : 0;
    }

    private static int base(Operand rm) {
        return switch (rm) {
            case Register register -> high(register.number());
            case Memory memory -> high(memory.base().number());
        };
    }

    /** The inverted bit, as VEX and EVEX store it. */
    private static int not(int bit) {
        return ~bit & 1;
    }

    /** A byte behind the operands, from 0 to {@code end - 1}. */
    private void immediate(int value, int end) {
        if (value < 0 || value >= end) {
            throw new IllegalArgumentException("an immediate of 0 to " + (end - 1) + " expected, got " + value);
        }
        int8(value);
    }

    private void int8(int value) {
        code.write(value);
    }

    private void int32(int value) {
        for (int i = 0; i < Integer.BYTES; i++) {
            int8(value >> 8 * i);
        }
    }
}

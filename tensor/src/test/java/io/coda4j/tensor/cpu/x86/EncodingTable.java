package io.coda4j.tensor.cpu.x86;

import static io.coda4j.tensor.cpu.x86.Registers.k;
import static io.coda4j.tensor.cpu.x86.Registers.r12;
import static io.coda4j.tensor.cpu.x86.Registers.r13;
import static io.coda4j.tensor.cpu.x86.Registers.r15;
import static io.coda4j.tensor.cpu.x86.Registers.r8;
import static io.coda4j.tensor.cpu.x86.Registers.r9;
import static io.coda4j.tensor.cpu.x86.Registers.rax;
import static io.coda4j.tensor.cpu.x86.Registers.rbp;
import static io.coda4j.tensor.cpu.x86.Registers.rbx;
import static io.coda4j.tensor.cpu.x86.Registers.rdi;
import static io.coda4j.tensor.cpu.x86.Registers.rsi;
import static io.coda4j.tensor.cpu.x86.Registers.rsp;
import static io.coda4j.tensor.cpu.x86.Registers.tmm0;
import static io.coda4j.tensor.cpu.x86.Registers.tmm3;
import static io.coda4j.tensor.cpu.x86.Registers.tmm5;
import static io.coda4j.tensor.cpu.x86.Registers.tmm7;
import static io.coda4j.tensor.cpu.x86.Registers.ymm;
import static io.coda4j.tensor.cpu.x86.Registers.zmm;

import io.coda4j.tensor.cpu.x86.Operand.Gpr;
import io.coda4j.tensor.cpu.x86.Operand.Mask;
import io.coda4j.tensor.cpu.x86.Operand.Memory;
import io.coda4j.tensor.cpu.x86.Operand.Source;
import io.coda4j.tensor.cpu.x86.Operand.Tile;
import io.coda4j.tensor.cpu.x86.Operand.Vector;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/** Every instruction of the assembler with operands that its encoding treats differently, as text and as a call. */
final class EncodingTable {
    /** {@code text} as GNU as reads it after {@code .intel_syntax noprefix}. */
    record Row(String text, Consumer<Assembler> call) {
        byte[] bytes() {
            var assembler = new Assembler();
            call.accept(assembler);
            return assembler.bytes();
        }
    }

    @FunctionalInterface
    private interface Ternary<R> {
        void assemble(Assembler assembler, R to, R a, R b);
    }

    private static final List<Gpr> GPRS = List.of(rax, rsp, rdi, r8, r15);
    private static final List<Tile> TILES = List.of(tmm0, tmm3, tmm7);

    /** Bases that need SIB or a displacement, high bases and indices, displacements of 0, 8 (scaled or not) and 32 bits. */
    private static final List<Memory> STRIDED = strided();

    private static final List<Memory> MEMORIES = memories();

    /** One of each kind, for instructions that encode memory as others do. */
    private static final List<Memory> FEW = List.of(
            new Memory(rax, null, 1, 0),
            new Memory(rsp, null, 1, 64),
            new Memory(r13, null, 1, 0),
            new Memory(rbp, r12, 1, 32),
            new Memory(r12, rsi, 8, -4096));

    private final List<Row> rows = new ArrayList<>();

    private EncodingTable() {}

    static List<Row> rows() {
        var table = new EncodingTable();
        table.general();
        table.vectors();
        table.narrowVectors();
        table.tiles();
        return table.rows;
    }

    private static List<Memory> memories() {
        var memories = new ArrayList<>(STRIDED);
        for (var base : List.of(rax, rsp, rbp, r12, r13)) {
            for (int displacement : new int[] {0, 1, 64, -128, 508, 512, 8128, -8192, 8192}) {
                memories.add(new Memory(base, null, 1, displacement));
            }
        }
        return memories;
    }

    private static List<Memory> strided() {
        var memories = new ArrayList<Memory>();
        for (var base : List.of(rax, rsp, rbp, r12, r13)) {
            for (var index : List.of(rsi, rbp, r12)) {
                memories.add(new Memory(base, index, 1, 0));
                memories.add(new Memory(base, index, 8, -4096));
            }
        }
        return memories;
    }

    private void add(String mnemonic, Consumer<Assembler> call, Object... operands) {
        var text = new StringBuilder(mnemonic);
        for (int i = 0; i < operands.length; i++) {
            text.append(i == 0 ? " " : ", ").append(operands[i]);
        }
        rows.add(new Row(text.toString(), call));
    }

    private <A, B> void pairs(String mnemonic, List<A> first, List<B> second, Binary<A, B> instruction) {
        for (var a : first) {
            for (var b : second) {
                add(mnemonic, assembler -> instruction.assemble(assembler, a, b), a, b);
            }
        }
    }

    /** Pairs with a third operand that is a number. */
    private <A, B> void pairs(String mnemonic, List<A> first, List<B> second, Binary<A, B> instruction, int number) {
        for (var a : first) {
            for (var b : second) {
                add(mnemonic, assembler -> instruction.assemble(assembler, a, b), a, b, number);
            }
        }
    }

    @FunctionalInterface
    private interface Binary<A, B> {
        void assemble(Assembler assembler, A a, B b);
    }

    private <R> void triples(String mnemonic, List<R> registers, Ternary<R> instruction) {
        for (var to : registers) {
            for (var a : registers) {
                for (var b : registers) {
                    add(mnemonic, assembler -> instruction.assemble(assembler, to, a, b), to, a, b);
                }
            }
        }
    }

    private void general() {
        var addresses = List.of(
                new Memory(rsp, null, 1, 8),
                new Memory(r13, r12, 4, 0),
                new Memory(r12, null, 1, 0),
                new Memory(rbp, null, 1, 300),
                new Memory(rbx, rax, 2, -128));
        pairs("mov", GPRS, GPRS, Assembler::mov);
        pairs("mov", GPRS, addresses, Assembler::mov);
        pairs("mov", addresses, GPRS, Assembler::mov);
        for (var memory : addresses) {
            for (var from : List.of(rax, r9)) {
                add("mov", a -> a.mov32(memory, from), "dword ptr " + memory, from.equals(rax) ? "eax" : "r9d");
            }
        }
        pairs("mov", GPRS, List.of(0, -1, 64, Integer.MAX_VALUE), (a, to, value) -> a.mov(to, value));
        pairs("lea", List.of(rax, r15), MEMORIES, Assembler::lea);
        pairs("add", GPRS, GPRS, Assembler::add);
        // Without rax, for which GNU as has a form of its own.
        pairs("add", List.of(rdi, r9), List.of(1, 127, -128, 128, 2048, -100_000), (a, to, value) -> a.add(to, value));
        for (var register : GPRS) {
            add("push", a -> a.push(register), register);
            add("pop", a -> a.pop(register), register);
            add("dec", a -> a.dec(register), register);
            add("test", a -> a.test(register), register, register);
        }
        jump("jz", Assembler::jz);
        jump("jnz", Assembler::jnz);
        jump("js", Assembler::js);
        jump("jns", Assembler::jns);
        jump("jmp", Assembler::jmp);
        for (var memory : MEMORIES) {
            add("prefetcht0", a -> a.prefetcht0(memory), memory);
            add("prefetcht1", a -> a.prefetcht1(memory), memory);
        }
        add("ret", Assembler::ret);
        add("cpuid", Assembler::cpuid);
        add("xgetbv", Assembler::xgetbv);
    }

    /** Forwards over a return and backwards over it. */
    private void jump(String mnemonic, BiConsumer<Assembler, Assembler.Label> instruction) {
        rows.add(new Row("{disp32} " + mnemonic + " 1f; ret; 1: ret", a -> {
            var label = new Assembler.Label();
            instruction.accept(a, label);
            a.ret();
            a.place(label);
            a.ret();
        }));
        rows.add(new Row("1: ret; {disp32} " + mnemonic + " 1b", a -> {
            var label = new Assembler.Label();
            a.place(label);
            a.ret();
            instruction.accept(a, label);
        }));
    }

    private void vectors() {
        var vectors = List.of(zmm(0), zmm(9), zmm(16), zmm(31));
        var ends = List.of(vectors.getFirst(), vectors.getLast());
        sources("vpxord", vectors, Assembler::vpxord);
        triples("vdpbf16ps", vectors, Assembler::vdpbf16ps);
        triples("vpdpbusd", vectors, Assembler::vpdpbusd);
        sources("vpandd", vectors, Assembler::vpandd);
        sources("vpandnd", vectors, Assembler::vpandnd);
        sources("vpord", vectors, Assembler::vpord);
        bothWidths(vectors, ends);
        pairs("vpmovdw", MEMORIES, ends, Assembler::vpmovdw);
        for (var to : vectors) {
            add("vshuff32x4", a -> a.vshuff32x4(to, zmm(9), zmm(18), 0xb1), to, zmm(9), zmm(18), 0xb1);
        }
        for (var from : ends) {
            for (var memory : MEMORIES) {
                add("vmovss", a -> a.vmovss(memory, from), memory, "xmm" + from.number());
            }
        }
        masks(vectors, List.of(k(1), k(7)));
    }

    private void masks(List<Vector> vectors, List<Mask> masks) {
        pairs("vpmovm2d", vectors, masks, Assembler::vpmovm2d);
        pairs("vpmovd2m", masks, vectors, Assembler::vpmovd2m);
        for (var mask : masks) {
            for (var x : vectors) {
                add("vcmpps", a -> a.vcmpps(mask, x, zmm(18), 0x1e), mask, x, zmm(18), 0x1e);
                add("vblendmps", a -> a.vblendmps(x, mask, zmm(9), zmm(18)), x + "{" + mask + "}", zmm(9), zmm(18));
                add("vblendmps", a -> a.vblendmps(zmm(9), mask, zmm(18), x), "zmm9{" + mask + "}", zmm(18), x);
                add("vpxord", a -> a.vpxord(x, mask, zmm(9), zmm(18)), x + "{" + mask + "}", zmm(9), zmm(18));
            }
            for (var memory : FEW) {
                add("vcmpps", a -> a.vcmpps(mask, zmm(9), memory, 4), mask, zmm(9), memory, 4);
                add("vblendmps", a -> a.vblendmps(zmm(9), mask, zmm(1), memory), "zmm9{" + mask + "}", zmm(1), memory);
            }
        }
    }

    /** Instructions that are encoded in one way for 256 bits and in another for 512. */
    private void bothWidths(List<Vector> vectors, List<Vector> ends) {
        pairs("vmovups", ends, MEMORIES, Assembler::vmovups);
        pairs("vmovups", MEMORIES, ends, Assembler::vmovups);
        pairs("vpbroadcastd", ends, MEMORIES, Assembler::vpbroadcastd);
        pairs("vbroadcastss", ends, MEMORIES, Assembler::vbroadcastss);
        sources("vaddps", vectors, Assembler::vaddps);
        sources("vsubps", vectors, Assembler::vsubps);
        sources("vmulps", vectors, Assembler::vmulps);
        sources("vdivps", vectors, Assembler::vdivps);
        sources("vmaxps", vectors, Assembler::vmaxps);
        sources("vfmadd213ps", vectors, Assembler::vfmadd213ps);
        sources("vfmadd231ps", vectors, Assembler::vfmadd231ps);
        pairs("vsqrtps", vectors, vectors, Assembler::vsqrtps);
        pairs("vsqrtps", ends, FEW, Assembler::vsqrtps);
        sources("vpaddd", vectors, Assembler::vpaddd);
        sources("vpsubd", vectors, Assembler::vpsubd);
        pairs("vpmovzxwd", ends, MEMORIES, Assembler::vpmovzxwd);
        pairs("vpsrad", vectors, ends, (a, to, from) -> a.vpsrad(to, from, 23), 23);
        pairs("vcvtdq2ps", vectors, vectors, Assembler::vcvtdq2ps);
        pairs("vcvtdq2ps", ends, FEW, Assembler::vcvtdq2ps);
        pairs("vpermilps", vectors, ends, (a, to, from) -> a.vpermilps(to, from, 0xb1), 0xb1);
        // The other form would be shorter for some registers.
        pairs("{load} vmovaps", vectors, vectors, Assembler::vmovaps);
        for (int bits : new int[] {1, 16}) {
            pairs("vpslld", vectors, ends, (a, to, from) -> a.vpslld(to, from, bits), bits);
        }
    }

    /** Triples whose last operand is a register or memory. */
    private void sources(String mnemonic, List<Vector> vectors, Sourced instruction) {
        triples(mnemonic, vectors, instruction::assemble);
        for (var memory : FEW) {
            for (var to : List.of(vectors.getFirst(), vectors.getLast())) {
                var a = vectors.get(1);
                add(mnemonic, assembler -> instruction.assemble(assembler, to, a, memory), to, a, memory);
            }
        }
    }

    @FunctionalInterface
    private interface Sourced {
        void assemble(Assembler assembler, Vector to, Vector a, Source b);
    }

    private void narrowVectors() {
        var vectors = List.of(ymm(0), ymm(7), ymm(8), ymm(15));
        sources("vpxor", vectors, Assembler::vpxorVex);
        triples("{vex} vpdpbusd", vectors, Assembler::vpdpbusdVex);
        triples("vpmaddwd", vectors, Assembler::vpmaddwd);
        sources("vpand", vectors, Assembler::vpand);
        sources("vpandn", vectors, Assembler::vpandn);
        sources("vpor", vectors, Assembler::vpor);
        var ends = List.of(ymm(1), ymm(14));
        bothWidths(vectors, ends);
        triples("vpackssdw", vectors, Assembler::vpackssdw);
        pairs("vpmovsxbw", ends, MEMORIES, Assembler::vpmovsxbw);
        pairs("vbroadcastf128", ends, MEMORIES, Assembler::vbroadcastf128);
        for (var memory : MEMORIES) {
            add("vinsertf128", a -> a.vinsertf128(ymm(1), ymm(14), memory, 1), ymm(1), ymm(14), memory, 1);
            add("vextractf128", a -> a.vextractf128(memory, ymm(9), 1), memory, ymm(9), 1);
            add("vpunpcklwd", a -> a.vpunpcklwd(ymm(1), ymm(14), memory), ymm(1), ymm(14), memory);
            add("vpunpckhwd", a -> a.vpunpckhwd(ymm(9), ymm(2), memory), ymm(9), ymm(2), memory);
        }
        lanes(vectors);
        triples("vunpcklps", vectors, Assembler::vunpcklps);
        triples("vunpckhps", vectors, Assembler::vunpckhps);
        triples("vunpcklpd", vectors, Assembler::vunpcklpd);
        triples("vunpckhpd", vectors, Assembler::vunpckhpd);
        add("vzeroupper", Assembler::vzeroupper);
    }

    /** Instructions on the lanes of F32 vectors. */
    private void lanes(List<Vector> vectors) {
        for (var to : vectors) {
            add("vperm2f128", a -> a.vperm2f128(to, ymm(9), ymm(2), 1), to, ymm(9), ymm(2), 1);
            add("vcmpps", a -> a.vcmpps(to, ymm(9), ymm(2), 0x1e), to, ymm(9), ymm(2), 0x1e);
            add("vblendvps", a -> a.vblendvps(to, ymm(9), ymm(2), ymm(12)), to, ymm(9), ymm(2), ymm(12));
        }
        for (var memory : FEW) {
            add("vmovss", a -> a.vmovss(memory, ymm(9)), memory, "xmm9");
            add("vcmpps", a -> a.vcmpps(ymm(1), ymm(9), memory, 4), ymm(1), ymm(9), memory, 4);
            add("vblendvps", a -> a.vblendvps(ymm(1), ymm(9), memory, ymm(3)), ymm(1), ymm(9), memory, ymm(3));
        }
    }

    private void tiles() {
        for (var memory : MEMORIES) {
            add("ldtilecfg", a -> a.ldtilecfg(memory), memory);
        }
        add("tilerelease", Assembler::tilerelease);
        for (var tile : TILES) {
            add("tilezero", a -> a.tilezero(tile), tile);
        }
        pairs("tileloadd", TILES, STRIDED, Assembler::tileloadd);
        pairs("tilestored", STRIDED, TILES, Assembler::tilestored);
        // Three operands of one instruction must differ.
        for (var tiles : List.of(List.of(tmm0, tmm3, tmm5), List.of(tmm7, tmm0, tmm3), List.of(tmm5, tmm7, tmm0))) {
            var sum = tiles.get(0);
            var left = tiles.get(1);
            var right = tiles.get(2);
            add("tdpbf16ps", a -> a.tdpbf16ps(sum, left, right), sum, left, right);
            add("tdpbssd", a -> a.tdpbssd(sum, left, right), sum, left, right);
        }
    }
}

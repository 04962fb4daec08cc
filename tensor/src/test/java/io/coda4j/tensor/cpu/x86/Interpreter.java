package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Executes machine code for x86-64, of the instructions that {@link Assembler} knows, on simulated registers and real memory.
 * It reads the bytes, not the calls that made them, and follows the SDM's descriptions, not the assembler.
 *
 * <p>It is stricter than a processor: every load and store must lie in one region that was declared for it, unused
 * fields must hold what the SDM demands, tiles are used only as configured, and a routine must return to its caller
 * with the registers, the stack, the tiles and the vectors in the state that the System V convention asks for.
 */
final class Interpreter {
    private static final int RSP = 4;
    private static final long RETURN = 0x1234_5678_9abc_def0L;
    private static final int STACK_BYTES = 4096;
    private static final int[] ARGUMENTS = {7, 6, 2, 1, 8, 9};
    private static final int[] CALLEE_SAVED = {3, RSP, 5, 12, 13, 14, 15};
    private static final long MOST_INSTRUCTIONS = 50_000_000;

    /** Memory that a routine may read, and write if {@code writable}. */
    record Region(String name, MemorySegment segment, boolean writable) {}

    /** What ModR/M names: a register, or memory at {@code address} with {@code stride} = index times scale. */
    private record Place(boolean register, int number, long address, long stride) {
        long end() {
            return address + stride;
        }
    }

    private final List<Region> regions = new ArrayList<>();
    private final long[] gpr = new long[16];
    private final byte[][] vectors = new byte[32][64];

    /** Mask registers, a bit for each lane of 32 bits. */
    private final int[] masks = new int[8];

    private final Tiles tiles = new Tiles(this);
    private boolean zero;
    private boolean negative;
    private boolean upperHalvesInUse;
    private byte[] code = {};
    private int ip;

    // The instruction being decoded.
    private int reg;
    private int second;
    private int bits;

    /** Number of the mask register that it is under, or 0. */
    private int mask;

    Interpreter(List<Region> regions) {
        this.regions.addAll(regions);
    }

    /** Calls {@code routine} with integer arguments as the System V convention passes them. */
    void call(byte[] routine, long... arguments) {
        try (var arena = Arena.ofConfined()) {
            var stack = arena.allocate(STACK_BYTES, 64);
            var region = new Region("stack", stack, true);
            regions.add(region);
            enter(routine, stack, arguments);
            long[] before = gpr.clone();
            long instructions = 0;
            while (step()) {
                check(++instructions < MOST_INSTRUCTIONS, "the routine does not end");
            }
            for (int number : CALLEE_SAVED) {
                long expected = before[number] + (number == RSP ? Long.BYTES : 0);
                check(gpr[number] == expected, "register " + number + " belongs to the caller and has changed");
            }
            check(!tiles.configured(), "the tiles are not released");
            check(!upperHalvesInUse, "no vzeroupper before the return");
            regions.remove(region);
        }
    }

    private void enter(byte[] routine, MemorySegment stack, long[] arguments) {
        for (int i = 0; i < gpr.length; i++) {
            gpr[i] = 0xdead_0000_0000L + i;
        }
        long top = stack.address() + STACK_BYTES / 2;
        // At the call the stack is a multiple of 16, and the call pushes the return address.
        gpr[RSP] = top - Long.BYTES;
        store(gpr[RSP], RETURN);
        for (int i = 0; i < arguments.length; i++) {
            if (i < ARGUMENTS.length) {
                gpr[ARGUMENTS[i]] = arguments[i];
            } else {
                store(top + (i - ARGUMENTS.length) * 8L, arguments[i]);
            }
        }
        for (byte[] vector : vectors) {
            Arrays.fill(vector, (byte) 0x7f);
        }
        Arrays.fill(masks, 0x5a5a);
        code = routine;
        ip = 0;
    }

    static void check(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    private AssertionError unknown(String what) {
        return new AssertionError("byte " + ip + ": " + what);
    }

    // Memory.

    /** The part of a declared region at these addresses. */
    MemorySegment memory(long address, long bytes, boolean write) {
        for (var region : regions) {
            long offset = address - region.segment.address();
            if (offset >= 0 && offset + bytes <= region.segment.byteSize()) {
                check(!write || region.writable, "byte " + ip + ": a store to " + region.name);
                return region.segment.asSlice(offset, bytes);
            }
        }
        var nearest = regions.stream()
                .min(Comparator.comparingLong(region -> Math.abs(address - region.segment.address())))
                .orElseThrow();
        throw new AssertionError("byte " + ip + ": " + (write ? "store" : "load") + " of " + bytes
                + " bytes outside of all memory, " + (address - nearest.segment.address()) + " from the start of "
                + nearest.name + ", which has " + nearest.segment.byteSize());
    }

    private void store(long address, long value) {
        memory(address, Long.BYTES, true).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, value);
    }

    private long load(long address) {
        return memory(address, Long.BYTES, false).get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
    }

    // Decoding.

    private int int8() {
        check(ip < code.length, "the routine runs past its end");
        return code[ip++] & 0xff;
    }

    private int int32() {
        return int8() | int8() << 8 | int8() << 16 | int8() << 24;
    }

    /** One instruction; false if it returned. */
    private boolean step() {
        int first = int8();
        return switch (first) {
            case 0x62 -> evex();
            case 0xc4 -> {
                int inverted = ~int8();
                int last = int8();
                check((last & 0x80) == 0, "VEX.W is not used");
                yield vex(inverted >> 5 & 7, ~inverted & 0x1f, last);
            }
            case 0xc5 -> {
                int last = int8();
                yield vex(~last >> 5 & 4, 1, last & 0x7f);
            }
            default -> {
                boolean prefixed = (first & 0xf0) == 0x40;
                yield legacy(prefixed ? first & 15 : 0, prefixed ? int8() : first);
            }
        };
    }

    /** {@code extension}: the bits R, X, B, which are bit 3 of the numbers of reg, index, and base or register. */
    private Place modRm(int extension, int unit) {
        int modRm = int8();
        int mode = modRm >> 6;
        int rm = modRm & 7;
        reg = modRm >> 3 & 7 | (extension & 4) << 1;
        if (mode == 3) {
            return new Place(true, rm | (extension & 1) << 3, 0, 0);
        }
        int base = rm | (extension & 1) << 3;
        long stride = 0;
        if (rm == 4) {
            int sib = int8();
            int index = sib >> 3 & 7 | (extension & 2) << 2;
            stride = index == 4 ? 0 : gpr[index] << (sib >> 6);
            base = sib & 7 | (extension & 1) << 3;
        }
        check(mode != 0 || (base & 7) != 5, "addresses relative to rip are not known");
        long displacement = mode == 0 ? 0 : mode == 1 ? (byte) int8() * (long) unit : int32();
        return new Place(false, 0, gpr[base] + displacement, stride);
    }

    private boolean legacy(int rex, int opcode) {
        boolean wide = (rex & 8) != 0;
        switch (opcode) {
            case 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57 -> {
                gpr[RSP] -= Long.BYTES;
                store(gpr[RSP], gpr[opcode & 7 | (rex & 1) << 3]);
            }
            case 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f -> {
                gpr[opcode & 7 | (rex & 1) << 3] = load(gpr[RSP]);
                gpr[RSP] += Long.BYTES;
            }
            case 0xc3 -> {
                check(load(gpr[RSP]) == RETURN, "the routine does not return to its caller");
                gpr[RSP] += Long.BYTES;
                return false;
            }
            case 0x0f -> {
                int second = int8();
                if (second == 0x18) {
                    prefetch(modRm(rex, 1));
                } else {
                    jump(second);
                }
            }
            case 0xe9 -> leap(int32());
            default -> general(opcode, wide, modRm(rex, 1));
        }
        return true;
    }

    /** Touches nothing, whatever the address. */
    private void prefetch(Place place) {
        check(!place.register && ((reg & 7) == 1 || (reg & 7) == 2), "0f 18 /" + reg + " is not known");
    }

    private void jump(int opcode) {
        boolean taken = switch (opcode) {
            case 0x84 -> zero;
            case 0x85 -> !zero;
            case 0x88 -> negative;
            case 0x89 -> !negative;
            default -> throw unknown("0f " + Integer.toHexString(opcode) + " is not known");
        };
        int distance = int32();
        if (taken) {
            leap(distance);
        }
    }

    private void leap(int distance) {
        ip += distance;
        check(0 <= ip && ip < code.length, "a jump out of the routine");
    }

    private void general(int opcode, boolean wide, Place place) {
        check(wide, "only instructions of 64 bits are known");
        switch (opcode) {
            case 0x89 -> put(place, gpr[reg]);
            case 0x8b -> gpr[reg] = get(place);
            case 0x8d -> {
                check(!place.register, "lea of a register");
                gpr[reg] = place.end();
            }
            case 0x01 -> put(place, flagged(get(place) + gpr[reg]));
            case 0x81 -> add(place, int32());
            case 0x83 -> add(place, (byte) int8());
            case 0xc7 -> {
                check(reg == 0, "c7 /" + reg + " is not known");
                put(place, int32());
            }
            case 0xff -> {
                check(reg == 1, "ff /" + reg + " is not known");
                put(place, flagged(get(place) - 1));
            }
            case 0x85 -> flagged(get(place) & gpr[reg]);
            default -> throw unknown("opcode " + Integer.toHexString(opcode) + " is not known");
        }
    }

    private void add(Place place, int value) {
        check((reg & 7) == 0, "81 or 83 /" + reg + " is not known");
        put(place, flagged(get(place) + value));
    }

    private long flagged(long value) {
        zero = value == 0;
        negative = value < 0;
        return value;
    }

    private long get(Place place) {
        return place.register ? gpr[place.number] : load(place.end());
    }

    private void put(Place place, long value) {
        if (place.register) {
            gpr[place.number] = value;
        } else {
            store(place.end(), value);
        }
    }

    private boolean vex(int extension, int map, int last) {
        second = ~last >> 3 & 15;
        bits = (last & 4) == 0 ? 128 : 256;
        int opcode = map << 12 | (last & 3) << 8 | int8();
        if (opcode == 0x1077) {
            check(bits == 128 && second == 0, "vzeroall, or a reserved field of vzeroupper");
            for (int i = 0; i < 16; i++) {
                Arrays.fill(vectors[i], 16, 64, (byte) 0);
            }
            upperHalvesInUse = false;
            return true;
        }
        int modRm = code[ip] & 0xff;
        var place = modRm(extension, 1);
        switch (opcode) {
            case 0x1010,
                    0x1011,
                    0x1014,
                    0x1015,
                    0x1028,
                    0x1051,
                    0x1058,
                    0x1059,
                    0x105b,
                    0x105c,
                    0x105e,
                    0x105f,
                    0x10c2,
                    0x1114,
                    0x1115,
                    0x1161,
                    0x1169,
                    0x116b,
                    0x1172,
                    0x11db,
                    0x11df,
                    0x11eb,
                    0x11ef,
                    0x11f5,
                    0x11fa,
                    0x11fe -> {
                check(bits == 256, "vectors of 128 bits are not known");
                vector(opcode, place);
            }
            case 0x2118,
                    0x211a,
                    0x2133,
                    0x2158,
                    0x2150,
                    0x2120,
                    0x21a8,
                    0x21b8,
                    0x3104,
                    0x3106,
                    0x3118,
                    0x3119,
                    0x314a -> {
                check(bits == 256, "vectors of 128 bits are not known");
                vector(opcode, place);
            }
            case 0x1211 -> storeSingle(place);
            default -> {
                check(bits == 128, "VEX.L of tiles must be 0");
                tile(opcode, modRm, place);
            }
        }
        return true;
    }

    private void tile(int opcode, int modRm, Place place) {
        switch (opcode) {
            case 0x2049 -> {
                check(second == 0 && (modRm & 0x38) == 0, "reserved fields of ldtilecfg or tilerelease");
                if (place.register) {
                    check(modRm == 0xc0, "tilerelease");
                    tiles.release();
                } else {
                    tiles.configure(memory(place.end(), 64, false));
                }
            }
            case 0x2349 -> {
                check(place.register && second == 0 && (modRm & 7) == 0, "reserved fields of tilezero");
                tiles.zero(reg);
            }
            case 0x234b, 0x224b -> {
                check(!place.register && second == 0 && (modRm & 7) == 4, "tileloadd and tilestored need SIB");
                if (opcode == 0x234b) {
                    tiles.load(reg, place.address, place.stride);
                } else {
                    tiles.store(reg, place.address, place.stride);
                }
            }
            case 0x225c -> tiles.dotBf16(reg, place.number, second);
            case 0x235e -> tiles.dotSigned(reg, place.number, second);
            default -> throw unknown("VEX opcode " + Integer.toHexString(opcode) + " is not known");
        }
    }

    private boolean evex() {
        int p0 = int8();
        int p1 = int8();
        int p2 = int8();
        check((p0 & 8) == 0 && (p1 & 4) != 0, "fixed bits of EVEX");
        check((p1 & 0x80) == 0 && (p2 & 0x90) == 0, "EVEX.W, z and b are not used");
        second = ~p1 >> 3 & 15 | (~p2 & 8) << 1;
        bits = 128 << (p2 >> 5 & 3);
        mask = p2 & 7;
        int opcode = (p0 & 7) << 12 | (p1 & 3) << 8 | int8();
        check(mask == 0 || opcode == 0x2165 || opcode == 0x11ef, "a mask is known of blends and exclusive or only");
        check(bits == 512 || opcode == 0x1211, "EVEX with vectors of 512 bits");
        boolean half = opcode == 0x2133 || opcode == 0x2233;
        boolean single = opcode == 0x2118 || opcode == 0x2158 || opcode == 0x1211;
        var place = modRm(~p0 >> 5 & 7, single ? 4 : half ? bits / 16 : bits / 8);
        reg |= ~p0 & 0x10;
        if (place.register) {
            place = new Place(true, place.number | (~p0 & 0x40) >> 2, 0, 0);
        }
        switch (opcode) {
            case 0x1211 -> storeSingle(place);
            case 0x10c2 -> {
                check(reg >= 1 && reg <= 7, "a mask register from 1 to 7");
                masks[reg] = comparison(place);
            }
            case 0x2165 -> {
                check(mask != 0, "a blend without a mask");
                masked(vectors[second], operand(place));
            }
            case 0x2233 -> {
                check(!place.register && second == 0, "vpmovdw to a register is not known");
                var to = memory(place.end(), bits / 16, true);
                for (int i = 0; i < bits / 32; i++) {
                    short lower = (short) Numbers.int32(vectors[reg], 4 * i);
                    to.setAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i, lower);
                }
            }
            case 0x2238 -> {
                check(place.register && place.number >= 1 && place.number <= 7 && second == 0, "vpmovm2d");
                writeLanes(masks[place.number]);
            }
            case 0x2239 -> {
                check(place.register && reg >= 1 && reg <= 7 && second == 0, "vpmovd2m");
                masks[reg] = 0;
                for (int i = 0; i < 16; i++) {
                    masks[reg] |= (Numbers.int32(vectors[place.number], 4 * i) >>> 31) << i;
                }
            }
            case 0x3123 -> {
                check(place.register, "vshuff32x4 from memory is not known");
                int order = int8();
                byte[] result = new byte[64];
                for (int i = 0; i < 4; i++) {
                    byte[] from = vectors[i < 2 ? second : place.number];
                    System.arraycopy(from, (order >> 2 * i & 3) * 16, result, i * 16, 16);
                }
                write(result);
            }
            default -> vector(opcode, place);
        }
        mask = 0;
        return true;
    }

    private void storeSingle(Place place) {
        check(!place.register && second == 0, "vmovss to a register is not known");
        MemorySegment.copy(MemorySegment.ofArray(vectors[reg]), 0, memory(place.end(), 4, true), 0, 4);
    }

    /** All ones in these lanes, zeros in the others. */
    private void writeLanes(int lanes) {
        byte[] result = new byte[64];
        for (int i = 0; i < 16; i++) {
            Numbers.put(result, 4 * i, (lanes >> i & 1) == 0 ? 0 : -1);
        }
        write(result);
    }

    /** {@code b} in the lanes of the mask, else {@code a}. */
    private void masked(byte[] a, byte[] b) {
        byte[] result = a.clone();
        for (int i = 0; i < 16; i++) {
            if ((masks[mask] >> i & 1) != 0) {
                System.arraycopy(b, 4 * i, result, 4 * i, 4);
            }
        }
        write(result);
    }

    // Vectors.

    private void vector(int opcode, Place place) {
        upperHalvesInUse = true;
        boolean unary = List.of(0x1010, 0x1011, 0x1028, 0x1051, 0x105b, 0x2118, 0x211a, 0x2158, 0x2120, 0x2133, 0x3104)
                .contains(opcode);
        check(!unary || second == 0, "vvvv must be ones where it names nothing");
        switch (opcode) {
            case 0x1010 -> write(load(place));
            case 0x1011 -> {
                check(!place.register, "moves between registers are not known");
                MemorySegment.copy(
                        MemorySegment.ofArray(vectors[reg]), 0, memory(place.end(), bits / 8, true), 0, bits / 8);
            }
            case 0x2118, 0x2158 -> {
                check(!place.register, "a broadcast from a register is not known");
                var from = memory(place.end(), 4, false);
                byte[] result = new byte[64];
                for (int i = 0; i < bits / 8; i++) {
                    result[i] = from.get(ValueLayout.JAVA_BYTE, i % 4);
                }
                write(result);
            }
            case 0x211a -> {
                check(!place.register, "a broadcast from a register is not known");
                byte[] result = new byte[64];
                var from = memory(place.end(), 16, false);
                MemorySegment.copy(from, 0, MemorySegment.ofArray(result), 0, 16);
                MemorySegment.copy(from, 0, MemorySegment.ofArray(result), 16, 16);
                write(result);
            }
            case 0x3118 -> {
                check(!place.register, "vinsertf128 from a register is not known");
                byte[] result = vectors[second].clone();
                var from = memory(place.end(), 16, false);
                MemorySegment.copy(from, 0, MemorySegment.ofArray(result), (int8() & 1) * 16, 16);
                write(result);
            }
            case 0x3119 -> {
                check(!place.register && second == 0, "vextractf128 to a register is not known");
                var to = memory(place.end(), 16, true);
                MemorySegment.copy(MemorySegment.ofArray(vectors[reg]), (int8() & 1) * 16, to, 0, 16);
            }
            case 0x1161 -> unpack(2, 0, place);
            case 0x1169 -> unpack(2, 8, place);
            case 0x1014 -> unpack(4, 0, place);
            case 0x1015 -> unpack(4, 8, place);
            case 0x1114 -> unpack(8, 0, place);
            case 0x1115 -> unpack(8, 8, place);
            case 0x11ef -> {
                byte[] result = vectors[second].clone();
                byte[] other = operand(place);
                for (int i = 0; i < result.length; i++) {
                    result[i] ^= other[i];
                }
                if (mask == 0) {
                    write(result);
                } else {
                    masked(vectors[reg], result);
                }
            }
            case 0x2120 -> {
                check(!place.register, "vpmovsxbw from a register is not known");
                var from = memory(place.end(), bits / 16, false);
                byte[] result = new byte[64];
                for (int i = 0; i < bits / 8; i += 4) {
                    Numbers.put(result, i, Numbers.words(from.get(ValueLayout.JAVA_SHORT_UNALIGNED, i / 2)));
                }
                write(result);
            }
            case 0x2133 -> {
                check(!place.register, "vpmovzxwd from a register is not known");
                var from = memory(place.end(), bits / 16, false);
                byte[] result = new byte[64];
                for (int i = 0; i < bits / 32; i++) {
                    Numbers.put(result, 4 * i, from.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i) & 0xffff);
                }
                write(result);
            }
            case 0x116b -> {
                byte[] b = operand(place);
                byte[] result = new byte[64];
                for (int i = 0; i < bits / 8; i += 2) {
                    byte[] from = i % 16 < 8 ? vectors[second] : b;
                    int lane = Numbers.int32(from, i / 16 * 16 + i % 8 * 2);
                    int word = Math.clamp(lane, Short.MIN_VALUE, Short.MAX_VALUE);
                    result[i] = (byte) word;
                    result[i + 1] = (byte) (word >> 8);
                }
                write(result);
            }
            case 0x1172 -> {
                boolean left = (reg & 7) == 6;
                check(place.register && (left || (reg & 7) == 4), "72 /" + reg + " is not known");
                int count = int8();
                check(count < 32, "a shift by more bits than there are");
                byte[] from = vectors[place.number];
                byte[] result = new byte[64];
                for (int i = 0; i < bits / 8; i += 4) {
                    int value = Numbers.int32(from, i);
                    Numbers.put(result, i, left ? value << count : value >> count);
                }
                // The destination is where other instructions have their second operand.
                reg = second;
                write(result);
            }
            case 0x1028 -> {
                check(place.register, "vmovaps from memory is not known");
                write(vectors[place.number]);
            }
            case 0x3104 -> {
                check(place.register, "vpermilps from memory is not known");
                int order = int8();
                byte[] result = new byte[64];
                for (int i = 0; i < bits / 8; i++) {
                    int lane = order >> i % 16 / 4 * 2 & 3;
                    result[i] = vectors[place.number][i / 16 * 16 + lane * 4 + i % 4];
                }
                write(result);
            }
            case 0x3106 -> {
                check(int8() == 1, "only exchanged halves are known");
                byte[] result = new byte[64];
                System.arraycopy(vectors[second], 16, result, 0, 16);
                System.arraycopy(vectors[second], 0, result, 16, 16);
                write(result);
            }
            case 0x314a -> blend(place);
            case 0x10c2 -> {
                writeLanes(comparison(place));
            }
            case 0x1051 -> floats((_, _, b) -> (float) Math.sqrt(b), place);
            case 0x105b -> dwords((_, _, b) -> Float.floatToRawIntBits(b), place);
            case 0x105c -> floats((_, a, b) -> a - b, place);
            case 0x105e -> floats((_, a, b) -> a / b, place);
            case 0x105f -> floats((_, a, b) -> a > b ? a : b, place);
            case 0x21a8 -> floats((x, a, b) -> Math.fma(a, x, b), place);
            case 0x11df -> dwords((_, a, b) -> ~a & b, place);
            case 0x11eb -> dwords((_, a, b) -> a | b, place);
            case 0x11fa -> dwords((_, a, b) -> a - b, place);
            case 0x11db -> dwords((_, a, b) -> a & b, place);
            case 0x1058 -> floats((_, a, b) -> a + b, place);
            case 0x1059 -> floats((_, a, b) -> a * b, place);
            case 0x21b8 -> floats((sum, a, b) -> Math.fma(a, b, sum), place);
            case 0x11f5 -> dwords((_, a, b) -> Numbers.dotWords(a, b), place);
            case 0x11fe -> dwords((_, a, b) -> a + b, place);
            case 0x2252 -> dwords((sum, a, b) -> Numbers.bits(Numbers.dotBf16(Float.intBitsToFloat(sum), a, b)), place);
            case 0x2150 -> dwords(Numbers::dotUnsignedSigned, place);
            default -> throw unknown("vector opcode " + Integer.toHexString(opcode) + " is not known");
        }
    }

    private void blend(Place place) {
        byte[] b = operand(place);
        byte[] mask = vectors[int8() >> 4];
        byte[] result = vectors[second].clone();
        for (int i = 0; i < bits / 8; i += 4) {
            if (Numbers.int32(mask, i) < 0) {
                System.arraycopy(b, i, result, i, 4);
            }
        }
        write(result);
    }

    /** A bit for each lane. */
    private int comparison(Place place) {
        byte[] b = operand(place);
        int predicate = int8();
        int lanes = 0;
        for (int i = 0; i < bits / 8; i += 4) {
            float x = Float.intBitsToFloat(Numbers.int32(vectors[second], i));
            float y = Float.intBitsToFloat(Numbers.int32(b, i));
            boolean holds = switch (predicate) {
                case 0x00 -> x == y;
                case 0x04 -> x != y;
                case 0x11 -> x < y;
                case 0x1d -> x >= y;
                case 0x1e -> x > y;
                default -> throw unknown("predicate " + predicate + " is not known");
            };
            lanes |= holds ? 1 << i / 4 : 0;
        }
        return lanes;
    }

    /** Elements of {@code size} bytes of both operands in turn, from byte {@code first} of each 16 bytes on. */
    private void unpack(int size, int first, Place place) {
        byte[] a = vectors[second];
        byte[] b = operand(place);
        byte[] result = new byte[64];
        for (int i = 0; i < bits / 8; i++) {
            int element = i % 16 / size;
            byte[] source = element % 2 == 0 ? a : b;
            result[i] = source[i / 16 * 16 + first + element / 2 * size + i % size];
        }
        write(result);
    }

    @FunctionalInterface
    private interface Dword {
        int of(int sum, int a, int b);
    }

    @FunctionalInterface
    private interface Single {
        float of(float sum, float a, float b);
    }

    private void floats(Single operation, Place place) {
        dwords(
                (sum, a, b) -> Numbers.bits(
                        operation.of(Float.intBitsToFloat(sum), Float.intBitsToFloat(a), Float.intBitsToFloat(b))),
                place);
    }

    private void dwords(Dword operation, Place place) {
        byte[] b = operand(place);
        byte[] result = new byte[64];
        for (int i = 0; i < bits / 8; i += 4) {
            int value = operation.of(
                    Numbers.int32(vectors[reg], i), Numbers.int32(vectors[second], i), Numbers.int32(b, i));
            Numbers.put(result, i, value);
        }
        write(result);
    }

    private byte[] operand(Place place) {
        return place.register ? vectors[place.number] : load(place);
    }

    private byte[] load(Place place) {
        check(!place.register, "moves between registers are not known");
        byte[] result = new byte[64];
        var from = memory(place.end(), bits / 8, false);
        MemorySegment.copy(from, 0, MemorySegment.ofArray(result), 0, bits / 8);
        return result;
    }

    /** The destination up to its upper end: what is beyond the vector becomes zero. */
    private void write(byte[] value) {
        byte[] result = new byte[64];
        System.arraycopy(value, 0, result, 0, bits / 8);
        vectors[reg] = result;
    }
}

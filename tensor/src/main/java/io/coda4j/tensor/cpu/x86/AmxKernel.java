package io.coda4j.tensor.cpu.x86;

import static io.coda4j.tensor.cpu.x86.Registers.at;
import static io.coda4j.tensor.cpu.x86.Registers.r10;
import static io.coda4j.tensor.cpu.x86.Registers.r11;
import static io.coda4j.tensor.cpu.x86.Registers.r12;
import static io.coda4j.tensor.cpu.x86.Registers.r13;
import static io.coda4j.tensor.cpu.x86.Registers.r8;
import static io.coda4j.tensor.cpu.x86.Registers.r9;
import static io.coda4j.tensor.cpu.x86.Registers.rax;
import static io.coda4j.tensor.cpu.x86.Registers.rbp;
import static io.coda4j.tensor.cpu.x86.Registers.rbx;
import static io.coda4j.tensor.cpu.x86.Registers.rcx;
import static io.coda4j.tensor.cpu.x86.Registers.rdi;
import static io.coda4j.tensor.cpu.x86.Registers.rdx;
import static io.coda4j.tensor.cpu.x86.Registers.rsi;
import static io.coda4j.tensor.cpu.x86.Registers.tmm0;
import static io.coda4j.tensor.cpu.x86.Registers.tmm1;
import static io.coda4j.tensor.cpu.x86.Registers.tmm2;
import static io.coda4j.tensor.cpu.x86.Registers.tmm3;
import static io.coda4j.tensor.cpu.x86.Registers.tmm4;
import static io.coda4j.tensor.cpu.x86.Registers.tmm5;
import static io.coda4j.tensor.cpu.x86.Registers.tmm6;
import static io.coda4j.tensor.cpu.x86.Registers.tmm7;

import io.coda4j.tensor.cpu.x86.Operand.Gpr;
import io.coda4j.tensor.cpu.x86.Operand.Memory;
import io.coda4j.tensor.cpu.x86.Operand.Tile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * {@link PanelProduct} on the tiles of AMX: 2 x 2 tiles of sums, that is up to 32 rows and 32 columns, from two tiles of
 * rows and two of the panel for each step; and 1 x 2 tiles for up to 16 rows.
 *
 * <p>The configuration says how many rows the tiles have, so that nothing is read or written beyond the last one.
 */
final class AmxKernel {
    /** Rows of a block. */
    static final int ROWS = 32;

    /** Bytes of a tile configuration. */
    static final int CONFIGURATION_BYTES = 64;

    private static final int TILE_ROWS = 16;
    private static final int TILE_ROW_BYTES = 64;

    private AmxKernel() {}

    /** The product of two tiles: BF16 or INT8. */
    @FunctionalInterface
    interface TileProduct {
        void assemble(Assembler assembler, Tile sum, Tile a, Tile b);
    }

    /** The same as {@link #routines} for a product of integers, whose sums may be formed in any order. */
    static List<byte[]> integerRoutines(TileProduct product) {
        var routines = new ArrayList<>(routines(product));
        routines.set(0, new SingleRow(product).code());
        return List.copyOf(routines);
    }

    /** A routine for each number of rows from 1 to 32. */
    static List<byte[]> routines(TileProduct product) {
        var routines = new ArrayList<>(Collections.nCopies(TILE_ROWS, code(false, product)));
        routines.addAll(Collections.nCopies(TILE_ROWS, code(true, product)));
        return List.copyOf(routines);
    }

    /**
     * Arguments as {@link PanelCode#run} lists them. In the loop rax and r11 walk along the rows of the upper and the
     * lower tile, rbx along the panel, whose rows are r10 apart; rbp is where the sums of the lower tiles go.
     */
    private static byte[] code(boolean lower, TileProduct product) {
        var a = new Assembler();
        var frame = StackFrame.enter(a, rbx, rbp, r12, r13);
        a.mov(rax, frame.argument(PanelCode.CONFIGURATION));
        a.ldtilecfg(at(rax));
        a.mov(r12, frame.argument(PanelCode.BLOCKS));
        a.mov(r10, PanelProduct.COLUMNS * Integer.BYTES);

        var block = new Assembler.Label();
        var sums = new Assembler.Label();
        var step = new Assembler.Label();
        a.place(block);
        a.lea(r11, at(rdi, rsi, 8));
        a.lea(r11, at(r11, rsi, 8));
        a.lea(rbp, at(rcx, r8, 8));
        a.lea(rbp, at(rbp, r8, 8));
        a.tilezero(tmm0);
        a.tilezero(tmm1);
        if (lower) {
            a.tilezero(tmm2);
            a.tilezero(tmm3);
        }
        a.mov(rax, frame.argument(PanelCode.ADD));
        a.test(rax);
        a.jz(sums);
        a.tileloadd(tmm0, at(rcx, r8, 1));
        a.tileloadd(tmm1, at(rcx, r8, 1).plus(TILE_ROW_BYTES));
        if (lower) {
            a.tileloadd(tmm2, at(rbp, r8, 1));
            a.tileloadd(tmm3, at(rbp, r8, 1).plus(TILE_ROW_BYTES));
        }
        a.place(sums);
        a.mov(rax, rdi);
        a.mov(rbx, rdx);
        a.mov(r13, r9);

        a.place(step);
        a.tileloadd(tmm4, at(rax, rsi, 1));
        a.tileloadd(tmm6, at(rbx, r10, 1));
        product.assemble(a, tmm0, tmm4, tmm6);
        a.tileloadd(tmm7, at(rbx, r10, 1).plus(TILE_ROW_BYTES));
        product.assemble(a, tmm1, tmm4, tmm7);
        if (lower) {
            a.tileloadd(tmm5, at(r11, rsi, 1));
            product.assemble(a, tmm2, tmm5, tmm6);
            product.assemble(a, tmm3, tmm5, tmm7);
        }
        a.add(rax, PanelProduct.STEP_BYTES);
        a.add(r11, PanelProduct.STEP_BYTES);
        a.add(rbx, PanelProduct.PANEL_STEP_BYTES);
        a.dec(r13);
        a.jnz(step);

        a.tilestored(at(rcx, r8, 1), tmm0);
        a.tilestored(at(rcx, r8, 1).plus(TILE_ROW_BYTES), tmm1);
        if (lower) {
            a.tilestored(at(rbp, r8, 1), tmm2);
            a.tilestored(at(rbp, r8, 1).plus(TILE_ROW_BYTES), tmm3);
        }
        // The next 32 rows.
        for (int i = 0; i < ROWS / 8; i++) {
            a.lea(rdi, at(rdi, rsi, 8));
            a.lea(rcx, at(rcx, r8, 8));
        }
        a.dec(r12);
        a.jnz(block);
        a.tilerelease();
        frame.leave();
        return a.bytes();
    }

    /** Tiles of one row of sums; a piece is a step of the depth. */
    private static final class SingleRow extends SingleRowRoutine {
        /** Bytes between rows of the panel. */
        private static final Gpr DISTANCE = rbx;

        /** Where a tile begins: its address has no second register, which would be the distance of its rows. */
        private static final Gpr START = rbp;

        private final TileProduct product;

        SingleRow(TileProduct product) {
            super(PanelProduct.STEP_BYTES, PanelProduct.PANEL_STEP_BYTES, 1);
            this.product = product;
        }

        @Override
        void begin(Assembler a, StackFrame frame) {
            a.mov(rax, frame.argument(PanelCode.CONFIGURATION));
            a.ldtilecfg(at(rax));
            a.mov(DISTANCE, PanelProduct.COLUMNS * Integer.BYTES);
        }

        @Override
        void zero(Assembler a) {
            a.tilezero(tmm0);
            a.tilezero(tmm1);
        }

        @Override
        void load(Assembler a) {
            a.tileloadd(tmm0, at(rcx, DISTANCE, 1));
            a.tileloadd(tmm1, at(rcx, DISTANCE, 1).plus(TILE_ROW_BYTES));
        }

        @Override
        void multiply(Assembler a, Memory row, Memory panel) {
            a.lea(START, row);
            a.tileloadd(tmm4, at(START, DISTANCE, 1));
            a.lea(START, panel);
            a.tileloadd(tmm6, at(START, DISTANCE, 1));
            product.assemble(a, tmm0, tmm4, tmm6);
            a.tileloadd(tmm7, at(START, DISTANCE, 1).plus(TILE_ROW_BYTES));
            product.assemble(a, tmm1, tmm4, tmm7);
        }

        @Override
        void store(Assembler a) {
            a.tilestored(at(rcx, DISTANCE, 1), tmm0);
            a.tilestored(at(rcx, DISTANCE, 1).plus(TILE_ROW_BYTES), tmm1);
        }

        @Override
        void end(Assembler a) {
            a.tilerelease();
        }
    }

    /** Writes the configuration of the tiles for blocks of {@code rows} rows (SDM volume 1, table 18-2). */
    static void configure(MemorySegment to, int rows) {
        int upper = Math.min(rows, TILE_ROWS);
        int lower = rows - upper;
        int[] tileRows = {upper, upper, lower, lower, upper, lower, TILE_ROWS, TILE_ROWS};
        to.fill((byte) 0);
        to.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
        for (int tile = 0; tile < tileRows.length; tile++) {
            int bytes = tileRows[tile] == 0 ? 0 : TILE_ROW_BYTES;
            to.set(ValueLayout.JAVA_SHORT_UNALIGNED, 16 + 2L * tile, (short) bytes);
            to.set(ValueLayout.JAVA_BYTE, 48 + tile, (byte) tileRows[tile]);
        }
    }
}

package io.coda4j.tensor.cpu.x86;

import static io.coda4j.tensor.cpu.x86.Interpreter.check;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** The eight tiles of AMX and their instructions (SDM volume 1, chapter 18). */
final class Tiles {
    private static final int ROWS = 16;
    private static final int ROW_BYTES = 64;

    private final Interpreter interpreter;
    private final int[] rows = new int[8];
    private final int[] rowBytes = new int[8];
    private final byte[][][] data = new byte[8][ROWS][ROW_BYTES];
    private boolean configured;

    Tiles(Interpreter interpreter) {
        this.interpreter = interpreter;
    }

    boolean configured() {
        return configured;
    }

    /** LDTILECFG: checks what a processor checks, and clears the tiles. */
    void configure(MemorySegment from) {
        release();
        check(from.get(ValueLayout.JAVA_BYTE, 0) == 1, "palette 1 expected");
        for (int i = 1; i < 16; i++) {
            check(from.get(ValueLayout.JAVA_BYTE, i) == 0, "start row and reserved bytes must be 0");
        }
        for (int tile = 0; tile < 16; tile++) {
            int bytes = from.get(ValueLayout.JAVA_SHORT_UNALIGNED, 16 + 2L * tile) & 0xffff;
            int count = from.get(ValueLayout.JAVA_BYTE, 48 + tile) & 0xff;
            check(bytes <= ROW_BYTES && count <= ROWS, "tile " + tile + " is too big");
            check((bytes == 0) == (count == 0), "tile " + tile + " has rows without columns or columns without rows");
            check(tile < 8 || count == 0, "there is no tile " + tile);
            if (tile < 8) {
                rows[tile] = count;
                rowBytes[tile] = bytes;
            }
        }
        configured = true;
    }

    /** TILERELEASE. */
    void release() {
        configured = false;
        for (int tile = 0; tile < 8; tile++) {
            rows[tile] = 0;
            rowBytes[tile] = 0;
            zeroData(tile);
        }
    }

    private void zeroData(int tile) {
        for (byte[] row : data[tile]) {
            Arrays.fill(row, (byte) 0);
        }
    }

    private void use(int tile) {
        check(configured && rows[tile] > 0, "tile " + tile + " is used but not configured");
    }

    void zero(int tile) {
        use(tile);
        zeroData(tile);
    }

    void load(int tile, long address, long stride) {
        use(tile);
        zeroData(tile);
        for (int row = 0; row < rows[tile]; row++) {
            var from = interpreter.memory(address + row * stride, rowBytes[tile], false);
            MemorySegment.copy(from, 0, MemorySegment.ofArray(data[tile][row]), 0, rowBytes[tile]);
        }
    }

    void store(int tile, long address, long stride) {
        use(tile);
        for (int row = 0; row < rows[tile]; row++) {
            var to = interpreter.memory(address + row * stride, rowBytes[tile], true);
            MemorySegment.copy(MemorySegment.ofArray(data[tile][row]), 0, to, 0, rowBytes[tile]);
        }
    }

    /** The three tiles of a product must differ and fit each other. */
    private void checkProduct(int sum, int a, int b) {
        check(sum != a && sum != b && a != b, "the tiles of a product must differ");
        use(sum);
        use(a);
        use(b);
        check(rows[sum] == rows[a], "rows of the sums " + rows[sum] + " and of the left tile " + rows[a]);
        check(rowBytes[sum] == rowBytes[b], "columns of the sums and of the right tile");
        check(rowBytes[a] / 4 == rows[b], "columns of the left tile and rows of the right");
    }

    /** TDPBF16PS: products of lower and of upper halves are summed apart, then added to each other, then to the tile. */
    void dotBf16(int sum, int a, int b) {
        checkProduct(sum, a, b);
        for (int m = 0; m < rows[sum]; m++) {
            for (int n = 0; n < rowBytes[sum]; n += 4) {
                float lower = 0;
                float upper = 0;
                for (int k = 0; k < rows[b]; k++) {
                    int left = Numbers.int32(data[a][m], 4 * k);
                    int right = Numbers.int32(data[b][k], n);
                    lower = Numbers.fma(Numbers.half(left, 0), Numbers.half(right, 0), lower);
                    upper = Numbers.fma(Numbers.half(left, 1), Numbers.half(right, 1), upper);
                }
                float old = Float.intBitsToFloat(Numbers.int32(data[sum][m], n));
                Numbers.put(data[sum][m], n, Numbers.bits(Numbers.sum(old, Numbers.sum(lower, upper))));
            }
        }
    }

    /** TDPBSSD. */
    void dotSigned(int sum, int a, int b) {
        checkProduct(sum, a, b);
        for (int m = 0; m < rows[sum]; m++) {
            for (int n = 0; n < rowBytes[sum]; n += 4) {
                int total = Numbers.int32(data[sum][m], n);
                for (int k = 0; k < rows[b]; k++) {
                    total = Numbers.dotSigned(total, Numbers.int32(data[a][m], 4 * k), Numbers.int32(data[b][k], n));
                }
                Numbers.put(data[sum][m], n, total);
            }
        }
    }
}

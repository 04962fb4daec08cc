package io.coda4j.tensor.opencl;

import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Products of BF16 on the tensor cores of NVIDIA GPUs, by an instruction that OpenCL C does not have. Used only where the
 * driver builds the kernel and it gives what the plain kernel gives on a small product; the check is made when the first
 * such product is bound.
 */
final class ClTensorCores {
    /** The kernel for a device with the instruction. */
    static final String SOURCE = ClResource.program("matmul_mma.cl");

    /** The options that build it where the instruction is computed in local memory: slow, for tests. */
    static final String EMULATED = " -DEMULATED -DROLLED";

    /** Where the instruction came with BF16: Ampere. */
    private static final int LEAST_CAPABILITY = 8;

    private static final int ITEMS = 128;
    private static final int TILE_M = 128;
    private static final int TILE_N = 64;

    /** The check's product: no dimension is a multiple of a tile, and the steps are several tiles and whole chunks. */
    private static final ClMatmul.Size CHECKED = new ClMatmul.Size(1, 150, 90, 72);

    private final ClDevice device;
    private final String source;
    private final String options;
    private final Optional<String> unavailable;
    private @Nullable Optional<String> checked;

    private ClTensorCores(ClDevice device, String source, String options, Optional<String> unavailable) {
        this.device = device;
        this.source = source;
        this.options = ClElement.of(DType.BF16) + options;
        this.unavailable = unavailable;
    }

    /** Those of the device, if it has any. */
    static ClTensorCores of(ClDevice device) {
        return new ClTensorCores(device, SOURCE, "", missing(device.info()));
    }

    /** None, for a reason. */
    static ClTensorCores none(ClDevice device, String reason) {
        return new ClTensorCores(device, SOURCE, "", Optional.of(reason));
    }

    /** Another kernel, which is built and checked on any device. */
    static ClTensorCores built(ClDevice device, String source, String options) {
        return new ClTensorCores(device, source, options, Optional.empty());
    }

    private static Optional<String> missing(ClInfo info) {
        if (!info.isNvidia()) {
            return Optional.of("not a GPU of NVIDIA");
        }
        return info.computeCapability() < LEAST_CAPABILITY
                ? Optional.of(
                        "compute capability " + info.computeCapability() + ".x, " + LEAST_CAPABILITY + ".0 is needed")
                : Optional.empty();
    }

    /**
     * Why products do not use tensor cores, or empty if they do.
     *
     * @param plain the kernels that every device has
     */
    synchronized Optional<String> unusableBecause(ClMatmul plain) {
        if (checked == null) {
            checked = unavailable.or(() -> failure(plain));
        }
        return checked;
    }

    private Optional<String> failure(ClMatmul plain) {
        try {
            return isRight(plain)
                    ? Optional.empty()
                    : Optional.of("their self-check failed: a product differs from that of the plain kernel");
        } catch (DeviceException e) {
            return Optional.of(
                    String.valueOf(e.getMessage()).lines().findFirst().orElse("their kernel failed"));
        }
    }

    /** A product of BF16, see {@link ClMatmul}. */
    ClMatmul.Bound bind(ClMatmul.Size size, ClMatmul.Strides x, ClMatmul.Strides w) {
        var multiply = device.programs().function(source, options, "multiply", "multiply mma " + options);
        long[] grid = {
            (long) ITEMS * ((size.n() + TILE_N - 1) / TILE_N), (size.m() + TILE_M - 1) / TILE_M, size.batches()
        };
        return (from, other, y) -> multiply.run(
                grid,
                new long[] {ITEMS, 1, 1},
                from,
                other,
                y,
                size.m(),
                size.n(),
                size.k(),
                x.batch(),
                x.row(),
                x.step(),
                w.batch(),
                w.row(),
                w.step());
    }

    /** Whether products are those of the plain kernel, with operands along aligned and odd rows and across them. */
    private boolean isRight(ClMatmul plain) {
        int k = CHECKED.k();
        var aligned = new ClMatmul.Strides(0, k, 1);
        var odd = new ClMatmul.Strides(0, k + 1, 1);
        var across = new ClMatmul.Strides(0, 1, CHECKED.n());
        return isRight(plain, aligned, aligned) && isRight(plain, aligned, across) && isRight(plain, odd, aligned);
    }

    private boolean isRight(ClMatmul plain, ClMatmul.Strides x, ClMatmul.Strides w) {
        int results = CHECKED.m() * CHECKED.n();
        try (var arena = Arena.ofConfined();
                var left = random(arena, CHECKED.m(), x, 1);
                var right = random(arena, CHECKED.n(), w, 2);
                var y = device.memory().allocate(4L * results)) {
            plain.tiled(DType.BF16, CHECKED, x, w).run(left, right, y);
            var expected = download(arena, y, results);
            device.queue().fill(new byte[] {-1, -1, -1, -1}, y);
            bind(CHECKED, x, w).run(left, right, y);
            var got = download(arena, y, results);
            // Operands are below 1 and sums differ by their rounding alone.
            for (int i = 0; i < results; i++) {
                if (!(Math.abs(expected[i] - got[i]) <= 1e-6 * CHECKED.k())) {
                    return false;
                }
            }
            return true;
        }
    }

    private static float[] download(Arena arena, ClBuffer y, int results) {
        var host = arena.allocate(4L * results, 64);
        y.download(host);
        return host.toArray(ValueLayout.JAVA_FLOAT);
    }

    private ClBuffer random(Arena arena, int rows, ClMatmul.Strides strides, int seed) {
        int elements = Math.toIntExact((rows - 1) * strides.row() + (CHECKED.k() - 1) * strides.step() + 1);
        var host = arena.allocate(2L * elements, 64);
        for (int i = 0; i < elements; i++) {
            host.setAtIndex(ValueLayout.JAVA_SHORT, i, Bf16.fromFloat((float) Math.sin(i * (seed + 0.7))));
        }
        return uploaded(host);
    }

    private ClBuffer uploaded(MemorySegment host) {
        var buffer = device.memory().allocate(host.byteSize());
        device.queue().write(host, buffer);
        return buffer;
    }
}

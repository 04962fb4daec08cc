package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.exec.CacheFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Ten thousand steps after two thousand, in a process of their own; prints what is left and how much memory grew. */
final class ManySteps {
    private static final Shape SHAPE = Shape.of(4096);
    private static final int WARM = 2000;
    private static final int STEPS = 10_000;

    /** Arguments of a step. */
    public record Step(Tensor state, Tensor change) {}

    private ManySteps() {}

    /** The only argument is a folder for compiled programs. */
    public static void main(String[] args) throws IOException {
        var fake = new FakePlugin();
        var options = new PjrtDevice.Options(Map.of(), new CacheFolder(Path.of(args[0])), fake::print);
        try (var device = PjrtDevice.open("pjrt:fake", PjrtPlugin.at("fake", fake.api()), 0, options);
                var step = Compiled.of("step", (Step in) -> in.state.mul(0.5).add(in.change), device)
                        .donating("state")) {
            Tensor state = Array.of(SHAPE, new float[4096]).to(device);
            long resident = 0;
            for (int i = 1; i <= WARM + STEPS; i++) {
                try (var change = Array.of(SHAPE, new float[4096])) {
                    state = step.apply(new Step(state, change));
                }
                if (i % 100 == 0) {
                    ((Array) state).toFloats();
                }
                if (i == WARM) {
                    resident = residentBytes();
                }
            }
            ((Array) state).toFloats();
            for (var kind : PjrtHandle.Kind.values()) {
                System.out.print(kind + "=" + device.client().live(kind) + " ");
            }
            System.out.println("grown=" + (residentBytes() - resident) + " violations=" + fake.violations());
        }
        System.out.println("leaks=" + fake.leaks());
        fake.close();
    }

    private static long residentBytes() throws IOException {
        System.gc();
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }
}

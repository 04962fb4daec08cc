package io.coda4j.tensor.spi;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Trace;
import java.util.Arrays;
import java.util.List;

/**
 * A small program that a device must compute as the CPU does before anything is asked of it: a driver may open and then
 * compile nothing. Its results are whole numbers, which every device computes exactly.
 */
final class DeviceProof {
    private DeviceProof() {}

    /**
     * The device, which works; one that does not is closed.
     *
     * @throws DeviceException with what went wrong
     */
    static Device proved(Device device) {
        try {
            check(device);
            return device;
        } catch (RuntimeException e) {
            device.close();
            throw e;
        }
    }

    private static void check(Device device) {
        var x = Array.of(Shape.of(2, 2), 1f, -2f, 3f, 4f);
        var program = Trace.of(
                "proof",
                in -> List.of(in.getFirst()
                        .matmul(in.getFirst())
                        .mul(2)
                        .add(in.getFirst())
                        .sum(0)),
                List.of(x.type()));
        var expected = result(program, Devices.defaultDevice(), x);
        var got = result(program, device, x);
        if (!Arrays.equals(expected, got)) {
            throw new DeviceException(
                    device.name() + ": it computes " + Arrays.toString(got) + " where the cpu computes "
                            + Arrays.toString(expected) + "; its driver or its compiler is broken, use another device");
        }
    }

    private static float[] result(Program program, Device device, Array x) {
        try (var _ = Scope.open();
                var executable = device.compile(program, Layout.DENSE)) {
            return executable.run(List.of(x.to(device))).getFirst().toFloats();
        }
    }
}

package io.coda4j.tensor.exec;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Layout;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What every executable asks of the arguments of a run. */
public final class Arguments {
    private final Device device;
    private final Program program;
    private final Layout layout;
    private @Nullable List<Array> frozen;

    /** The arguments of {@code program} on {@code device}. */
    public Arguments(Device device, Program program, Layout layout) {
        this.device = device;
        this.program = program;
        this.layout = layout;
    }

    /**
     * The storage of the arguments; donated arrays are consumed. Their buffers now belong to the caller.
     *
     * @throws IllegalArgumentException if there are too many or too few, one has another type or is elsewhere, a
     *     donated array is given twice, or a frozen one is not that of the first run; nothing is consumed then
     */
    public Buffer[] take(List<Array> args) {
        check(args);
        var buffers = new Buffer[args.size()];
        for (int i = 0; i < buffers.length; i++) {
            buffers[i] = program.donated().contains(i)
                    ? args.get(i).donate(argument(i))
                    : args.get(i).buffer();
        }
        if (frozen == null) {
            frozen = layout.frozen().stream().map(args::get).toList();
        }
        return buffers;
    }

    private void check(List<Array> args) {
        if (args.size() != program.params().size()) {
            throw new IllegalArgumentException("program " + program.name() + " takes "
                    + program.params().size() + " arguments, got " + args.size());
        }
        Set<Array> consumed = Collections.newSetFromMap(new IdentityHashMap<>());
        for (int i = 0; i < args.size(); i++) {
            checkTypeAndDevice(i, args.get(i));
            if (program.donated().contains(i)) {
                consumed.add(args.get(i));
            }
        }
        if (consumed.size() < program.donated().size()
                || args.stream().filter(consumed::contains).count() > consumed.size()) {
            throw new IllegalArgumentException(
                    "program " + program.name() + ": a donated array was passed more than once");
        }
        checkFrozen(args);
    }

    private void checkTypeAndDevice(int index, Array array) {
        var expected = program.params().get(index).type();
        if (!array.type().equals(expected)) {
            throw new IllegalArgumentException(argument(index) + " must be " + expected + ", got " + array.type());
        }
        if (array.device() != device) {
            throw new IllegalArgumentException(
                    argument(index) + " is on " + array.device().name() + ", the program runs on " + device.name());
        }
    }

    private void checkFrozen(List<Array> args) {
        int next = 0;
        for (int i : layout.frozen()) {
            if (frozen != null && frozen.get(next++) != args.get(i)) {
                throw new IllegalArgumentException(argument(i)
                        + " is frozen: it must be the same array on every call; compile again to change it");
            }
        }
    }

    private String argument(int index) {
        return "program " + program.name() + ": argument " + index;
    }
}

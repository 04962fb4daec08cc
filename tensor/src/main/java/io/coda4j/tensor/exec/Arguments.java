package io.coda4j.tensor.exec;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Layout;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What every executable asks of the arguments of a run. */
public final class Arguments {
    private final Device device;
    private final Program program;
    private final boolean[] donated;
    private final int[] frozen;
    private final String[] names;
    private final Set<Array> consumed = Collections.newSetFromMap(new IdentityHashMap<>());

    /** The frozen arguments of the first run. */
    private @Nullable List<Array> first;

    /** The arguments of {@code program} on {@code device}. */
    public Arguments(Device device, Program program, Layout layout) {
        this.device = device;
        this.program = program;
        this.donated = new boolean[program.params().size()];
        program.donated().forEach(i -> donated[i] = true);
        this.names = new String[donated.length];
        Arrays.setAll(names, i -> "program " + program.name() + ": argument " + i);
        this.frozen = layout.frozen().stream().mapToInt(i -> i).toArray();
    }

    /**
     * The storage of the arguments; donated arrays are consumed. Their buffers now belong to the caller.
     *
     * @throws IllegalArgumentException if there are too many or too few, one has another type or is elsewhere, a
     *     donated array is given twice, or a frozen one is not that of the first run; nothing is consumed then
     * @throws IllegalStateException if one was closed or consumed before; nothing is consumed then either
     */
    public Buffer[] take(List<Array> args) {
        var buffers = new Buffer[program.params().size()];
        take(args, buffers);
        return buffers;
    }

    /** As {@link #take(List)}, into {@code buffers}, which has a place for each parameter; it allocates nothing. */
    void take(List<Array> args, Buffer[] buffers) {
        check(args);
        for (int i = 0; i < donated.length; i++) {
            var array = args.get(i);
            buffers[i] = donated[i] ? array.donate(names[i]) : array.buffer();
        }
        if (first == null) {
            first = Arrays.stream(frozen).mapToObj(args::get).toList();
        }
    }

    private void check(List<Array> args) {
        if (args.size() != donated.length) {
            throw new IllegalArgumentException(
                    "program " + program.name() + " takes " + donated.length + " arguments, got " + args.size());
        }
        for (int i = 0; i < donated.length; i++) {
            checkTypeAndDevice(i, args.get(i));
        }
        try {
            checkDonated(args);
        } finally {
            consumed.clear();
        }
        checkFrozen(args);
        checkValues(args);
    }

    private void checkDonated(List<Array> args) {
        boolean isTwice = false;
        for (int i = 0; i < donated.length; i++) {
            isTwice |= donated[i] && !consumed.add(args.get(i));
        }
        for (int i = 0; i < donated.length; i++) {
            isTwice |= !donated[i] && consumed.contains(args.get(i));
        }
        if (isTwice) {
            throw new IllegalArgumentException(
                    "program " + program.name() + ": a donated array was passed more than once");
        }
    }

    private void checkTypeAndDevice(int index, Array array) {
        var expected = program.params().get(index).type();
        if (!array.type().equals(expected)) {
            throw new IllegalArgumentException(names[index] + " must be " + expected + ", got " + array.type());
        }
        if (array.device() != device) {
            throw new IllegalArgumentException(
                    names[index] + " is on " + array.device().name() + ", the program runs on " + device.name());
        }
    }

    /** Before any array is consumed, so that an argument that has no value leaves the others as they were. */
    private static void checkValues(List<Array> args) {
        for (int i = 0; i < args.size(); i++) {
            args.get(i).buffer();
        }
    }

    private void checkFrozen(List<Array> args) {
        for (int k = 0; k < frozen.length; k++) {
            if (first != null && first.get(k) != args.get(frozen[k])) {
                throw new IllegalArgumentException(names[frozen[k]]
                        + " is frozen: it must be the same array on every call; compile again to change it");
            }
        }
    }
}

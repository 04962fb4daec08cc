package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.Interpreter;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.Note;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Symbol;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.Trace;
import java.util.List;

/** Programs without what says how values lie on many devices, which means nothing on one. */
final class OneDevice implements Interpreter {
    private final Interpreter parent;

    private OneDevice(Interpreter parent) {
        this.parent = parent;
    }

    /** The same computation without sharding notes. */
    static Program of(Program program) {
        var types = program.params().stream().map(Symbol::type).toList();
        return Trace.of(
                        program.name(),
                        args -> new OneDevice(Interpreter.current()).run(() -> program.call(args)),
                        types)
                .donating(program.donated());
    }

    @Override
    public List<Tensor> apply(Primitive prim, List<Tensor> in) {
        return switch (prim) {
            case Primitive.Annotate(Note.Sharding _) -> in;
            case Primitive.Scan loop -> parent.apply(withoutNotes(loop), in);
            case Primitive.Core core -> parent.apply(core, in);
            case Primitive.Fused fused -> parent.apply(fused, in);
        };
    }

    private static Primitive withoutNotes(Primitive.Scan loop) {
        return new Primitive.Scan(
                of(loop.body()), loop.length(), loop.carries(), loop.constants(), loop.reverse(), loop.checkpoint());
    }
}

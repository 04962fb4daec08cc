package io.coda4j.tensor;

import java.util.List;

/** The work of a program that counts: its matrix products. */
public final class MatrixProducts {
    private MatrixProducts() {}

    /**
     * Multiplications and additions in all matrix products of {@code program}, those of fused primitives and those done
     * twice for checkpoints included; all else is left out.
     */
    public static double flops(Program program) {
        return Legalizer.legalise(program, (prim, _) -> prim instanceof Primitive.Scan).body().stream()
                .mapToDouble(MatrixProducts::flops)
                .sum();
    }

    private static double flops(Equation equation) {
        if (equation.prim() instanceof Primitive.Scan loop) {
            return loop.length() * flops(loop.body());
        }
        return equation.prim() instanceof Primitive.Dot dot
                ? 2.0 * equation.out().getFirst().type().size() * contracted(dot, equation.in())
                : 0;
    }

    /** How many products make one element of the result. */
    private static double contracted(Primitive.Dot dot, List<Tensor> in) {
        double size = 1;
        for (int axis : dot.lhsContract()) {
            size *= in.getFirst().type().dim(axis);
        }
        return size;
    }
}

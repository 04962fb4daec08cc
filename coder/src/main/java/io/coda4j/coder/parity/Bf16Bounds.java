package io.coda4j.coder.parity;

import io.coda4j.nn.TransformerConfig;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/**
 * How far results may be from those of F32 where products are made of BF16 numbers: a function of the element type, of how
 * many roundings lie on the way to a result, and of how long its sums are, and of nothing else.
 *
 * <p>A rounding to BF16, which has 8 significant bits, errs by up to u = 2^-8 of the number. Errors of R roundings one after
 * the other are as good as independent, so that they grow with the square root of R; three times that is allowed, because the
 * worst of thousands of numbers is compared. An average of N numbers errs by the square root of N less. Sums are F32 and add up to 2^-24 for each of their K terms. So the bound is
 *
 * <pre>3 u sqrt(R / N) + K 2^-24</pre>
 *
 * relative to the largest number or the norm of a tensor.
 *
 * @param layers of the model
 * @param terms of its longest sum
 */
record Bf16Bounds(int layers, int terms) {
    private static final double UNIT = 0x1p-8;
    private static final double SPREAD = 3;
    private static final double UNIT_F32 = 0x1p-24;

    /** Four products follow each other in a layer (queries, output, up, down), each of two operands. */
    private static final int OF_LAYER = 8;

    /** Where everything is BF16, each product and what is between them round their results too. */
    private static final int OF_LAYER_ALL = 16;

    /** For people. */
    static final String RULE = "bf16: tolerances are 3 x 2^-8 x sqrt(R / N) + K x 2^-24 for R roundings on the way to a"
            + " result, N numbers averaged and K terms summed; twice that between two logits, and its square root for how far"
            + " training has moved a parameter";

    static Bf16Bounds of(TransformerConfig model) {
        return new Bf16Bounds(model.layers(), Math.max(model.intermediate(), model.heads() * model.headDim()));
    }

    private double bound(int roundings, int averaged) {
        double bound = SPREAD * UNIT * Math.sqrt((double) roundings / averaged) + terms * UNIT_F32;
        return new BigDecimal(bound, new MathContext(2, RoundingMode.UP)).doubleValue();
    }

    /** Of a tensor that the first {@code done} layers lead to, the embedding being rounded as well. */
    double afterLayers(int done) {
        return bound(1 + OF_LAYER * done, 1);
    }

    /** Of what attention gives in layer {@code index}. */
    double attention(int index) {
        return bound(1 + OF_LAYER * index + OF_LAYER / 2, 1);
    }

    /** Of the logits. */
    double logits() {
        return bound(1 + OF_LAYER * layers + 2, 1);
    }

    /** Roundings of a pass in which everything is BF16, embedding, last norm, and operands and result of the head included. */
    private int passes() {
        return OF_LAYER_ALL * layers + 5;
    }

    /** Of the mean loss of so many positions. */
    double loss(int scored) {
        return bound(passes(), scored);
    }

    /**
     * Roundings of a gradient: those of the logits that it starts from, those of the activations that it meets on the way back,
     * and on that way two for each of the forward pass, of operands and of results.
     */
    private int passesAndGradient() {
        return 4 * passes();
    }

    /** Of a gradient. */
    double gradient() {
        return bound(passesAndGradient(), 1);
    }

    /** Of the losses of a run: those gradients led to its weights. */
    double losses(int scored) {
        return bound(passesAndGradient(), scored);
    }

    /**
     * Of how far training has moved a parameter. Optimisers that divide by the size of gradients turn an error e of gradients
     * into steps in the wrong direction for as large a share of the elements, which is sqrt(e) of a norm.
     */
    double movement() {
        return new BigDecimal(Math.sqrt(gradient()), new MathContext(2, RoundingMode.UP)).doubleValue();
    }
}

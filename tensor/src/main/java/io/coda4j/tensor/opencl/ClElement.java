package io.coda4j.tensor.opencl;

import io.coda4j.tensor.DType;

/** Build options that say what the elements of a program are; see {@code prelude.cl}. */
final class ClElement {
    private ClElement() {}

    /** Elements that are computed with. */
    static String of(DType dtype) {
        return "-D" + dtype.name();
    }

    /** Elements that are only moved. */
    static String moved(DType dtype) {
        return "-DBYTES=" + dtype.bytes();
    }
}

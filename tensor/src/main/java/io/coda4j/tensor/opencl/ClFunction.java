package io.coda4j.tensor.opencl;

import org.jocl.cl_kernel;

/**
 * A kernel function, built for a device. One exists per name and program: launches set all its arguments anew.
 *
 * @param label for messages and tables: the name of the function and what it was built for
 */
record ClFunction(ClQueue queue, String label, cl_kernel handle) {
    /**
     * Runs at least {@code items} items in groups of {@code group}; the function must ignore those beyond its count.
     *
     * @param args see {@link ClQueue#launch}
     */
    void run(long items, int group, Object... args) {
        run(new long[] {items}, new long[] {group}, args);
    }

    /** As the other, with several axes. */
    void run(long[] items, long[] group, Object... args) {
        var global = new long[items.length];
        for (int axis = 0; axis < items.length; axis++) {
            global[axis] = (items[axis] + group[axis] - 1) / group[axis] * group[axis];
        }
        queue.launch(label, handle, global, group, args);
    }
}

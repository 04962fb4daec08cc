package io.coda4j.nn;

import io.coda4j.tensor.Tensor;
import java.util.List;

/**
 * The windows of a pass. One may be of many rows that have the same place; several are each of one row, and their tokens lie
 * side by side along the second axis of everything that has one.
 *
 * @param views of the windows, in order
 * @param positions I32[T] of all their tokens
 */
record Windows(List<CacheView> views, Tensor positions) {
    /**
     * The windows with these views.
     *
     * @throws IllegalArgumentException if there is none, or there are several of which one is of many rows
     */
    static Windows of(List<CacheView> views) {
        if (views.isEmpty()) {
            throw new IllegalArgumentException("windows: a pass needs at least one");
        }
        if (views.size() > 1) {
            for (var view : views) {
                if (view.segments().dim(0) != 1) {
                    throw new IllegalArgumentException("windows: of several each is of one row, got segments "
                            + view.segments().type());
                }
            }
        }
        var positions = views.stream().map(CacheView::positions).toList();
        return new Windows(List.copyOf(views), Tensor.concat(0, positions));
    }

    /** The part of x[B,T,…] that belongs to a window. */
    Tensor part(Tensor x, int window) {
        if (views.size() == 1) {
            return x;
        }
        int start = views.subList(0, window).stream().mapToInt(Windows::width).sum();
        return x.slice(1, start, start + width(views.get(window)));
    }

    private static int width(CacheView view) {
        return view.segments().dim(1);
    }
}

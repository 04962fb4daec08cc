package io.coda4j.coder.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class MergeQueueTest {
    private record Place(int rank, int at) {}

    @Test
    void placesComeByRankAndThenFromTheLeft() {
        for (int seed = 0; seed < 200; seed++) {
            var random = new Random(seed);
            int highest = random.nextBoolean() ? 5 : Integer.MAX_VALUE;
            var queue = new MergeQueue(random.nextInt(20));
            var naive = new PriorityQueue<>(Comparator.comparingInt(Place::rank).thenComparingInt(Place::at));
            for (int i = 0; i < 500; i++) {
                if (random.nextInt(5) < 3 || naive.isEmpty()) {
                    var place = new Place(random.nextInt(highest), random.nextInt(highest));
                    naive.add(place);
                    queue.add(place.rank(), place.at());
                } else {
                    assertFalse(queue.isEmpty());
                    assertEquals(naive.remove(), removed(queue), "seed " + seed);
                }
            }
            while (!naive.isEmpty()) {
                assertEquals(naive.remove(), removed(queue), "seed " + seed);
            }
            assertTrue(queue.isEmpty());
        }
    }

    private static Place removed(MergeQueue queue) {
        long place = queue.remove();
        return new Place(MergeQueue.rank(place), MergeQueue.at(place));
    }
}

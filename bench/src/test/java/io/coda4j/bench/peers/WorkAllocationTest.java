package io.coda4j.bench.peers;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.testing.ChildJvm;
import java.io.IOException;
import java.util.EnumMap;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A kernel that runs alone keeps its vectors in registers. It is where flags of the compiler go wrong first: no other kernel has
 * shown it of which class vectors are. See {@link WorkAllocation}.
 */
class WorkAllocationTest {
    static Stream<Arguments> works() {
        return Stream.concat(
                oneOfEachFunction().map(work -> Arguments.of("elementwise", work.name())),
                Stream.of(Arguments.of("attention", "forward and backward T 256, 16/8 x 128")));
    }

    /** The last that is listed, which is the smallest. */
    private static Stream<Work> oneOfEachFunction() {
        var works = new EnumMap<Work.Function, Work>(Work.Function.class);
        for (var work : Work.of("elementwise", Material.NONE)) {
            works.put(((Work.Rows) work).function(), work);
        }
        return works.values().stream();
    }

    @ParameterizedTest
    @MethodSource("works")
    void workAllocatesNoVectors(String kind, String name) throws IOException, InterruptedException {
        var output = ChildJvm.output(List.of(), WorkAllocation.class, kind, name);
        long bytes = Long.parseLong(output.lines().toList().getLast());
        assertTrue(bytes <= WorkAllocation.BOUND, () -> name + " allocates " + bytes + " bytes a run");
    }
}

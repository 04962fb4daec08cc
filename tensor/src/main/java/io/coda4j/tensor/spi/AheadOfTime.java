package io.coda4j.tensor.spi;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Program;
import java.util.Map;
import java.util.ServiceLoader;

/** Compiles programs for devices that need not be here; implementations are declared for {@link ServiceLoader}. */
public interface AheadOfTime {
    /**
     * The compiler that is installed.
     *
     * @throws DeviceException if there is none
     */
    static AheadOfTime installed() {
        return ServiceLoader.load(AheadOfTime.class, AheadOfTime.class.getClassLoader())
                .findFirst()
                .orElseThrow(() -> new DeviceException(
                        "nothing here compiles ahead of time; the module tpu-backend must be on the class path"));
    }

    /**
     * The devices of a name.
     *
     * @throws DeviceException if there are none; the message says what names look like
     */
    Topology topology(String name);

    /**
     * Checks that there is a compiler, before anything long is done for it.
     *
     * @param plugin as in {@link #compile}
     * @throws DeviceException if there is none; says where it was looked for
     */
    void requireCompiler(String plugin);

    /**
     * The program as the text that the compiler is given.
     *
     * @throws DeviceException if the program cannot be placed so
     */
    String text(Program program, Placement placement);

    /**
     * Compiles a program in another process.
     *
     * @param text see {@link #text}
     * @param plugin the compiler's file, or empty for the one that is installed
     * @param flags of the compiler by name; it refuses those it does not know
     * @throws DeviceException if there is no compiler, or it refuses the program for another reason than its size
     */
    Compilation compile(String text, Topology topology, String plugin, Map<String, String> flags);
}

package io.coda4j.tensor.cpu.x86;

import io.coda4j.tensor.DeviceException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PrimitiveIterator;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The kernels of machine code that this process uses, and why it does not use the others.
 *
 * <p>{@code -Dcoda.kernels=vector} switches them all off. {@code auto} uses those that the processor allows; {@code x86}
 * does so, too, and makes it an error if it allows none. {@code -Dcoda.x86.mask} takes single features away.
 */
public final class MachineKernels {
    private static final System.Logger LOG = System.getLogger(MachineKernels.class.getName());
    private static final String CHOICE = "coda.kernels";

    /**
     * What became of one kernel or feature.
     *
     * @param name as Linux calls the feature
     * @param unusedBecause the reason why it is not used, or empty if it is
     */
    public record State(String name, Optional<String> unusedBecause) {}

    private static @Nullable MachineKernels ofProcess;

    private final CpuFeatures features;
    private final Map<PanelKernel, PanelProduct> products;
    private final Map<PanelKernel, String> refused;
    private final Map<TileKernel, TileProduct> tileProducts;
    private final Map<TileKernel, String> refusedTiles;
    private final Optional<Transposition> transposition;
    private final Optional<String> refusedTransposition;

    private MachineKernels(
            CpuFeatures features,
            Map<PanelKernel, PanelProduct> products,
            Map<PanelKernel, String> refused,
            Map<TileKernel, TileProduct> tileProducts,
            Map<TileKernel, String> refusedTiles,
            Optional<Transposition> transposition,
            Optional<String> refusedTransposition) {
        this.features = features;
        this.products = products;
        this.refused = refused;
        this.tileProducts = tileProducts;
        this.refusedTiles = refusedTiles;
        this.transposition = transposition;
        this.refusedTransposition = refusedTransposition;
    }

    /**
     * The kernels of this process, which are made and checked at the first call.
     *
     * @throws DeviceException if a property has a value that it cannot have, or demands what there is not
     */
    public static synchronized MachineKernels ofProcess() {
        if (ofProcess == null) {
            ofProcess = choose(choice(), mask());
        }
        return ofProcess;
    }

    /**
     * Checks the properties, and with {@code x86} that there is a kernel; the rest waits until {@link #ofProcess()} is called.
     *
     * @throws DeviceException as {@link #ofProcess()}
     */
    public static void requireSettings() {
        CpuFeatures.requireMask(mask());
        switch (choice()) {
            case "auto", "vector" -> {}
            default -> ofProcess();
        }
    }

    private static String choice() {
        return System.getProperty(CHOICE, "auto");
    }

    private static String mask() {
        return System.getProperty(CpuFeatures.MASK, "");
    }

    static MachineKernels choose(String choice, String mask) {
        return switch (choice) {
            case "auto" -> usable(mask);
            case "vector" -> none("switched off by -D" + CHOICE + "=vector");
            case "x86" -> {
                var kernels = usable(mask);
                if (kernels.products.isEmpty() && kernels.tileProducts.isEmpty()) {
                    throw new DeviceException("-D" + CHOICE + "=x86: no kernel of machine code can be used here: "
                            + kernels.refused + "; use -D" + CHOICE + "=auto");
                }
                yield kernels;
            }
            default -> throw new DeviceException("-D" + CHOICE + "=" + choice + ": expected auto, vector or x86");
        };
    }

    private static MachineKernels none(String reason) {
        var refused = new EnumMap<PanelKernel, String>(PanelKernel.class);
        for (var kernel : PanelKernel.values()) {
            refused.put(kernel, reason);
        }
        var refusedTiles = new EnumMap<TileKernel, String>(TileKernel.class);
        for (var kernel : TileKernel.values()) {
            refusedTiles.put(kernel, reason);
        }
        return new MachineKernels(
                CpuFeatures.none(reason),
                Map.of(),
                refused,
                Map.of(),
                refusedTiles,
                Optional.empty(),
                Optional.of(reason));
    }

    private static MachineKernels usable(String mask) {
        var impossible = LinuxCalls.unusableBecause();
        if (impossible.isPresent()) {
            return none(impossible.get());
        }
        try {
            return of(CpuFeatures.of(new NativeProcessor(), mask));
        } catch (SystemRefusal e) {
            LOG.log(System.Logger.Level.WARNING, "products use the Vector API: {0}", e.reason());
            return none(e.reason());
        }
    }

    /** The kernels that {@code features} allow, assembled, made executable together, and checked one by one. */
    private static MachineKernels of(CpuFeatures features) {
        var refused = new EnumMap<PanelKernel, String>(PanelKernel.class);
        var refusedTiles = new EnumMap<TileKernel, String>(TileKernel.class);
        var panels = new EnumMap<PanelKernel, List<byte[]>>(PanelKernel.class);
        var tiles = new EnumMap<TileKernel, List<byte[]>>(TileKernel.class);
        for (var kernel : PanelKernel.values()) {
            kernel.unusableBecause(features)
                    .ifPresentOrElse(why -> refused.put(kernel, why), () -> panels.put(kernel, kernel.routines()));
        }
        for (var kernel : TileKernel.values()) {
            kernel.unusableBecause(features)
                    .ifPresentOrElse(why -> refusedTiles.put(kernel, why), () -> tiles.put(kernel, kernel.routines()));
        }
        var code = Stream.of(
                        panels.values().stream().flatMap(List::stream),
                        tiles.values().stream().flatMap(List::stream),
                        Stream.of(Transposition.routine()))
                .flatMap(routines -> routines)
                .toList();
        var addresses = Arrays.stream(ExecutableMemory.of(code)).iterator();
        var products = new EnumMap<PanelKernel, PanelProduct>(PanelKernel.class);
        panels.forEach((kernel, routines) -> {
            var product = new PanelProduct(kernel, new NativeCode(next(addresses, routines.size())));
            admit(kernel, product, SelfCheck.failure(product), products, refused);
        });
        var tileProducts = new EnumMap<TileKernel, TileProduct>(TileKernel.class);
        tiles.forEach((kernel, routines) -> {
            var product = new TileProduct(kernel, new NativeTileCode(next(addresses, routines.size())));
            admit(kernel, product, TileSelfCheck.failure(product), tileProducts, refusedTiles);
        });
        var transposition = new Transposition(new NativeTranspositionCode(addresses.nextLong()));
        var refusedTransposition = Transposition.unusableBecause(features)
                .or(() -> told(Transposition.NAME, Transposition.failure(transposition)));
        return new MachineKernels(
                features,
                products,
                refused,
                tileProducts,
                refusedTiles,
                refusedTransposition.isPresent() ? Optional.empty() : Optional.of(transposition),
                refusedTransposition);
    }

    private static long[] next(PrimitiveIterator.OfLong addresses, int count) {
        return LongStream.generate(addresses::nextLong).limit(count).toArray();
    }

    /** Lets a product be used that has passed its self-check. */
    private static <K, P> void admit(
            K kernel, P product, Optional<String> failure, Map<K, P> products, Map<K, String> refused) {
        told(String.valueOf(kernel), failure)
                .ifPresentOrElse(why -> refused.put(kernel, why), () -> products.put(kernel, product));
    }

    /** The failure of a self-check, after a line in the log. */
    private static Optional<String> told(String kernel, Optional<String> failure) {
        failure.ifPresent(why -> LOG.log(System.Logger.Level.WARNING, "kernel {0} is not used: {1}", kernel, why));
        return failure;
    }

    /** The usable product of F32 rows and panels of {@code columns} columns. */
    public Optional<TileProduct> f32(int columns) {
        return tileProducts.values().stream()
                .filter(product -> product.columns() == columns)
                .findFirst();
    }

    /** The usable kernel that packs panels out of columns. */
    public Optional<Transposition> transposition() {
        return transposition;
    }

    /** The kernel that packs panels out of columns. */
    public State transpositionKernel() {
        return new State(Transposition.NAME, refusedTransposition);
    }

    /** The fastest usable product of BF16 rows and panels with F32 sums. */
    public Optional<PanelProduct> bf16() {
        return first(PanelKernel.ofBf16());
    }

    /** The fastest usable product of INT8 rows and panels with I32 sums. */
    public Optional<PanelProduct> int8() {
        return first(PanelKernel.ofInt8());
    }

    private Optional<PanelProduct> first(List<PanelKernel> kernels) {
        return kernels.stream().flatMap(kernel -> product(kernel).stream()).findFirst();
    }

    private Optional<PanelProduct> product(PanelKernel kernel) {
        return Optional.ofNullable(products.get(kernel));
    }

    /** The features of the processor that matter here. */
    public List<State> features() {
        return Arrays.stream(CpuFeature.values())
                .map(feature -> new State(feature.toString(), features.unusableBecause(feature)))
                .toList();
    }

    /** The kernels for F32, of which those with panels of {@code columns} columns may be used. */
    public List<State> f32Kernels(int columns) {
        return Arrays.stream(TileKernel.values())
                .map(kernel -> new State(kernel.toString(), unusedBecause(kernel, columns)))
                .toList();
    }

    private Optional<String> unusedBecause(TileKernel kernel, int columns) {
        var width = kernel.columns() == columns
                ? Optional.<String>empty()
                : Optional.of("vectors have other than " + kernel.lanes() * Float.SIZE + " bits");
        return Optional.ofNullable(refusedTiles.get(kernel)).or(() -> width);
    }

    /** The kernels for BF16, best first. */
    public List<State> bf16Kernels() {
        return states(PanelKernel.ofBf16());
    }

    /** The kernels for INT8, best first. */
    public List<State> int8Kernels() {
        return states(PanelKernel.ofInt8());
    }

    private List<State> states(List<PanelKernel> kernels) {
        var best = first(kernels);
        var states = new ArrayList<State>();
        for (var kernel : kernels) {
            var better =
                    best.filter(product -> product.kernel() != kernel).map(product -> product.name() + " is faster");
            states.add(new State(
                    kernel.toString(), Optional.ofNullable(refused.get(kernel)).or(() -> better)));
        }
        return states;
    }
}

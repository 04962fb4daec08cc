package io.coda4j.tensor.cpu.x86;

import io.coda4j.tensor.DeviceException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.PrimitiveIterator;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;
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

    /** A kernel that may be used, or why not. It proves itself when it is first asked for: few processes ask for all. */
    private static final class Verdict<P> {
        private final String name;
        private final Optional<P> candidate;
        private final Function<P, Optional<String>> selfCheck;
        private @Nullable Optional<String> refusal;

        private Verdict(
                String name,
                Optional<P> candidate,
                Function<P, Optional<String>> selfCheck,
                @Nullable Optional<String> refusal) {
            this.name = name;
            this.candidate = candidate;
            this.selfCheck = selfCheck;
            this.refusal = refusal;
        }

        static <P> Verdict<P> refused(String reason) {
            return new Verdict<>("", Optional.empty(), _ -> Optional.empty(), Optional.of(reason));
        }

        /** {@code kernel}, unless the processor lacks something or its self-check fails, which a line in the log tells. */
        static <P> Verdict<P> of(
                Object name, Optional<String> unusableBecause, P kernel, Function<P, Optional<String>> selfCheck) {
            return unusableBecause
                    .<Verdict<P>>map(Verdict::refused)
                    .orElseGet(() -> new Verdict<>(name.toString(), Optional.of(kernel), selfCheck, null));
        }

        Optional<P> kernel() {
            return refusal().isPresent() ? Optional.empty() : candidate;
        }

        synchronized Optional<String> refusal() {
            if (refusal == null) {
                refusal = candidate.flatMap(selfCheck);
                refusal.ifPresent(
                        why -> LOG.log(System.Logger.Level.WARNING, "kernel {0} is not used: {1}", name, why));
            }
            return refusal;
        }
    }

    /**
     * The routines of one kernel, none where the processor lacks something for them.
     *
     * @param unusableBecause what it lacks, or empty
     */
    private record Code(Optional<String> unusableBecause, List<byte[]> routines) {
        static Code of(Optional<String> unusableBecause, Supplier<List<byte[]>> routines) {
            return new Code(unusableBecause, unusableBecause.isPresent() ? List.of() : routines.get());
        }

        /** As many addresses as there are routines. */
        long[] next(PrimitiveIterator.OfLong addresses) {
            return LongStream.generate(addresses::nextLong)
                    .limit(routines.size())
                    .toArray();
        }
    }

    private static @Nullable MachineKernels ofProcess;

    private final CpuFeatures features;
    private final Map<PanelKernel, Verdict<PanelProduct>> panels;
    private final Map<TileKernel, Verdict<TileProduct>> tiles;
    private final Verdict<Transposition> transposition;
    private final Verdict<BlockCopy> copy;
    private final Map<LoopKernel, Verdict<VectorLoops>> loops;

    private MachineKernels(
            CpuFeatures features,
            Map<PanelKernel, Verdict<PanelProduct>> panels,
            Map<TileKernel, Verdict<TileProduct>> tiles,
            Verdict<Transposition> transposition,
            Verdict<BlockCopy> copy,
            Map<LoopKernel, Verdict<VectorLoops>> loops) {
        this.features = features;
        this.panels = panels;
        this.tiles = tiles;
        this.transposition = transposition;
        this.copy = copy;
        this.loops = loops;
    }

    /**
     * The kernels of this process, which are made at the first call; each is checked when it is first asked for.
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
                if (!kernels.canMultiply()) {
                    throw new DeviceException("-D" + CHOICE + "=x86: no kernel of machine code can be used here: "
                            + kernels.refusals() + "; use -D" + CHOICE + "=auto");
                }
                yield kernels;
            }
            default -> throw new DeviceException("-D" + CHOICE + "=" + choice + ": expected auto, vector or x86");
        };
    }

    private boolean canMultiply() {
        return Stream.of(panels, tiles)
                .flatMap(kernels -> kernels.values().stream())
                .anyMatch(verdict -> verdict.kernel().isPresent());
    }

    /** Why each product is not used that is not. */
    private Map<String, String> refusals() {
        var refusals = new LinkedHashMap<String, String>();
        Stream.of(panels, tiles)
                .flatMap(kernels -> kernels.entrySet().stream())
                .forEach(entry -> entry.getValue()
                        .refusal()
                        .ifPresent(why -> refusals.put(entry.getKey().toString(), why)));
        return refusals;
    }

    private static MachineKernels none(String reason) {
        return new MachineKernels(
                CpuFeatures.none(reason),
                ofEach(PanelKernel.class, _ -> Verdict.refused(reason)),
                ofEach(TileKernel.class, _ -> Verdict.refused(reason)),
                Verdict.refused(reason),
                Verdict.refused(reason),
                ofEach(LoopKernel.class, _ -> Verdict.refused(reason)));
    }

    /** What {@code value} says of each kernel, which it is asked for in their order. */
    private static <K extends Enum<K>, V> Map<K, V> ofEach(Class<K> kernels, Function<K, V> value) {
        var map = new EnumMap<K, V>(kernels);
        for (var kernel : kernels.getEnumConstants()) {
            map.put(kernel, value.apply(kernel));
        }
        return map;
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

    /** The kernels that {@code features} allow, assembled and made executable together. */
    private static MachineKernels of(CpuFeatures features) {
        var panelCode =
                ofEach(PanelKernel.class, kernel -> Code.of(kernel.unusableBecause(features), kernel::routines));
        var tileCode = ofEach(TileKernel.class, kernel -> Code.of(kernel.unusableBecause(features), kernel::routines));
        var transpositionCode = Code.of(Transposition.unusableBecause(features), Transposition::routines);
        var copyCode = Code.of(BlockCopy.unusableBecause(features), BlockCopy::routines);
        var routines = Stream.of(panelCode.values(), tileCode.values(), List.of(transpositionCode, copyCode))
                .flatMap(Collection::stream)
                .flatMap(code -> code.routines().stream())
                .toList();
        var addresses = Arrays.stream(ExecutableMemory.of(routines)).iterator();
        var panels = new EnumMap<PanelKernel, Verdict<PanelProduct>>(PanelKernel.class);
        panelCode.forEach((kernel, code) -> {
            var product = new PanelProduct(kernel, new NativeCode(code.next(addresses)));
            panels.put(kernel, Verdict.of(kernel, code.unusableBecause(), product, SelfCheck::failure));
        });
        var tiles = new EnumMap<TileKernel, Verdict<TileProduct>>(TileKernel.class);
        tileCode.forEach((kernel, code) -> {
            var product = new TileProduct(kernel, new NativeTileCode(code.next(addresses)));
            tiles.put(kernel, Verdict.of(kernel, code.unusableBecause(), product, TileSelfCheck::failure));
        });
        var transposition = new Transposition(new NativeTranspositionCode(transpositionCode.next(addresses)));
        var copy = new BlockCopy(new NativeBlockCopyCode(copyCode.next(addresses)));
        var loops = ofEach(
                LoopKernel.class,
                kernel -> Verdict.of(
                        kernel, kernel.unusableBecause(features), new VectorLoops(kernel), LoopSelfCheck::failure));
        return new MachineKernels(
                features,
                panels,
                tiles,
                Verdict.of(
                        Transposition.NAME, transpositionCode.unusableBecause(), transposition, Transposition::failure),
                Verdict.of(BlockCopy.NAME, copyCode.unusableBecause(), copy, BlockCopy::failure),
                loops);
    }

    /** The usable product of F32 rows and panels of {@code columns} columns. */
    public Optional<TileProduct> f32(int columns) {
        return usable(tiles, kernel -> kernel.columns() == columns);
    }

    /** The first usable of the kernels that are wanted; no other is checked. */
    private static <K, P> Optional<P> usable(Map<K, Verdict<P>> kernels, Predicate<K> isWanted) {
        return kernels.entrySet().stream()
                .filter(entry -> isWanted.test(entry.getKey()))
                .flatMap(entry -> entry.getValue().kernel().stream())
                .findFirst();
    }

    /** The usable kernel that packs panels out of columns. */
    public Optional<Transposition> transposition() {
        return transposition.kernel();
    }

    /** The usable kernel that copies rows into packed operands. */
    public Optional<BlockCopy> copy() {
        return copy.kernel();
    }

    /** What makes loops over vectors of {@code lanes} elements, if it is usable. */
    public Optional<VectorLoops> loops(int lanes) {
        return usable(loops, kernel -> kernel.lanes() == lanes);
    }

    /** The kernels of loops, of which those over vectors of {@code lanes} elements may be used. */
    public List<State> loopKernels(int lanes) {
        return states(loops, LoopKernel::lanes, lanes);
    }

    /** The kernels of several widths, of which those over vectors of {@code wanted} elements may be used. */
    private static <K, P> List<State> states(Map<K, Verdict<P>> kernels, ToIntFunction<K> lanes, int wanted) {
        var states = new ArrayList<State>();
        kernels.forEach((kernel, verdict) -> {
            var width = width(lanes.applyAsInt(kernel), wanted);
            states.add(new State(kernel.toString(), verdict.refusal().or(() -> width)));
        });
        return states;
    }

    /** Why a kernel is not used whose vectors have {@code ours} elements, where they are to have {@code wanted}. */
    private static Optional<String> width(int ours, int wanted) {
        return ours == wanted
                ? Optional.empty()
                : Optional.of("vectors have other than " + ours * Float.SIZE + " bits");
    }

    /** The kernels that pack. */
    public List<State> packingKernels() {
        return List.of(
                new State(Transposition.NAME, transposition.refusal()), new State(BlockCopy.NAME, copy.refusal()));
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
        return kernels.stream()
                .flatMap(kernel -> verdict(kernel).kernel().stream())
                .findFirst();
    }

    private Verdict<PanelProduct> verdict(PanelKernel kernel) {
        return Objects.requireNonNull(panels.get(kernel));
    }

    /** The features of the processor that matter here. */
    public List<State> features() {
        return Arrays.stream(CpuFeature.values())
                .map(feature -> new State(feature.toString(), features.unusableBecause(feature)))
                .toList();
    }

    /** The kernels for F32, of which those with panels of {@code columns} columns may be used. */
    public List<State> f32Kernels(int columns) {
        return states(tiles, TileKernel::lanes, columns / TileKernel.VECTORS);
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
            states.add(new State(kernel.toString(), verdict(kernel).refusal().or(() -> better)));
        }
        return states;
    }
}

package io.coda4j.tensor.cpu.x86;

import io.coda4j.tensor.DeviceException;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Which features can be used. The bits of CPUID and the state that the operating system keeps decide, not the name of the
 * processor.
 *
 * @param unusable why each feature that cannot be used cannot
 */
record CpuFeatures(Map<CpuFeature, String> unusable) {
    /** A comma list of features to do without, for tests and in case of trouble. */
    static final String MASK = "coda.x86.mask";

    private static final String ABSENT = "not in this processor";
    private static final String NO_STATE = "the operating system does not keep its registers";

    // SDM volume 1, 13.3: SSE and AVX; opmask, upper halves and upper registers of AVX-512; tile configuration and
    // data.
    private static final long AVX_STATE = 0x6;
    private static final long AVX512_STATE = AVX_STATE | 0xe0;
    private static final long TILE_STATE = 0x60000;

    /** CPUID.1:ECX, OSXSAVE: XGETBV may be executed. */
    private static final int OSXSAVE = 1 << 27;

    CpuFeatures {
        unusable = Map.copyOf(unusable);
    }

    /**
     * What {@code processor} allows.
     *
     * @param mask the value of {@link #MASK}
     * @throws DeviceException if the mask names something else than features
     */
    static CpuFeatures of(Processor processor, String mask) {
        var masked = parse(mask);
        var unusable = new EnumMap<CpuFeature, String>(CpuFeature.class);
        var bits = Bits.of(processor);
        for (var feature : CpuFeature.values()) {
            if (!bits.has(feature)) {
                unusable.put(feature, ABSENT);
            } else if (masked.contains(feature)) {
                unusable.put(feature, "masked by -D" + MASK);
            } else if ((bits.state & state(feature)) != state(feature)) {
                unusable.put(feature, NO_STATE);
            }
        }
        // The permission makes room for tiles in every signal's frame: it is not asked for in vain.
        if (!unusable.containsKey(CpuFeature.AMX_TILE)) {
            (bits.knownTiles ? processor.requestTiles() : Optional.of("its tiles are of a size not known here"))
                    .ifPresent(reason -> unusable.put(CpuFeature.AMX_TILE, reason));
        }
        return new CpuFeatures(unusable);
    }

    /** Every feature is unusable because of {@code reason}. */
    static CpuFeatures none(String reason) {
        var unusable = new EnumMap<CpuFeature, String>(CpuFeature.class);
        Arrays.stream(CpuFeature.values()).forEach(feature -> unusable.put(feature, reason));
        return new CpuFeatures(unusable);
    }

    /** Why {@code feature} cannot be used, or empty if it can. */
    Optional<String> unusableBecause(CpuFeature feature) {
        return Optional.ofNullable(unusable.get(feature));
    }

    /** The first of {@code needed} that cannot be used, and why; empty if all can. */
    Optional<String> unusableBecause(List<CpuFeature> needed) {
        return needed.stream()
                .flatMap(feature -> unusableBecause(feature).map(why -> feature + ": " + why).stream())
                .findFirst();
    }

    /**
     * Checks a mask.
     *
     * @throws DeviceException if it names something else than features
     */
    static void requireMask(String mask) {
        parse(mask);
    }

    private static Set<CpuFeature> parse(String mask) {
        var features = EnumSet.noneOf(CpuFeature.class);
        for (var name : mask.isBlank() ? new String[0] : mask.split(",")) {
            features.add(Arrays.stream(CpuFeature.values())
                    .filter(feature -> feature.toString().equals(name.strip()))
                    .findFirst()
                    .orElseThrow(() -> new DeviceException("-D" + MASK + "=" + mask + ": expected a comma list of "
                            + Arrays.toString(CpuFeature.values()) + ", got '" + name + "'")));
        }
        return features;
    }

    private static long state(CpuFeature feature) {
        return switch (feature) {
            case AVX512F, AVX512DQ, AVX512_BF16, AVX512_VNNI -> AVX512_STATE;
            case FMA, AVX2, AVX_VNNI -> AVX_STATE;
            case AMX_TILE, AMX_BF16, AMX_INT8 -> TILE_STATE;
        };
    }

    /**
     * The answers that matter (SDM volume 2, CPUID): ECX of leaf 1; EBX, ECX, EDX of leaf 7, EAX of its subleaf 1.
     *
     * @param knownTiles whether palette 1 has eight tiles of 16 rows of 64 bytes
     */
    private record Bits(int ecx1, int ebx7, int ecx7, int edx7, int eax71, long state, boolean knownTiles) {
        static Bits of(Processor processor) {
            int last = processor.cpuid(0, 0)[0];
            int ecx1 = processor.cpuid(1, 0)[2];
            boolean xsave = (ecx1 & OSXSAVE) != 0;
            if (Integer.compareUnsigned(last, 7) < 0) {
                return new Bits(0, 0, 0, 0, 0, 0, false);
            }
            int[] seven = processor.cpuid(7, 0);
            int eax71 = seven[0] == 0 ? 0 : processor.cpuid(7, 1)[0];
            return new Bits(
                    ecx1,
                    seven[1],
                    seven[2],
                    seven[3],
                    eax71,
                    xsave ? processor.enabledState() : 0,
                    Integer.compareUnsigned(last, 0x1d) >= 0 && knownTiles(processor.cpuid(0x1d, 1)));
        }

        /** Leaf 1DH, subleaf 1: bytes in all and of a tile; bytes of a row and number of tiles; rows. */
        private static boolean knownTiles(int[] palette) {
            return palette[0] == (1024 << 16 | 8192) && palette[1] == (8 << 16 | 64) && (palette[2] & 0xffff) == 16;
        }

        boolean has(CpuFeature feature) {
            return switch (feature) {
                case FMA -> bit(ecx1, 12);
                case AVX2 -> bit(ebx7, 5);
                case AVX512F -> bit(ebx7, 16);
                case AVX512DQ -> bit(ebx7, 17);
                case AVX512_VNNI -> bit(ecx7, 11);
                case AMX_BF16 -> bit(edx7, 22);
                case AMX_TILE -> bit(edx7, 24);
                case AMX_INT8 -> bit(edx7, 25);
                case AVX_VNNI -> bit(eax71, 4);
                case AVX512_BF16 -> bit(eax71, 5);
            };
        }

        private static boolean bit(int word, int number) {
            return (word >> number & 1) != 0;
        }
    }
}

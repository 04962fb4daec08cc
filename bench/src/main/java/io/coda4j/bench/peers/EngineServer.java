package io.coda4j.bench.peers;

import io.coda4j.tensor.DeviceException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The process of one engine. Requests come as lines on standard input, each gets one line on standard output:
 *
 * <pre>
 *                      first of all: note LINE, any number of them, for people; then ok, and the engine's description;
 *                      or: failed REASON
 * prepare KIND INDEX   ok, and some elements of the result; or: no REASON, where the engine cannot do such work;
 *                      or: failed REASON, where its device cannot do this one
 * run SECONDS          ok, and the seconds of a step of one run, from as many runs as take that long
 * </pre>
 */
final class EngineServer {
    private final Engine engine;
    private final Material material;
    private Engine.@Nullable Task task;
    private int steps = 1;

    private EngineServer(Engine engine, Material material) {
        this.engine = engine;
        this.material = material;
    }

    /** Arguments: the engine's name, its number of threads, this engine's device and the words of {@link Material}. */
    public static void main(String[] args) throws IOException {
        // What libraries print must not get between the answers.
        var answers = System.out;
        System.setOut(System.err);
        int threads = Integer.parseInt(args[1]);
        Engine engine;
        try {
            engine = engine(args[0], threads, args[2], answers);
        } catch (DeviceException e) {
            answers.println(failed(e));
            return;
        }
        new EngineServer(engine, Material.of(List.of(args).subList(3, args.length))).serve(answers);
    }

    private static Engine engine(String name, int threads, String device, PrintStream answers) {
        return switch (name) {
            case "coda" -> coda(device, threads, CodaEngine.Products.INT8, answers);
            case "coda-f32" -> coda(device, threads, CodaEngine.Products.F32, answers);
            case "coda-bf16" -> coda(device, threads, CodaEngine.Products.BF16, answers);
            case "torch" -> new TorchEngine(threads);
            case "openblas" -> new OpenBlasEngine(new BytedecoOpenBlas(), threads);
            case PeersReport.SYSTEM_OPENBLAS -> new OpenBlasEngine(SystemOpenBlas.open(), threads);
            case "tokenizers" -> new TokenizersEngine();
            default -> throw new IllegalArgumentException("no engine is called " + name);
        };
    }

    private static Engine coda(String device, int threads, CodaEngine.Products products, PrintStream answers) {
        return CodaEngine.on(device, threads, line -> answers.println("note " + line), products);
    }

    /** One line, whatever the message is. */
    private static String failed(DeviceException e) {
        return "failed " + String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    private void serve(PrintStream answers) throws IOException {
        answers.println("ok " + engine.description());
        var requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (var line = requests.readLine(); line != null; line = requests.readLine()) {
            var words = line.split(" ");
            answers.println(
                    words[0].equals("prepare")
                            ? prepare(Work.of(words[1], material).get(Integer.parseInt(words[2])))
                            : run(Double.parseDouble(words[1])));
        }
        closeTask();
    }

    private void closeTask() {
        if (task != null) {
            task.close();
            task = null;
        }
    }

    private String prepare(Work work) {
        closeTask();
        try {
            task = engine.prepare(work);
            task.run();
        } catch (UnsupportedOperationException e) {
            return "no " + e.getMessage();
        } catch (DeviceException e) {
            return failed(e);
        }
        steps = work.steps();
        var answer = new StringBuilder("ok");
        for (float value : task.sample()) {
            answer.append(' ').append(value);
        }
        return answer.toString();
    }

    private String run(double atLeast) {
        if (task == null) {
            throw new IllegalStateException("run before prepare");
        }
        long start = System.nanoTime();
        long runs = 0;
        double passed;
        do {
            task.run();
            runs++;
            passed = (System.nanoTime() - start) * 1e-9;
        } while (passed < atLeast);
        return "ok " + passed / runs / steps;
    }
}

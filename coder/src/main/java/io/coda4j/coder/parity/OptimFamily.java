package io.coda4j.coder.parity;

import io.coda4j.nn.Optimizer;
import io.coda4j.nn.json.Json;
import io.coda4j.nn.schedule.Schedule;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Device;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** Updates of single tensors by recorded gradients, and learning rates. */
record OptimFamily(FixtureFolder folder, Device device) implements Family {
    private static final Tolerance PARAMETER = new Tolerance.OfLargest(2e-6, 0);
    private static final Tolerance RATE = new Tolerance.Relative(1e-9);
    private static final String INIT = ".init";

    /** What an update changes. */
    public record State(SequencedMap<String, Tensor> params, SequencedMap<String, Tensor> moments) {}

    /** Arguments of the program. */
    public record Input(State state, SequencedMap<String, Tensor> gradients, Tensor scalars) {}

    @Override
    public String label() {
        return "optim";
    }

    @Override
    public void replay(Recorder recorder) {
        for (var kind : folder.stems(label(), ".safetensors")) {
            recorder.check(kind, PARAMETER, comparison -> check(kind, comparison));
        }
        if (folder.contains("optim/lr_schedules.json")) {
            recorder.group("lr_schedules", RATE, () -> schedules(recorder));
        } else {
            recorder.skip("optim/lr_schedules.json is absent");
        }
    }

    private void check(String kind, Comparison comparison) {
        var settings =
                folder.json("optim/settings.json").asObject().member(kind).asObject();
        var optimizer = RecordedOptimizer.of(kind, settings);
        double rate = settings.member("lr").asDouble();
        try (var recorded = folder.tensors("optim/" + kind + ".safetensors");
                var program = Compiled.of("update", (Input in) -> update(optimizer, in), device)
                        .donating("state.**")) {
            var names = names(recorded);
            int steps = steps(recorded, names);
            var state = start(recorded, names, optimizer);
            for (int step = 0; step < steps; step++) {
                var gradients = new LinkedHashMap<String, Tensor>();
                for (var param : state.params.entrySet()) {
                    var name = param.getKey();
                    gradients.put(
                            name,
                            recorded.array(
                                    name + ".grad." + step, param.getValue().type(), device));
                }
                var scalars = optimizer.scalars(step + 1, rate);
                state = program.apply(new Input(state, gradients, Operands.floats(device, scalars, scalars.length)));
                for (var param : state.params.entrySet()) {
                    var tensor = param.getKey() + ".param." + step;
                    comparison.check(tensor, recorded.values(tensor), Values.of(param.getValue()), PARAMETER);
                }
            }
        }
    }

    private static State update(Optimizer optimizer, Input in) {
        var update = optimizer.update(in.state.params, in.gradients, in.state.moments, in.scalars);
        return new State(update.params(), update.state());
    }

    private static List<String> names(RecordedTensors recorded) {
        var names = recorded.names().stream()
                .filter(name -> name.endsWith(INIT))
                .map(name -> name.substring(0, name.length() - INIT.length()))
                .sorted()
                .toList();
        if (names.isEmpty()) {
            throw new ParityException(recorded.file() + ": there is no tensor NAME.init");
        }
        return names;
    }

    /** The number of recorded steps; that every tensor has them all shows when they are read. */
    private static int steps(RecordedTensors recorded, List<String> names) {
        int steps = 0;
        while (hasStep(recorded, names, steps)) {
            steps++;
        }
        if (steps == 0) {
            throw new ParityException(recorded.file() + ": there is no tensor NAME.grad.0 or NAME.param.0");
        }
        return steps;
    }

    private static boolean hasStep(RecordedTensors recorded, List<String> names, int step) {
        return names.stream()
                .anyMatch(name ->
                        recorded.contains(name + ".grad." + step) || recorded.contains(name + ".param." + step));
    }

    private State start(RecordedTensors recorded, List<String> names, Optimizer optimizer) {
        var params = new LinkedHashMap<String, Tensor>();
        var types = new LinkedHashMap<String, TensorType>();
        for (var name : names) {
            var param = recorded.array(name + INIT, device);
            params.put(name, param);
            types.put(name, param.type());
        }
        var moments = new LinkedHashMap<String, Tensor>();
        optimizer.state(types).forEach((name, type) -> {
            var zeros = new float[Math.toIntExact(type.size())];
            moments.put(name, Operands.floats(device, zeros, type.shape().dims()));
        });
        return new State(params, moments);
    }

    private void schedules(Recorder recorder) {
        var record = folder.json("optim/lr_schedules.json").asObject();
        record.member("values")
                .asObject()
                .members()
                .forEach((name, values) -> recorder.check("lr_schedules/" + name, RATE, comparison -> {
                    var schedule = schedule(name, record);
                    var rates =
                            values.asList().stream().mapToDouble(Json::asDouble).toArray();
                    var got = new double[rates.length];
                    for (int step = 0; step < got.length; step++) {
                        got[step] = schedule.at(step);
                    }
                    comparison.check(name, Values.of(rates), Values.of(got), RATE);
                }));
    }

    private static Schedule schedule(String name, Json.Obj record) {
        double peak = record.member("peak").asDouble();
        long warmup = record.member("warmup").asLong();
        long total = record.member("total").asLong();
        return switch (name) {
            case "linear" -> new Schedule.Linear(peak, warmup, total);
            case "cosine" -> new Schedule.Cosine(peak, warmup, total);
            case "constant_with_warmup" -> new Schedule.ConstantWithWarmup(peak, warmup);
            case "constant" -> new Schedule.ConstantWithWarmup(peak, 0);
            default ->
                throw new ParityException("no schedule is called \"" + name
                        + "\"; expected linear, cosine, constant_with_warmup or constant");
        };
    }
}

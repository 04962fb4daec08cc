package io.coda4j.coder.cli;

import io.coda4j.coder.generate.Precision;
import io.coda4j.coder.parity.ParityResult;
import io.coda4j.coder.parity.ParityRun;
import io.coda4j.coder.parity.ParityTable;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code coda parity}: replays recorded results of the reference implementation and says where this engine differs. */
@Command(
        name = "parity",
        mixinStandardHelpOptions = true,
        description = {
            "Replays results that the reference implementation recorded: forward passes, losses with gradients,"
                    + " sampler runs, optimisers, schedules and training runs.",
            "A relative error is one of the number itself, of the largest number of its tensor, or of the norm of its"
                    + " tensor, as the tolerance of the case has it."
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:every case is within its tolerance",
            "1:at least one case is not, or could not be replayed",
            "2:DIR is not a folder of recorded results, or the arguments are wrong"
        },
        footer = {"", "Examples:", "  coda parity fixtures --json", "  coda parity fixtures --precision bf16"})
public final class ParityCommand implements Callable<Integer> {
    @Parameters(
            paramLabel = "DIR",
            description =
                    "Folder with forward/, loss/, sampler/, optim/ and train/, or some of them; cases of loss/ and"
                            + " sampler/ need the models of forward/.")
    private Path folder = Path.of("");

    @Option(names = "--json", description = "Print a JSON array with one object per case.")
    private boolean json;

    @Option(
            names = "--precision",
            paramLabel = "P",
            defaultValue = "f32",
            description =
                    "What products are made of: f32 (default) or bf16, where results may be as far off as roundings to"
                            + " BF16 on the way to them explain; the rule is printed. Without instructions for it a cpu multiplies"
                            + " BF16 in its plain way.")
    private Precision precision = Precision.F32;

    @Mixin
    private DeviceOption device = new DeviceOption();

    @Override
    public Integer call() {
        if (precision == Precision.INT8) {
            throw new UsageException(
                    "--precision must be f32 or bf16, got int8: no results are recorded with INT8 weights");
        }
        var out = new PrintWriter(System.out, true);
        var opened = device.open();
        var run = new ParityRun(folder, opened, precision);
        if (json) {
            var results = new ArrayList<ParityResult>();
            var summary = run.run(results::add);
            out.println(ParityTable.json(results));
            return summary.allPassed() ? 0 : 1;
        }
        ParityRun.toleranceRule(precision).ifPresent(out::println);
        var table = new ParityTable(out);
        long start = System.nanoTime();
        var summary = run.run(table::print);
        table.printSummary(summary, opened, System.nanoTime() - start);
        return summary.allPassed() ? 0 : 1;
    }
}

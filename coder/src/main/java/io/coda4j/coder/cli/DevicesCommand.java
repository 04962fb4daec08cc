package io.coda4j.coder.cli;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.spi.DeviceProvider;
import io.coda4j.tensor.spi.Devices;
import io.coda4j.tensor.spi.Trait;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** {@code coda devices}: what programs can run on here, and why not on the rest. */
@Command(
        name = "devices",
        mixinStandardHelpOptions = true,
        description =
                "Lists the devices that --device can name, and what they use; with the reason where something is not used.",
        footer = {"", "Example:", "  coda devices --json"})
final class DevicesCommand implements Callable<Integer> {
    @Option(names = "--json", description = "Print a JSON array.")
    private boolean json;

    private record Row(String device, boolean usable, String detail, List<Trait> traits) {}

    @Override
    public Integer call() {
        var rows = rows();
        if (json) {
            System.out.println(new JsonMapper()
                    .writerWithDefaultPrettyPrinter()
                    .writeValueAsString(
                            rows.stream().map(DevicesCommand::fields).toList()));
        } else {
            rows.forEach(DevicesCommand::print);
        }
        return 0;
    }

    private static void print(Row row) {
        System.out.printf("%-10s %-9s %s%n", row.device, row.usable ? "usable" : "unusable", row.detail);
        for (var trait : row.traits) {
            System.out.printf(
                    "%-10s %-14s %-12s %s%n",
                    "",
                    trait.group(),
                    trait.name(),
                    trait.unusedBecause().map(reason -> "not used: " + reason).orElse("used"));
        }
    }

    private static Map<String, Object> fields(Row row) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("device", row.device);
        fields.put("usable", row.usable);
        fields.put("detail", row.detail);
        fields.put("traits", row.traits.stream().map(DevicesCommand::fields).toList());
        return fields;
    }

    private static Map<String, Object> fields(Trait trait) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("group", trait.group());
        fields.put("name", trait.name());
        fields.put("used", trait.unusedBecause().isEmpty());
        trait.unusedBecause().ifPresent(reason -> fields.put("reason", reason));
        return fields;
    }

    private static List<Row> rows() {
        var rows = new ArrayList<Row>();
        for (var provider : Devices.providers()) {
            var reason = provider.unusableBecause();
            if (reason.isPresent()) {
                rows.add(new Row(provider.kind(), false, reason.get(), List.of()));
            } else {
                rows.add(opened(provider));
            }
        }
        return rows;
    }

    /** Some reasons show only in the attempt. */
    private static Row opened(DeviceProvider provider) {
        try (var device = provider.open("")) {
            return new Row(device.name(), true, device.description(), device.traits());
        } catch (DeviceException e) {
            return new Row(provider.kind(), false, String.valueOf(e.getMessage()), List.of());
        }
    }
}

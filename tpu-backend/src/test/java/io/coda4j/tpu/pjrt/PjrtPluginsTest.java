package io.coda4j.tpu.pjrt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.spi.Devices;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PjrtPluginsTest {
    @TempDir
    private Path root;

    private final Map<String, String> environment = new HashMap<>();

    private PjrtPlugins plugins() {
        return new PjrtPlugins(environment, root.resolve("home"), root);
    }

    private Path file(String path) throws IOException {
        var file = root.resolve(path);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, "");
    }

    private String refusal(String selector) {
        return String.valueOf(
                assertThrows(DeviceException.class, () -> plugins().find(selector))
                        .getMessage());
    }

    @Test
    void pluginsAreFoundInTheFoldersOfPythonPackages() throws IOException {
        var debian = file("usr/local/lib/python3.11/dist-packages/libtpu/libtpu.so");
        assertEquals(debian, plugins().find("tpu"));
        var user = file("home/.local/lib/python3.9/site-packages/libtpu/libtpu.so");
        assertEquals(user, plugins().find("tpu"));
        var old = file("venv/lib/python3.11/site-packages/jax_plugins/xla_cuda12/xla_cuda_plugin.so");
        environment.put("VIRTUAL_ENV", root.resolve("venv").toString());
        assertEquals(old, plugins().find("cuda"));
        var current = file("venv/lib/python3.11/site-packages/jax_plugins/xla_cuda13/xla_cuda_plugin.so");
        assertEquals(current, plugins().find("cuda"));
        var pyenv = file(
                "home/.pyenv/versions/3.12.1/lib/python3.12/site-packages/jax_plugins/xla_rocm7/xla_rocm_plugin.so");
        assertEquals(pyenv, plugins().find("rocm"));
    }

    @Test
    void theEnvironmentGoesFirst() throws IOException {
        file("usr/lib/python3/dist-packages/libtpu/libtpu.so");
        var own = file("own/libtpu.so");
        environment.put("TPU_LIBRARY_PATH", own.toString());
        assertEquals(own, plugins().find("tpu"));
        environment.put(PjrtPlugins.PLUGIN, "tpu");
        assertEquals(own, plugins().find(""));
        var other = file("own/other.so");
        environment.put(PjrtPlugins.PLUGIN, other.toString());
        assertEquals(other, plugins().find(""));
        assertEquals(other, plugins().find(other.toString()));
    }

    @Test
    void withoutANameThePluginIsThatOfTheHardware() throws IOException {
        assertEquals(
                "no PJRT plugin is installed; set CODA_PJRT_PLUGIN to the file of one, or install a Python package that"
                        + " has one, such as libtpu or jax-cuda13-pjrt",
                refusal(""));
        var tpu = file("usr/lib/python3/dist-packages/libtpu/libtpu.so");
        assertEquals(tpu + " is installed, but this machine has no TPU; 'coda compile' works without one", refusal(""));
        var cuda = file("usr/lib/python3/dist-packages/jax_plugins/xla_cuda13/xla_cuda_plugin.so");
        assertTrue(refusal("").endsWith("this machine has no NVIDIA driver"), () -> refusal(""));
        file("dev/nvidiactl");
        assertEquals(cuda, plugins().find(""));
        assertEquals(Optional.empty(), plugins().hardwareMissing(cuda));
        Files.writeString(file("sys/bus/pci/devices/0000:00:04.0/vendor"), "0x1ae0\n");
        assertEquals(tpu, plugins().find(""));
        assertEquals(Optional.empty(), plugins().hardwareMissing(tpu));
        assertEquals(Optional.empty(), plugins().hardwareMissing(Path.of("my_plugin.so")));
    }

    /** Behind a link of another name, a TPU's plugin looks for its devices without end as well. */
    @Test
    void aLinkToAPluginIsThatPlugin() throws IOException {
        var tpu = file("usr/lib/python3/dist-packages/libtpu/libtpu.so");
        var link = Files.createSymbolicLink(root.resolve("plugin.so"), tpu);
        assertEquals(link, plugins().find(link.toString()));
        assertEquals(plugins().hardwareMissing(tpu), plugins().hardwareMissing(link));
        assertTrue(plugins().hardwareMissing(link).isPresent());
    }

    @Test
    void whatIsMissingIsSaidWithTheWayOut() throws IOException {
        assertTrue(refusal("tpu").contains("install the Python package libtpu"), () -> refusal("tpu"));
        // Where there is one in the Python folders, too, it is not taken for what was named.
        file("usr/lib/python3/dist-packages/libtpu/libtpu.so");
        environment.put("TPU_LIBRARY_PATH", root.resolve("nothing").toString());
        assertEquals(
                "TPU_LIBRARY_PATH=" + root.resolve("nothing") + ": expected the file of a plugin, and there is no such"
                        + " file; without TPU_LIBRARY_PATH it is looked for in the Python folders",
                refusal("tpu"));
        assertEquals(
                "there is no PJRT plugin at 'gpu'; expected the file of a plugin, or one of tpu, cuda, rocm",
                refusal("gpu"));
    }

    @Test
    void filesThatAreNoPluginsAreRefused() throws IOException {
        var text = Files.writeString(file("plugin.so"), "text").toString();
        var error = assertThrows(DeviceException.class, () -> Devices.open("pjrt:" + text));
        assertTrue(error.getMessage().startsWith(text + " cannot be loaded: "), error::getMessage);
        assertEquals(0, error.getMessage().lastIndexOf(text), error::getMessage);
        assertEquals(1, error.getMessage().lines().count(), error::getMessage);
        var java = Path.of(System.getProperty("java.home"), "lib", "libzip.so");
        var other = assertThrows(DeviceException.class, () -> Devices.open("pjrt:" + java));
        assertEquals(java + " is no PJRT plugin: it exports no function GetPjrtApi", other.getMessage());
        assertThrows(DeviceException.class, () -> Devices.open("pjrt:" + root.resolve("nothing.so")));
    }

    @Test
    void theProviderIsInstalledAndSaysInOneLineWhyItCannotBeUsed() {
        var provider = Devices.providers().stream()
                .filter(PjrtDeviceProvider.class::isInstance)
                .findFirst()
                .orElseThrow();
        assertEquals("pjrt", provider.kind());
        provider.unusableBecause().ifPresent(reason -> {
            assertEquals(1, reason.lines().count());
            var error = assertThrows(DeviceException.class, () -> Devices.open("pjrt"));
            assertEquals(List.of("device pjrt cannot be used: " + reason), List.of(error.getMessage()));
        });
    }
}

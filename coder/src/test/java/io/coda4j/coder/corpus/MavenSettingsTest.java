package io.coda4j.coder.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class MavenSettingsTest {
    @TempDir
    private Path home;

    private MavenSettings read(Map<String, String> env) {
        var properties = new Properties();
        properties.setProperty("user.home", home.toString());
        return MavenSettings.of(env, properties);
    }

    private void write(String place, String content) throws IOException {
        Path file = home.resolve(place);
        Files.createDirectories(file.getParent());
        Files.writeString(
                file, "<settings xmlns=\"http://maven.apache.org/SETTINGS/1.0.0\">" + content + "</settings>");
    }

    @Test
    void withoutSettingsCentralIsReachedDirectly() {
        var settings = read(Map.of());
        assertEquals(MavenSettings.CENTRAL, settings.central());
        assertEquals(home.resolve(".m2/repository"), settings.localRepository());
        assertTrue(settings.proxy().isEmpty());
        assertFalse(settings.offline());
    }

    @Test
    void mirrorsOfCentralAreHonouredAndBlockersPassedOver() throws IOException {
        write(".m2/settings.xml", """
                <localRepository>${user.home}/repo-${env.NAME}</localRepository>
                <mirrors>
                  <mirror><id>a</id><mirrorOf>snapshots</mirrorOf><url>https://wrong.example/</url></mirror>
                  <mirror><id>b</id><mirrorOf>external:*</mirrorOf><url>https://blocked.example/</url><blocked>true</blocked></mirror>
                  <mirror><id>c</id><mirrorOf>*,!internal</mirrorOf><url>https://mirror.example/maven</url></mirror>
                </mirrors>""");
        var settings = read(Map.of("NAME", "x"));
        assertEquals(URI.create("https://mirror.example/maven/"), settings.central());
        assertEquals(home.resolve("repo-x"), settings.localRepository());
    }

    @Test
    void mirrorOfFollowsMavensRules() {
        assertTrue(MavenSettings.coversCentral("central"));
        assertTrue(MavenSettings.coversCentral("*"));
        assertTrue(MavenSettings.coversCentral("other, central"));
        assertTrue(MavenSettings.coversCentral("external:*"));
        assertFalse(MavenSettings.coversCentral("*,!central"));
        assertFalse(MavenSettings.coversCentral("external:http:*"));
        assertFalse(MavenSettings.coversCentral("other"));
    }

    @Test
    void theUsersSettingsGoBeforeTheInstallations() throws IOException {
        write("maven/conf/settings.xml", mirror("https://installation.example/") + "<offline>true</offline>");
        var env = Map.of("MAVEN_HOME", home.resolve("maven").toString());
        assertEquals("installation.example", read(env).central().getHost());
        write(".m2/settings.xml", mirror("https://user.example/"));
        assertEquals("user.example", read(env).central().getHost());
        assertTrue(read(env).offline());
    }

    private static String mirror(String url) {
        return "<mirrors><mirror><mirrorOf>central</mirrorOf><url>" + url + "</url></mirror></mirrors>";
    }

    @Test
    void theFirstActiveProxyIsUsedExceptForItsDirectHosts() throws IOException {
        write(".m2/settings.xml", """
                <proxies>
                  <proxy><active>false</active><host>off.example</host><port>1</port></proxy>
                  <proxy><host>on.example</host><port>3128</port><nonProxyHosts>localhost|*.corp.example</nonProxyHosts></proxy>
                </proxies>""");
        var proxy = read(Map.of()).proxy().orElseThrow();
        assertEquals("on.example:3128", proxy.host() + ":" + proxy.port());
        assertTrue(proxy.isFor("repo.maven.apache.org"));
        assertFalse(proxy.isFor("Nexus.corp.example"));
    }

    @Test
    void proxyVariablesAreUsedWhereTheSettingsNameNone() {
        var proxy = read(Map.of("HTTPS_PROXY", "http://proxy.example:8080", "NO_PROXY", "localhost,.corp.example"))
                .proxy()
                .orElseThrow();
        assertEquals("proxy.example:8080", proxy.host() + ":" + proxy.port());
        assertFalse(proxy.isFor("nexus.corp.example"));
        assertTrue(proxy.isFor("corp.example.org"));
    }

    @Test
    void theRepositoryOfTheCommandLineWins() throws IOException {
        write(".m2/settings.xml", "<localRepository>/elsewhere</localRepository>");
        assertEquals(
                Path.of("/from/args"),
                read(Map.of("MAVEN_ARGS", "-q -Dmaven.repo.local=/from/args -B"))
                        .localRepository());
    }

    @Test
    void brokenSettingsAreNamed() throws IOException {
        write(".m2/settings.xml", "<mirrors>");
        var e = assertThrows(CorpusException.class, () -> read(Map.of()));
        assertTrue(e.getMessage().contains("settings.xml"), e.getMessage());
        assertThrows(CorpusException.class, () -> read(Map.of("https_proxy", "http://%%")));
    }
}

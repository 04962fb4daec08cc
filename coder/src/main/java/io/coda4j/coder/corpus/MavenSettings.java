package io.coda4j.coder.corpus;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.SAXException;

/**
 * What Maven's own settings say about fetching from Maven Central: local repository, mirror, proxy, offline.
 *
 * <p>The user's {@code ~/.m2/settings.xml} goes before the installation's {@code conf/settings.xml}. Only what is needed
 * to fetch an open file is read; a repository that wants a password is left to Maven itself, which
 * {@link ArtifactStore} falls back to.
 *
 * @param localRepository where Maven keeps what it has downloaded
 * @param central base address that stands for Maven Central, ending in {@code /}
 * @param proxy the proxy to use, if one is configured
 * @param offline whether the settings forbid downloads
 */
record MavenSettings(Path localRepository, URI central, Optional<Proxy> proxy, boolean offline) {
    /** A proxy with the hosts that go around it, as patterns with {@code *}. */
    record Proxy(String host, int port, List<String> directHosts) {
        boolean isFor(String target) {
            return directHosts.stream()
                    .noneMatch(pattern -> target.toLowerCase(Locale.ROOT)
                            .matches(("\\Q" + pattern.toLowerCase(Locale.ROOT) + "\\E").replace("*", "\\E.*\\Q")));
        }
    }

    static final URI CENTRAL = URI.create("https://repo.maven.apache.org/maven2/");

    private static final Pattern PLACEHOLDER = Pattern.compile("\\$\\{([^}]+)}");

    /** Reads the settings that Maven would use in this environment. */
    static MavenSettings ofEnvironment() {
        return of(System.getenv(), System.getProperties());
    }

    static MavenSettings of(Map<String, String> env, Properties properties) {
        Path home = Path.of(properties.getProperty("user.home", "."));
        var files = new ArrayList<Path>();
        files.add(home.resolve(".m2").resolve("settings.xml"));
        for (String name : List.of("MAVEN_HOME", "M2_HOME")) {
            if (env.get(name) != null) {
                files.add(Path.of(env.get(name), "conf", "settings.xml"));
            }
        }
        var roots = files.stream()
                .filter(Files::isRegularFile)
                .map(file -> new Settings(file, parse(file), env, properties))
                .toList();
        Path local = commandLineRepository(env, properties)
                .or(() -> first(roots, s -> s.text("localRepository")))
                .map(Path::of)
                .orElse(home.resolve(".m2").resolve("repository"));
        URI central = first(roots, Settings::mirrorOfCentral).orElse(CENTRAL);
        var proxy = first(roots, Settings::proxy).or(() -> environmentProxy(env));
        boolean offline =
                first(roots, s -> s.text("offline")).map(Boolean::parseBoolean).orElse(false);
        return new MavenSettings(local, central, proxy, offline);
    }

    private static <T> Optional<T> first(List<Settings> roots, Function<Settings, Optional<T>> question) {
        return roots.stream().map(question).flatMap(Optional::stream).findFirst();
    }

    private static Optional<String> commandLineRepository(Map<String, String> env, Properties properties) {
        String property = properties.getProperty("maven.repo.local");
        if (property != null) {
            return Optional.of(property);
        }
        var option = Pattern.compile("(?:^|\\s)-Dmaven\\.repo\\.local=(\\S+)");
        for (String name : List.of("MAVEN_ARGS", "MAVEN_OPTS")) {
            Matcher matcher = option.matcher(env.getOrDefault(name, ""));
            if (matcher.find()) {
                return Optional.of(matcher.group(1));
            }
        }
        return Optional.empty();
    }

    private static Optional<Proxy> environmentProxy(Map<String, String> env) {
        for (String name : List.of("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")) {
            String value = env.get(name);
            if (value == null || value.isBlank()) {
                continue;
            }
            URI uri = proxyAddress(name, value);
            String direct = env.getOrDefault("no_proxy", env.getOrDefault("NO_PROXY", ""));
            // In no_proxy a leading dot, or the bare domain, means the domain and all below it.
            var hosts = Pattern.compile("[,\\s]+")
                    .splitAsStream(direct)
                    .filter(h -> !h.isEmpty())
                    .map(h -> h.replaceFirst("^\\*?\\.", ""))
                    .mapMulti((String h, Consumer<String> out) -> {
                        out.accept(h);
                        out.accept("*." + h);
                    })
                    .toList();
            return Optional.of(new Proxy(uri.getHost(), uri.getPort() < 0 ? 80 : uri.getPort(), hosts));
        }
        return Optional.empty();
    }

    private static URI proxyAddress(String variable, String value) {
        try {
            URI uri = URI.create(value.contains("://") ? value : "http://" + value);
            if (uri.getHost() != null) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            throw new CorpusException("The proxy in the variable " + variable + " is not a URL: " + value, e);
        }
        throw new CorpusException("The proxy in the variable " + variable + " names no host: " + value);
    }

    private static Element parse(Path file) {
        try {
            var factory = DocumentBuilderFactory.newInstance();
            factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
            factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
            var builder = factory.newDocumentBuilder();
            builder.setErrorHandler(null);
            try (var in = Files.newInputStream(file)) {
                return builder.parse(in).getDocumentElement();
            }
        } catch (IOException | SAXException | ParserConfigurationException e) {
            throw new CorpusException("The Maven settings " + file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /** One settings file. */
    private record Settings(Path file, Element root, Map<String, String> env, Properties properties) {
        Optional<String> text(String name) {
            return text(root, name);
        }

        private Optional<String> text(Element parent, String name) {
            return children(parent, name)
                    .findFirst()
                    .map(e -> resolve(e.getTextContent().strip()))
                    .filter(t -> !t.isEmpty());
        }

        private static Stream<Element> children(Element parent, String name) {
            var found = new ArrayList<Element>();
            for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) {
                if (node instanceof Element element && element.getTagName().equals(name)) {
                    found.add(element);
                }
            }
            return found.stream();
        }

        /** Replaces {@code ${env.NAME}} and {@code ${system.property}}. */
        private String resolve(String value) {
            return PLACEHOLDER.matcher(value).replaceAll(m -> {
                String name = m.group(1);
                String found = name.startsWith("env.") ? env.get(name.substring(4)) : properties.getProperty(name);
                return Matcher.quoteReplacement(found == null ? m.group() : found);
            });
        }

        Optional<URI> mirrorOfCentral() {
            return children(root, "mirrors")
                    .flatMap(mirrors -> children(mirrors, "mirror"))
                    .filter(m -> coversCentral(text(m, "mirrorOf").orElse("")))
                    .filter(m -> !Boolean.parseBoolean(text(m, "blocked").orElse("false")))
                    .map(m -> text(m, "url"))
                    .flatMap(Optional::stream)
                    .map(url -> address(url.endsWith("/") ? url : url + "/"))
                    .findFirst();
        }

        private URI address(String url) {
            try {
                return URI.create(url);
            } catch (IllegalArgumentException e) {
                throw new CorpusException("The mirror address '" + url + "' in " + file + " is not a URL", e);
            }
        }

        Optional<Proxy> proxy() {
            return children(root, "proxies")
                    .flatMap(proxies -> children(proxies, "proxy"))
                    .filter(p -> Boolean.parseBoolean(text(p, "active").orElse("true")))
                    .filter(p -> text(p, "host").isPresent())
                    .map(p -> new Proxy(
                            text(p, "host").orElseThrow(),
                            text(p, "port").map(this::port).orElse(8080),
                            List.of(text(p, "nonProxyHosts").orElse("").split("\\|"))))
                    .findFirst();
        }

        private int port(String text) {
            try {
                return Integer.parseInt(text);
            } catch (NumberFormatException e) {
                throw new CorpusException("The proxy port '" + text + "' in " + file + " is not a number", e);
            }
        }
    }

    /** Follows Maven's rules for {@code mirrorOf}: exclusions win, Central is external and reached by HTTPS. */
    static boolean coversCentral(String mirrorOf) {
        var parts = List.of(mirrorOf.split("\\s*,\\s*"));
        return !parts.contains("!central")
                && (parts.contains("central") || parts.contains("*") || parts.contains("external:*"));
    }
}

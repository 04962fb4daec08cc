package io.coda4j.coder.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.report.Series.Stroke;
import java.io.StringReader;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;

class LineChartTest {
    private static Document draw(Axis x, Axis y, Series... series) throws Exception {
        var svg = new LineChart("A title", "A description", x, y, List.of(series), 560, 320).svg();
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(svg)));
    }

    private static Document draw(List<Point> points) throws Exception {
        return draw(Axis.linear("x"), Axis.linear("y"), Series.of("one", points, Stroke.SOLID, 0));
    }

    private static List<Element> elements(Document svg, String tag) {
        var nodes = svg.getElementsByTagName(tag);
        var list = new ArrayList<Element>();
        for (int i = 0; i < nodes.getLength(); i++) {
            list.add((Element) nodes.item(i));
        }
        return list;
    }

    private static List<String> texts(Document svg, String cssClass) {
        return elements(svg, "text").stream()
                .filter(e -> e.getAttribute("class").equals(cssClass))
                .map(Element::getTextContent)
                .toList();
    }

    @Test
    void mapsDataToPixels() throws Exception {
        var svg = draw(List.of(new Point(0, 0), new Point(5, 10), new Point(10, 5)));
        // 58 to 538 across; y runs from 320 - 44 = 276 up to 52.
        assertEquals("M58 276L298 52L538 164", elements(svg, "path").getFirst().getAttribute("d"));
        assertEquals(List.of("0", "2", "4", "6", "8", "10"), texts(svg, "tick end"));
        assertEquals(List.of("0", "2", "4", "6", "8", "10"), texts(svg, "tick middle"));
    }

    @Test
    void saysWhatItShows() throws Exception {
        var svg = draw(List.of(new Point(0, 0), new Point(1, 1)));
        var root = svg.getDocumentElement();
        var ids = root.getAttribute("aria-labelledby").split(" ");
        assertEquals("img", root.getAttribute("role"));
        assertEquals("A title", elements(svg, "title").getFirst().getTextContent());
        assertEquals(ids[0], elements(svg, "title").getFirst().getAttribute("id"));
        assertEquals("A description", elements(svg, "desc").getFirst().getTextContent());
        assertEquals(ids[1], elements(svg, "desc").getFirst().getAttribute("id"));
    }

    @Test
    void aValueThatIsNotFiniteLeavesAGap() throws Exception {
        var svg = draw(List.of(
                new Point(0, 0),
                new Point(1, 1),
                new Point(2, Double.NaN),
                new Point(3, 1),
                new Point(4, 0),
                new Point(5, Double.POSITIVE_INFINITY),
                new Point(6, 1)));
        assertEquals(2, elements(svg, "path").getFirst().getAttribute("d").split("M", -1).length - 1);
        assertEquals(1, elements(svg, "circle").size(), "the last point stands alone");
        assertFalse(text(svg).contains("NaN") || text(svg).contains("Infinity"), text(svg));
    }

    @Test
    void onePointIsADot() throws Exception {
        for (double y : new double[] {0, 2.5, -3, 1e-30, 1e30, Double.MIN_VALUE, 1e299}) {
            for (var axis : List.of(Axis.linear("y"), Axis.fromZero("y"))) {
                var svg = draw(Axis.linear("x"), axis, Series.of("one", List.of(new Point(7, y)), Stroke.SOLID, 0));
                assertEquals(1, elements(svg, "circle").size());
                assertTrue(texts(svg, "tick end").size() >= 2, () -> "ticks for " + y + ": " + texts(svg, "tick end"));
                assertFalse(text(svg).contains("NaN"));
            }
        }
        var svg = draw(
                Axis.logarithmic("x"),
                Axis.logarithmic("y"),
                Series.of("one", List.of(new Point(7, 3)), Stroke.SOLID, 0));
        assertEquals("298", elements(svg, "circle").getFirst().getAttribute("cx"));
    }

    @Test
    void nothingToShowIsSaid() throws Exception {
        assertTrue(texts(draw(List.of()), "label middle").contains("no data"));
        assertTrue(texts(draw(List.of(new Point(1, Double.NaN))), "label middle")
                .contains("no data"));
    }

    @Test
    void aLogarithmicAxisLeavesOutZero() throws Exception {
        var points = List.of(new Point(0, 1), new Point(1, 1), new Point(10, 2), new Point(100, 3));
        var svg = draw(Axis.logarithmic("x"), Axis.linear("y"), Series.of("one", points, Stroke.SOLID, 0));
        var path = elements(svg, "path").getFirst().getAttribute("d");
        assertTrue(path.matches("M58 [0-9.]+L298 [0-9.]+L538 [0-9.]+"), path);
    }

    @Test
    void manyPointsAreThinnedButASpikeStays() throws Exception {
        var points = new ArrayList<Point>();
        for (int i = 0; i < 50_000; i++) {
            points.add(new Point(i, i == 33_333 ? 100 : Math.sin(i)));
        }
        var svg = draw(points);
        var path = elements(svg, "path").getFirst().getAttribute("d");
        assertTrue(path.chars().filter(c -> c == 'L').count() <= LineChart.POINTS);
        assertTrue(Pattern.compile("L378 52(L|$)").matcher(path).find(), () -> "the spike reaches the top: " + path);
    }

    @Test
    void theLegendWrapsInsteadOfOverflowing() throws Exception {
        var series = new ArrayList<Series>();
        for (int i = 0; i < 12; i++) {
            series.add(Series.ranked("a rather long name " + i, List.of(new Point(0, i), new Point(1, i)), i, 12));
        }
        var svg = draw(Axis.linear("x"), Axis.linear("y"), series.toArray(Series[]::new));
        var labels = elements(svg, "text").stream()
                .filter(e -> e.getTextContent().startsWith("a rather"))
                .toList();
        assertEquals(12, labels.size());
        for (var label : labels) {
            assertTrue(Double.parseDouble(label.getAttribute("x"))
                            + label.getTextContent().length() * 6
                    <= 560);
            assertTrue(Double.parseDouble(label.getAttribute("y")) <= 320);
        }
        assertEquals(
                12,
                labels.stream()
                        .map(e -> e.getAttribute("x") + "," + e.getAttribute("y"))
                        .distinct()
                        .count());
    }

    private static String text(Document svg) throws Exception {
        var writer = new StringWriter();
        TransformerFactory.newInstance().newTransformer().transform(new DOMSource(svg), new StreamResult(writer));
        return writer.toString();
    }
}

package io.coda4j.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.BufferedReader;
import java.io.StringReader;
import org.junit.jupiter.api.Test;

final class LastWordsTest {
    @Test
    void areTheLastLinesThatSaySomething() throws InterruptedException {
        var words = new LastWords();
        assertEquals("it said nothing", words.said());
        words.listenTo(new BufferedReader(new StringReader("""
                one
                two
                12:01:02.345 [main] INFO a.library -- is loaded
                three
                WARNING: Using incubator modules: jdk.incubator.vector

                Caused by: four
                \tat io.coda4j.bench.Main.main(Main.java:1)
                \t... 7 more
                """)));
        assertEquals("the last it said: two / three / Caused by: four", words.said());
    }
}

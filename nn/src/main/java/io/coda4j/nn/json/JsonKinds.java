package io.coda4j.nn.json;

/** Names of JSON kinds for messages. */
final class JsonKinds {
    private static final int SHOWN = 60;

    private JsonKinds() {}

    static JsonException mismatch(String expected, Json found) {
        var text = found.toText();
        var shown = text.length() > SHOWN ? text.substring(0, SHOWN) + "..." : text;
        return new JsonException("expected " + expected + ", got " + kind(found) + ": " + shown);
    }

    private static String kind(Json value) {
        return switch (value) {
            case Json.Obj _ -> "an object";
            case Json.Arr _ -> "an array";
            case Json.Str _ -> "a string";
            case Json.Num _ -> "a number";
            case Json.Bool _ -> "a boolean";
            case Json.Null _ -> "null";
        };
    }
}

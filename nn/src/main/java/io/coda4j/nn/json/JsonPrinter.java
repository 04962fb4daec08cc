package io.coda4j.nn.json;

/** Prints JSON without white space; everything outside printable ASCII is kept as it is, except control characters. */
final class JsonPrinter {
    private JsonPrinter() {}

    static void print(Json value, StringBuilder out) {
        switch (value) {
            case Json.Obj object -> printObject(object, out);
            case Json.Arr array -> printArray(array, out);
            case Json.Str string -> quote(string.value(), out);
            case Json.Num number -> out.append(number.text());
            case Json.Bool bool -> out.append(bool.value());
            case Json.Null _ -> out.append("null");
        }
    }

    private static void printObject(Json.Obj object, StringBuilder out) {
        out.append('{');
        var separator = "";
        for (var member : object.members().entrySet()) {
            out.append(separator);
            quote(member.getKey(), out);
            out.append(':');
            print(member.getValue(), out);
            separator = ",";
        }
        out.append('}');
    }

    private static void printArray(Json.Arr array, StringBuilder out) {
        out.append('[');
        var separator = "";
        for (var item : array.items()) {
            out.append(separator);
            print(item, out);
            separator = ",";
        }
        out.append(']');
    }

    static void quote(String value, StringBuilder out) {
        out.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    if (c < 0x20) {
                        out.append(String.format("\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}

package io.coda4j.coder.chat;

import io.coda4j.nn.json.Json;
import java.util.stream.Collectors;

/** JSON with a space after each colon and comma, as the template's training data has it. */
final class SpacedJson {
    private SpacedJson() {}

    static String print(Json value) {
        return switch (value) {
            case Json.Obj(var members) ->
                members.entrySet().stream()
                        .map(member -> Json.quote(member.getKey()) + ": " + print(member.getValue()))
                        .collect(Collectors.joining(", ", "{", "}"));
            case Json.Arr(var items) ->
                items.stream().map(SpacedJson::print).collect(Collectors.joining(", ", "[", "]"));
            case Json.Str _, Json.Num _, Json.Bool _, Json.Null _ -> value.toText();
        };
    }
}

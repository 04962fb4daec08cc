package io.coda4j.coder.chat;

import io.coda4j.coder.tokenizer.BpeTokenizer;
import io.coda4j.nn.json.Json;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The chat template of Qwen3 and so of CoDA: a conversation as text and as token ids (specification of the model and
 * tokenizer, section 2).
 *
 * <p>Thoughts of the assistant are kept only in answers after the last question; older answers lose them. The results of
 * tools are turns of the user.
 */
public final class ChatTemplate {
    private static final String START = "<|im_start|>";
    private static final String END = "<|im_end|>";
    private static final String THINK = "<think>";
    private static final String THOUGHT = "</think>";
    private static final String TOOLS_BEFORE = "# Tools\n\nYou may call one or more functions to assist with the user"
            + " query.\n\nYou are provided with function signatures within <tools></tools> XML tags:\n<tools>";
    private static final String TOOLS_AFTER = "\n</tools>\n\nFor each function call, return a json object with function"
            + " name and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>,"
            + " \"arguments\": <args-json-object>}\n</tool_call>";

    private final List<Message> messages;
    private final List<Json> tools;
    private final Ending ending;
    private final MarkedText out = new MarkedText();

    private ChatTemplate(List<Message> messages, List<Json> tools, Ending ending) {
        this.messages = messages;
        this.tools = tools;
        this.ending = ending;
    }

    /**
     * The text of a conversation.
     *
     * @param tools JSON descriptions of the functions that the assistant may ask for
     * @throws IllegalArgumentException if there is no message
     */
    public static String render(List<Message> messages, List<Json> tools, Ending ending) {
        return new ChatTemplate(messages, tools, ending).rendered().toString();
    }

    /**
     * The ids of a conversation.
     *
     * @param allowControlTokens whether a message that spells a control token such as {@code <|im_end|>} gets that token.
     *     Without, what people type stays ordinary characters, and they cannot end their turn or open one of the
     *     system's
     * @throws IllegalArgumentException if there is no message
     */
    public static int[] encode(
            BpeTokenizer tokenizer,
            List<Message> messages,
            List<Json> tools,
            Ending ending,
            boolean allowControlTokens) {
        var text = new ChatTemplate(messages, tools, ending).rendered();
        return allowControlTokens
                ? tokenizer.encode(text.toString())
                : tokenizer.encode(text.toString(), text.givenCharacters());
    }

    private MarkedText rendered() {
        if (messages.isEmpty()) {
            throw new IllegalArgumentException("a conversation needs at least one message");
        }
        boolean startsWithSystem = messages.getFirst().role() == Role.SYSTEM;
        if (!tools.isEmpty()) {
            tools(startsWithSystem);
        } else if (startsWithSystem) {
            turn(messages.getFirst());
        }
        int lastQuestion = lastQuestion();
        for (int i = 0; i < messages.size(); i++) {
            message(i, lastQuestion);
        }
        switch (ending) {
            case NONE -> {}
            case ANSWER -> out.markup(START + "assistant\n");
            case ANSWER_WITHOUT_THINKING -> out.markup(START + "assistant\n" + THINK + "\n\n" + THOUGHT + "\n\n");
            case CONTINUATION -> out.removeEnd(END + "\n");
        }
        return out;
    }

    private void tools(boolean startsWithSystem) {
        out.markup(START + "system\n");
        if (startsWithSystem) {
            out.given(messages.getFirst().content()).markup("\n\n");
        }
        out.markup(TOOLS_BEFORE);
        tools.forEach(tool -> out.markup("\n").given(SpacedJson.print(tool)));
        out.markup(TOOLS_AFTER + END + "\n");
    }

    /** The last message of the user that is not the result of a tool; the last message where there is none. */
    private int lastQuestion() {
        return IntStream.iterate(messages.size() - 1, i -> i >= 0, i -> i - 1)
                .filter(i -> isQuestion(messages.get(i)))
                .findFirst()
                .orElse(messages.size() - 1);
    }

    private static boolean isQuestion(Message message) {
        var content = message.content();
        boolean isToolResult = content.startsWith("<tool_response>") && content.endsWith("</tool_response>");
        return message.role() == Role.USER && !isToolResult;
    }

    private void message(int index, int lastQuestion) {
        var message = messages.get(index);
        switch (message.role()) {
            case SYSTEM -> {
                // One in front has been written already, perhaps among the tools.
                if (index > 0) {
                    turn(message);
                }
            }
            case USER -> turn(message);
            case ASSISTANT -> answer(message, index, lastQuestion);
            case TOOL -> toolResult(index);
        }
    }

    private void turn(Message message) {
        out.markup(START + message.role().label() + "\n")
                .given(message.content())
                .markup(END + "\n");
    }

    private void answer(Message message, int index, int lastQuestion) {
        var content = message.content();
        var reasoning = message.reasoning() == null ? "" : message.reasoning();
        if (message.reasoning() == null && content.contains(THOUGHT)) {
            var before = content.substring(0, content.indexOf(THOUGHT));
            reasoning = withoutLeadingBreaks(after(withoutTrailingBreaks(before), THINK));
            content = withoutLeadingBreaks(after(content, THOUGHT));
        }
        out.markup(START + "assistant\n");
        if (index > lastQuestion && (index == messages.size() - 1 || !reasoning.isEmpty())) {
            out.markup(THINK + "\n")
                    .given(withoutLeadingBreaks(withoutTrailingBreaks(reasoning)))
                    .markup("\n" + THOUGHT + "\n\n")
                    .given(withoutLeadingBreaks(content));
        } else {
            out.given(content);
        }
        toolCalls(message, !content.isEmpty());
        out.markup(END + "\n");
    }

    private void toolCalls(Message message, boolean followsText) {
        boolean needsBreak = followsText;
        for (var call : message.toolCalls()) {
            out.markup((needsBreak ? "\n" : "") + "<tool_call>\n{\"name\": \"")
                    .given(call.name())
                    .markup("\", \"arguments\": ")
                    .given(call.arguments())
                    .markup("}\n</tool_call>");
            needsBreak = true;
        }
    }

    private void toolResult(int index) {
        boolean isFirst = index == 0 || messages.get(index - 1).role() != Role.TOOL;
        boolean isLast = index == messages.size() - 1 || messages.get(index + 1).role() != Role.TOOL;
        out.markup((isFirst ? START + "user" : "") + "\n<tool_response>\n")
                .given(messages.get(index).content())
                .markup("\n</tool_response>" + (isLast ? END + "\n" : ""));
    }

    /** What stands behind the last {@code mark}; all of {@code text} where there is none. */
    private static String after(String text, String mark) {
        int at = text.lastIndexOf(mark);
        return at < 0 ? text : text.substring(at + mark.length());
    }

    private static String withoutLeadingBreaks(String text) {
        int start = 0;
        while (start < text.length() && text.charAt(start) == '\n') {
            start++;
        }
        return text.substring(start);
    }

    private static String withoutTrailingBreaks(String text) {
        int end = text.length();
        while (end > 0 && text.charAt(end - 1) == '\n') {
            end--;
        }
        return text.substring(0, end);
    }
}

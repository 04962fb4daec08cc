package io.coda4j.coder.terminal;

/**
 * One token of a text that is being denoised.
 *
 * @param text the characters that the token completes, perhaps none; not looked at while the token is masked
 * @param state what has happened to it
 * @param confidence the probability the model gave it, in [0, 1]; not looked at for given and masked tokens
 */
public record Piece(String text, State state, float confidence) {}

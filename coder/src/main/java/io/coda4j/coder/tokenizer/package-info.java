/**
 * Byte-level BPE: text to token ids and back, its file formats, and its training.
 *
 * <p>Text becomes ids in four steps, each in a class of its own. {@code AddedTokenTrie} cuts out the added tokens such
 * as {@code <|im_end|>}; {@code TextSplitter} normalises the rest to NFC and splits it into pieces by a regular
 * expression; {@code ByteAlphabet} spells the UTF-8 bytes of a piece as single-byte tokens; {@code BpeModel} merges
 * neighbours, lowest rank first, until no merge applies. {@link io.coda4j.coder.tokenizer.BpeTokenizer} joins the steps,
 * {@link io.coda4j.coder.tokenizer.TokenizerJson} reads and writes Hugging Face files, and
 * {@link io.coda4j.coder.tokenizer.BpeTrainer} learns the merges from texts.
 */
@NullMarked
package io.coda4j.coder.tokenizer;

import org.jspecify.annotations.NullMarked;

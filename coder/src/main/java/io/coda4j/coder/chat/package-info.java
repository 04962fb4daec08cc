/** Conversations as the text that chat models were trained on. */
@NullMarked
package io.coda4j.coder.chat;

import org.jspecify.annotations.NullMarked;

package io.coda4j.coder.corpus;

/** A file as it was found, before cleaning. */
record RawFile(String name, String artifact, String text) {}

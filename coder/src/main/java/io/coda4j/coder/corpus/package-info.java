/**
 * Source code to train on: fetched by pinned checksum or read from a folder, cleaned, split by file, and checked for
 * what the two sides share.
 *
 * <p>{@link io.coda4j.coder.corpus.CorpusCatalogue} names the known sets of source jars,
 * {@link io.coda4j.coder.corpus.ArtifactStore} brings a jar to this machine, and {@link io.coda4j.coder.corpus.Corpus}
 * turns jars or a folder into training and held-out files.
 */
@NullMarked
package io.coda4j.coder.corpus;

import org.jspecify.annotations.NullMarked;

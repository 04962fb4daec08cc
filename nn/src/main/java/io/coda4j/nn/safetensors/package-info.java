/**
 * The safetensors file format: named tensors behind a JSON header.
 *
 * <p>Layout of a file: 8 bytes little-endian header length, the header ({@code name -> dtype, shape, data_offsets}), then
 * the tensors back to back without gaps, little-endian. {@link io.coda4j.nn.safetensors.Safetensors} maps a file or a
 * sharded folder into memory and hands out views; {@link io.coda4j.nn.safetensors.SafetensorsWriter} streams tensors out
 * and moves finished files into place. Neither interprets names; that is the model's business.
 */
@NullMarked
package io.coda4j.nn.safetensors;

import org.jspecify.annotations.NullMarked;

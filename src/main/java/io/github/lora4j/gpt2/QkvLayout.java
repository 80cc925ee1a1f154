package io.github.lora4j.gpt2;

/** How attention holds its projections to query, key and value. Both compute the same. */
public enum QkvLayout {
  /** One Linear {@code c_attn} with 3C outputs, as in the published files and their adapters. */
  FUSED,
  /** Three Linear {@code query}, {@code key} and {@code value} with C outputs each. */
  SPLIT
}

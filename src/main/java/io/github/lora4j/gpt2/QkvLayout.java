package io.github.lora4j.gpt2;

/** How the projections to query, key and value are held. The arithmetic is the same. */
public enum QkvLayout {
  /** One Linear {@code c_attn} with 3C outputs, as the published files and most adapters have it. */
  FUSED,
  /** Three Linear {@code query}, {@code key} and {@code value}, each with a LoRA of its own. */
  SPLIT
}

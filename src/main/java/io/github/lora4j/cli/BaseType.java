package io.github.lora4j.cli;

import io.github.lora4j.kernel.WeightFormat;

/** What {@code --base-dtype} chooses from. */
enum BaseType {
  F32(WeightFormat.FLOAT32),
  BF16(WeightFormat.BFLOAT16);

  private final WeightFormat format;

  BaseType(WeightFormat format) {
    this.format = format;
  }

  WeightFormat format() {
    return format;
  }
}

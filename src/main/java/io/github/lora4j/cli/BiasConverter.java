package io.github.lora4j.cli;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.lora.BiasTraining;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads {@code none}, {@code lora} or {@code all}. */
final class BiasConverter implements ITypeConverter<BiasTraining> {

  @Override
  public BiasTraining convert(String text) {
    return switch (text) {
      case "none" -> BiasTraining.NONE;
      case "lora" -> BiasTraining.LORA_ONLY;
      case "all" -> BiasTraining.ALL;
      default ->
          throw new TypeConversionException(
              "none, lora or all expected, got '%s'".formatted(Excerpt.of(text)));
    };
  }
}

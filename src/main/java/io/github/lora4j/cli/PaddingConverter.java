package io.github.lora4j.cli;

import io.github.lora4j.FinetuneOptions;
import io.github.lora4j.error.Excerpt;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads {@code none}, {@code longest} or a number of tokens. */
final class PaddingConverter implements ITypeConverter<Integer> {

  @Override
  public Integer convert(String text) {
    if (text.equals("none")) {
      return FinetuneOptions.NO_PADDING;
    }
    if (text.equals("longest")) {
      return FinetuneOptions.LONGEST;
    }
    if (text.matches("[1-9]\\d{0,6}")) {
      return Integer.parseInt(text);
    }
    throw new TypeConversionException(
        "none, longest or a number of tokens expected, got '%s'".formatted(Excerpt.of(text)));
  }
}

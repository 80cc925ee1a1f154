package io.github.lora4j.cli;

import io.github.lora4j.error.Excerpt;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Reads finite decimal numbers; unlike {@link Double#parseDouble}, no {@code NaN}, {@code 1d} or
 * {@code 0x1p3}.
 */
final class DecimalConverter implements ITypeConverter<Double> {

  private static final Pattern DECIMAL =
      Pattern.compile("[+-]?(?:\\d+(?:\\.\\d*)?|\\.\\d+)(?:[eE][+-]?\\d{1,9})?");

  @Override
  public Double convert(String text) {
    if (text.length() <= Excerpt.MAX_LENGTH && DECIMAL.matcher(text).matches()) {
      double value = Double.parseDouble(text);
      if (Math.abs(value) <= Float.MAX_VALUE) {
        return value;
      }
    }
    throw new TypeConversionException(
        "a decimal number of at most %s expected, got '%s'"
            .formatted(Float.MAX_VALUE, Excerpt.of(text)));
  }
}

package io.github.lora4j.cli;

import io.github.lora4j.lora.Targets;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads {@code all}, names separated by commas, or a regular expression. */
final class TargetsConverter implements ITypeConverter<Targets> {

  @Override
  public Targets convert(String text) {
    if (text.equals("all")) {
      return Targets.all();
    }
    try {
      return text.matches("[\\w.]+(,[\\w.]+)*")
          ? Targets.named(text.split(",", -1))
          : Targets.matching(text);
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(String.valueOf(e.getMessage()));
    }
  }
}

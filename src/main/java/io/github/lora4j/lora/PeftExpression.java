package io.github.lora4j.lora;

import io.github.lora4j.error.BadFileException;
import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.nio.file.Path;

/**
 * A regular expression of {@code adapter_config.json}: a {@link PathPattern} that comes from a
 * file.
 */
final class PeftExpression {

  private final PathPattern pattern;
  private final Path file;
  private final String pointer;

  private PeftExpression(PathPattern pattern, Path file, String pointer) {
    this.pattern = pattern;
    this.file = file;
    this.pointer = pointer;
  }

  /**
   * Understands an expression.
   *
   * @param expression the expression
   * @param file where it stands, for messages
   * @param pointer the JSON pointer of it
   * @throws LimitExceededException if it is too long
   * @throws UnsupportedFeatureException if it holds what {@link PathPattern} does not understand
   */
  static PeftExpression compile(String expression, Path file, String pointer)
      throws BadFileException {
    if (expression.length() > PathPattern.MAX_LENGTH) {
      throw new LimitExceededException(
          "AD-07",
          file.toString(),
          pointer,
          "a regular expression of at most %d characters expected, got %d of them: %s"
              .formatted(PathPattern.MAX_LENGTH, expression.length(), Excerpt.of(expression)));
    }
    try {
      return new PeftExpression(PathPattern.compile(expression), file, pointer);
    } catch (IllegalArgumentException e) {
      UnsupportedFeatureException unsupported =
          new UnsupportedFeatureException(
              "AD-07",
              file.toString(),
              pointer,
              e.getMessage() + " (list the names of the modules instead)");
      unsupported.initCause(e);
      throw unsupported;
    }
  }

  /**
   * Whether the whole text matches.
   *
   * @throws LimitExceededException if this takes too many steps, with those taken before
   */
  boolean matches(String text) throws LimitExceededException {
    try {
      return pattern.matches(text);
    } catch (IllegalArgumentException e) {
      LimitExceededException limit =
          new LimitExceededException(
              "AD-07", file.toString(), pointer, String.valueOf(e.getMessage()));
      limit.initCause(e);
      throw limit;
    }
  }
}

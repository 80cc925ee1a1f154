package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A regular expression for module paths whose work is bounded, because it may come from a file:
 * backtracking looks at characters, and the characters looked at are counted.
 */
final class PathPattern {

  /** The longest expression, in characters. */
  static final int MAX_LENGTH = 1000;

  /** How many characters all matches of one pattern may look at. */
  private static final int MAX_STEPS = 1_000_000;

  /** A counted repetition can do work without looking at a character. */
  private static final Pattern COUNTED = Pattern.compile("\\{\\s*\\d");

  private final Pattern pattern;
  private int steps;

  private PathPattern(Pattern pattern) {
    this.pattern = pattern;
  }

  static PathPattern compile(String expression) {
    if (expression.length() > MAX_LENGTH) {
      throw new IllegalArgumentException(
          "targets: a pattern of at most %d characters expected, got %d of them: %s"
              .formatted(MAX_LENGTH, expression.length(), Excerpt.of(expression)));
    }
    if (COUNTED.matcher(expression).find()) {
      throw new IllegalArgumentException(
          "targets: a pattern without counted repetitions expected, got '%s' (write \\d\\d? for \\d{1,2})"
              .formatted(Excerpt.of(expression)));
    }
    try {
      return new PathPattern(Pattern.compile(expression));
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "targets: a regular expression expected, got '%s' (%s at index %d)"
              .formatted(Excerpt.of(expression), e.getDescription(), e.getIndex()),
          e);
    }
  }

  /** Whether the whole path matches. */
  boolean matches(String path) {
    return pattern.matcher(new Counted(path)).matches();
  }

  /** A text that counts how often it is looked at. */
  private final class Counted implements CharSequence {

    private final String text;

    Counted(String text) {
      this.text = text;
    }

    @Override
    public char charAt(int index) {
      steps++;
      if (steps > MAX_STEPS) {
        throw new IllegalArgumentException(
            "targets: a pattern that matches within %d steps expected, got '%s' (nested repetitions?)"
                .formatted(MAX_STEPS, Excerpt.of(pattern.pattern())));
      }
      return text.charAt(index);
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return new Counted(text.substring(start, end));
    }

    @Override
    public String toString() {
      return text;
    }
  }
}

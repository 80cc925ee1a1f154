package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import java.util.BitSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A regular expression for module paths whose work is bounded, because it may come from a file: a
 * backtracking engine can be made to run for years. Here a part of the expression maps the set of
 * places in the text where it may begin to the set of places where it may end, and every such step
 * is counted.
 *
 * <p>Understood are characters, {@code .}, character classes, escapes, groups, {@code |} and {@code
 * * + ?}; {@code ^} at the beginning and {@code $} at the end change nothing.
 */
final class PathPattern {

  /** The longest expression, in characters. */
  static final int MAX_LENGTH = 1000;

  private static final int MAX_DEPTH = 50;

  /** How many steps all matches of one pattern may take: large models need a quarter of it. */
  private static final int MAX_STEPS = 300_000;

  /** A part of the expression. */
  @FunctionalInterface
  private interface Part {
    /** Where it may end in a text if it may begin at any of the starts, which are not modified. */
    BitSet ends(String text, BitSet starts);
  }

  private final String expression;
  private final Part whole;
  private int position;
  private int depth;
  private int steps;

  private PathPattern(String expression) {
    this.expression = expression;
    if (expression.length() > MAX_LENGTH) {
      throw new IllegalArgumentException(
          "targets: a pattern of at most %d characters expected, got %d of them: %s"
              .formatted(MAX_LENGTH, expression.length(), Excerpt.of(expression)));
    }
    position = expression.startsWith("^") ? 1 : 0;
    this.whole = alternatives();
    if (position < expression.length()) {
      throw fault("an opening bracket before the closing one");
    }
  }

  /**
   * Understands an expression.
   *
   * @throws IllegalArgumentException if it is too long, or holds what is not understood
   */
  static PathPattern compile(String expression) {
    return new PathPattern(expression);
  }

  /**
   * Whether the whole path matches.
   *
   * @throws IllegalArgumentException if this takes too many steps, with those taken before
   */
  boolean matches(String path) {
    BitSet start = new BitSet();
    start.set(0);
    return whole.ends(path, start).get(path.length());
  }

  /**
   * Whether the path, or what is left of it after one of its dots, matches: PEFT's rule for {@code
   * rank_pattern}. An expression that begins with {@code ^} must match the whole path.
   *
   * @throws IllegalArgumentException as {@link #matches}
   */
  boolean matchesEnd(String path) {
    BitSet starts = new BitSet();
    starts.set(0);
    for (int dot = path.indexOf('.');
        dot >= 0 && !expression.startsWith("^");
        dot = path.indexOf('.', dot + 1)) {
      starts.set(dot + 1);
    }
    return whole.ends(path, starts).get(path.length());
  }

  private void countStep() {
    if (++steps > MAX_STEPS) {
      throw new IllegalArgumentException(
          "targets: a pattern that matches within %d steps expected, got '%s' (nested repetitions?)"
              .formatted(MAX_STEPS, Excerpt.of(expression)));
    }
  }

  private Part alternatives() {
    if (++depth > MAX_DEPTH) {
      throw fault("groups nested at most " + MAX_DEPTH + " deep");
    }
    Part all = sequence();
    while (isNext('|')) {
      position++;
      Part first = all;
      Part second = sequence();
      all =
          (text, starts) -> {
            countStep();
            BitSet ends = (BitSet) first.ends(text, starts).clone();
            ends.or(second.ends(text, starts));
            return ends;
          };
    }
    depth--;
    return all;
  }

  private Part sequence() {
    Part all = (text, starts) -> starts;
    while (position < expression.length() && !isNext('|') && !isNext(')')) {
      if (isNext('$') && position == expression.length() - 1) {
        position++;
        break;
      }
      Part first = all;
      Part second = repeated(atom());
      all = (text, starts) -> second.ends(text, first.ends(text, starts));
    }
    return all;
  }

  private Part repeated(Part once) {
    if (!isNext('*') && !isNext('+') && !isNext('?')) {
      return once;
    }
    char sign = expression.charAt(position++);
    if (isNext('?')) {
      position++; // reluctant: the same texts match
    }
    boolean isOptional = sign != '+';
    boolean isRepeated = sign != '?';
    return (text, starts) -> {
      BitSet ends = new BitSet();
      BitSet fresh = starts;
      do {
        countStep();
        fresh = (BitSet) once.ends(text, fresh).clone();
        fresh.andNot(ends);
        ends.or(fresh);
      } while (isRepeated && !fresh.isEmpty());
      if (isOptional) {
        ends.or(starts);
      }
      return ends;
    };
  }

  private Part atom() {
    int begin = position;
    char c = expression.charAt(position++);
    if (c == '(') {
      return group();
    }
    if (c == '[') {
      skipClass();
    } else if (c == '\\') {
      if (position == expression.length() || !isSimpleEscape(expression.charAt(position++))) {
        throw fault("an escaped sign or one of \\d \\D \\s \\S \\w \\W");
      }
    } else if ("*+?{}]^$".indexOf(c) >= 0) {
      throw fault("no '%s' here".formatted(c));
    }
    return single(expression.substring(begin, position));
  }

  private Part group() {
    if (isNext('?')) {
      if (!expression.startsWith("?:", position)) {
        throw fault("no special group but (?:");
      }
      position += 2;
    }
    Part group = alternatives();
    if (!isNext(')')) {
      throw fault("a closing bracket");
    }
    position++;
    return group;
  }

  private void skipClass() {
    if (isNext('^')) {
      position++;
    }
    int first = position;
    while (position == first || !isNext(']')) {
      if (position >= expression.length() || isNext('[') || isNext('&')) {
        throw fault("a character class without brackets or & inside, and a closing bracket");
      }
      position += isNext('\\') ? 2 : 1;
    }
    position++;
  }

  /** One character, by what the JDK says of it; a class, an escape or a sign cannot backtrack. */
  private Part single(String atom) {
    Predicate<String> isMatch;
    try {
      isMatch = Pattern.compile(atom).asMatchPredicate();
    } catch (PatternSyntaxException e) {
      throw fault("a regular expression (" + e.getDescription() + ")");
    }
    return (text, starts) -> {
      countStep();
      BitSet ends = new BitSet();
      for (int i = starts.nextSetBit(0);
          i >= 0 && i < text.length();
          i = starts.nextSetBit(i + 1)) {
        countStep();
        if (isMatch.test(text.substring(i, i + 1))) {
          ends.set(i + 1);
        }
      }
      return ends;
    };
  }

  private static boolean isSimpleEscape(char c) {
    return "dDsSwW".indexOf(c) >= 0 || (c < 128 && !Character.isLetterOrDigit(c));
  }

  private boolean isNext(char c) {
    return position < expression.length() && expression.charAt(position) == c;
  }

  private IllegalArgumentException fault(String expected) {
    return new IllegalArgumentException(
        "targets: %s expected, got '%s' (at index %d)"
            .formatted(expected, Excerpt.of(expression), position));
  }
}

package io.github.lora4j.lora;

import io.github.lora4j.error.BadFileException;
import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What {@code rank_pattern} or {@code alpha_pattern} holds: values for the modules that a regular
 * expression fits. The first key for which {@code ^(.*\.)?(KEY)$} matches a module's path counts.
 *
 * <p>That is: the key matches the path, or what is left of it after one of its dots. So it is
 * looked for, which saves most of the steps. A key made of name characters and dots, as nearly all
 * are, is compared character by character, and a file may hold any number of them; all others
 * together are as long as one expression may be, which bounds the work of all.
 *
 * @param <V> Integer for ranks, Float for alphas
 */
final class PeftPatterns<V> {

  /** A key that was understood. */
  private interface Key {
    boolean matches(String text) throws LimitExceededException;
  }

  /** A key and its value; an anchored one fits whole paths only. */
  private record Entry<V>(Key key, boolean isAnchored, V value) {}

  private final Map<String, V> values;
  private final List<Entry<V>> entries = new ArrayList<>();

  /**
   * Understands the keys.
   *
   * @param values by key, in the order of the file
   * @param file where they stand, for messages
   * @param pointer the JSON pointer of the object they are in
   * @throws LimitExceededException if the expressions among the keys are too long, each or together
   * @throws UnsupportedFeatureException if one holds what {@link PathPattern} does not understand
   */
  PeftPatterns(Map<String, V> values, Path file, String pointer) throws BadFileException {
    this.values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    int length = 0;
    for (Map.Entry<String, V> each : values.entrySet()) {
      String key = each.getKey();
      boolean isAnchored = key.startsWith("^");
      String inner = key.substring(isAnchored ? 1 : 0);
      if (isPlain(inner)) {
        entries.add(new Entry<>(text -> isAlike(inner, text), isAnchored, each.getValue()));
        continue;
      }
      length += inner.length();
      if (length > PathPattern.MAX_LENGTH) {
        throw new LimitExceededException(
            "AD-07",
            file.toString(),
            pointer,
            "regular expressions of at most %d characters together expected, got more: %s"
                .formatted(PathPattern.MAX_LENGTH, Excerpt.of(key)));
      }
      if (isAnchored && inner.contains("|")) {
        throw new UnsupportedFeatureException(
            "AD-07",
            file.toString(),
            pointer,
            "no ^ in a key with alternatives expected, got '%s' (write a key for each)"
                .formatted(Excerpt.of(key)));
      }
      PeftExpression expression = PeftExpression.compile(inner, file, pointer);
      entries.add(new Entry<>(expression::matches, isAnchored, each.getValue()));
    }
  }

  /** The values by key, in the order of the file. */
  Map<String, V> values() {
    return values;
  }

  /**
   * The value for a module, or null if no key fits.
   *
   * @param paths what the module may be called
   * @throws LimitExceededException if an expression takes too many steps
   */
  @Nullable V find(List<String> paths) throws LimitExceededException {
    for (Entry<V> entry : entries) {
      for (String path : paths) {
        if (isFound(entry, path)) {
          return entry.value();
        }
      }
    }
    return null;
  }

  private static <V> boolean isFound(Entry<V> entry, String path) throws LimitExceededException {
    if (entry.key().matches(path)) {
      return true;
    }
    for (int dot = path.indexOf('.');
        dot >= 0 && !entry.isAnchored();
        dot = path.indexOf('.', dot + 1)) {
      if (entry.key().matches(path.substring(dot + 1))) {
        return true;
      }
    }
    return false;
  }

  /** Whether an expression holds only characters of names, dots and escaped dots. */
  private static boolean isPlain(String expression) {
    for (int i = 0; i < expression.length(); i++) {
      char c = expression.charAt(i);
      boolean isEscapedDot = expression.startsWith("\\.", i);
      if (!(c < 128 && Character.isLetterOrDigit(c)) && "._-".indexOf(c) < 0 && !isEscapedDot) {
        return false;
      }
    }
    return true;
  }

  /**
   * Whether a text matches a plain expression: a dot in it fits any character, an escaped one a
   * dot.
   */
  private static boolean isAlike(String plain, String text) {
    int position = 0;
    for (int i = 0; i < plain.length(); i++, position++) {
      char c = plain.charAt(i);
      boolean isAny = c == '.';
      if (c == '\\') {
        c = plain.charAt(++i);
      }
      if (position >= text.length() || !(isAny || text.charAt(position) == c)) {
        return false;
      }
    }
    return position == text.length();
  }
}

package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What {@code target_modules} or {@code exclude_modules} may be: names, one regular expression, or
 * all linear layers.
 *
 * @param names the names, empty for an expression
 * @param pattern the expression as it stands in the file, or null
 * @param expression the same, understood, or null
 * @param isAllLinear whether every linear layer but the head is meant
 */
record PeftModuleNames(
    Set<String> names,
    @Nullable String pattern,
    @Nullable PeftExpression expression,
    boolean isAllLinear) {

  static PeftModuleNames named(List<String> names) {
    return new PeftModuleNames(new LinkedHashSet<>(names), null, null, false);
  }

  static PeftModuleNames matching(String pattern, PeftExpression expression) {
    return new PeftModuleNames(Set.of(), pattern, expression, false);
  }

  static PeftModuleNames allLinear() {
    return new PeftModuleNames(Set.of(), null, null, true);
  }

  /** What stands in the file, fit for a message. */
  @Override
  public String toString() {
    return Excerpt.of(isAllLinear ? "all-linear" : pattern == null ? names.toString() : pattern);
  }

  /**
   * Whether a module is one of the names, ends with a dot and one of them, or matches the
   * expression.
   *
   * @param paths what the module may be called
   */
  boolean matchAny(List<String> paths) throws LimitExceededException {
    for (String path : paths) {
      if (expression != null
          ? expression.matches(path)
          : names.stream().anyMatch(name -> Targets.endsWith(path, name))) {
        return true;
      }
    }
    return false;
  }
}

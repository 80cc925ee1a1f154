package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.lora.SmallModels.Classifier;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PathPatternTest {

  private static final List<String> PATHS =
      List.of(
          "", "a", "ab", "aab", "abab", "h.1.c_attn", "h.11.c_attn", "h.1.attn.c_proj", "score");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "a",
        "a*",
        "a+b?",
        "(ab)*",
        "(?:a|ab)(b|)",
        "a|ab|",
        "^h\\.1\\..*$",
        "h\\.\\d\\d?\\..*",
        "h\\.[0-9]+\\.c_\\w+",
        "h.[^2-9.]+.c_(attn|proj)",
        ".*?c_(attn|proj)",
        ".*\\.(attn\\.)?c_proj",
        "[]a]*b",
        "[\\]a]*b",
        "(a*)*(b+)*",
        "((a|b)*)+?",
        "()*a",
        "\\D*",
        "(^a|b)$x",
        "scor."
      })
  void aPathMatchesAsTheJdkWouldMatchIt(String expression) {
    if (expression.contains("(^")) {
      assertThrows(IllegalArgumentException.class, () -> PathPattern.compile(expression));
      return;
    }
    for (String path : PATHS) {
      assertEquals(
          Pattern.matches(jdk(expression), path),
          PathPattern.compile(expression).matches(path),
          expression + " and " + path);
    }
  }

  /** Here, as in Python, a bracket that is the first in a class is a character of it. */
  private static String jdk(String expression) {
    return expression.replace("[]", "[\\]");
  }

  @Test
  void anyExpressionMatchesAsTheJdkWouldMatchIt() {
    Random random = new Random(1);
    for (int i = 0; i < 5000; i++) {
      String expression = expression(random, 3);
      PathPattern pattern = PathPattern.compile(expression);
      for (String path : PATHS) {
        assertEquals(
            Pattern.matches(expression, path), pattern.matches(path), expression + " and " + path);
        assertEquals(
            Pattern.matches("(?:.*\\.)?(?:" + expression + ")", path),
            pattern.matchesEnd(path),
            expression + " and the end of " + path);
      }
    }
  }

  private static String expression(Random random, int depth) {
    String part =
        depth == 0
            ? List.of("a", "b", ".", "[^a]", "\\w", "").get(random.nextInt(6))
            : switch (random.nextInt(4)) {
              case 0 -> expression(random, depth - 1) + expression(random, depth - 1);
              case 1 -> expression(random, depth - 1) + "|" + expression(random, depth - 1);
              case 2 -> "(" + expression(random, depth - 1) + ")";
              default ->
                  "(?:" + expression(random, depth - 1) + ")" + "*+?".charAt(random.nextInt(3));
            };
    return part;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(", ")", "a)", "[a", "[", "[^]", "[a[b]]", "[a&&b]", "*a", "a**", "a*+", "a{2}", "{", "\\",
        "\\b", "\\1", "\\Q", "(?=a)", "(?i)a", "a^b", "a$b", "[z-a]", "[\\"
      })
  void whatIsNotUnderstoodIsRefused(String expression) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> Targets.matching(expression))
            .getMessage();
    assertTrue(message.startsWith("targets: ") && message.contains("expected, got"), message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "((((((((.*)*)*)*)*)*)*)*)*$",
        "((((((((((((((((((((((()*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*x",
        ".*(a?|b?)(a?|b?)(a?|b?)(a?|b?)(a?|b?)(a?|b?)(a?|b?)(a?|b?)(a?|b?)(a?|b?)(a?|b?)(a?|b?)x",
        "(t|tr|r|ra|.|..)*x",
        "((.*)+(.*)+(.*)+(.*)+)+x"
      })
  void evilPatternsEndInTime(String expression) {
    assertTimeoutPreemptively(
        Duration.ofSeconds(5),
        () -> {
          LoraConfig config = LoraConfig.of(1, 1f).withTargets(Targets.matching(expression));
          try {
            Lora.apply(new Classifier(6, true, 0), config);
          } catch (IllegalArgumentException e) {
            assertTrue(e.getMessage().contains("expected, got"), e.getMessage());
          }
        });
  }

  @Test
  void aPatternThatIsTooLongOrTooDeepIsRefusedAndCut() {
    for (String expression : List.of("(.*)*".repeat(20_000), "(".repeat(400) + ")".repeat(400))) {
      String message =
          assertThrows(IllegalArgumentException.class, () -> Targets.matching(expression))
              .getMessage();
      assertTrue(message.length() < 400, message);
    }
  }

  @Test
  void aPatternThatNeedsTooManyStepsIsRefused() {
    PathPattern pattern = PathPattern.compile("(.*)*".repeat(150));
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> {
                  for (int i = 0; i < 1000; i++) {
                    pattern.matches("h.1.attn.c_attn");
                  }
                })
            .getMessage();
    assertTrue(message.contains("within 300000 steps"), message);
  }
}

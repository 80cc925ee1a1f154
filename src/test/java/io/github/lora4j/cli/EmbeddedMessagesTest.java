package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What the embedded messages' README promises, as far as a program can check it. */
class EmbeddedMessagesTest {

  private static final List<String> PARTS = List.of("train.tsv", "validation.tsv", "test.tsv");

  /** A name of at least two labels that ends in letters: {@code shop.example}, but not 7.30pm. */
  private static final Pattern DOMAIN =
      Pattern.compile("(?<![\\w.-])[a-z0-9-]+(?:\\.[a-z0-9-]+)*\\.[a-z]{2,}(?![\\w-])");

  /** The domains that RFC 2606 reserves. */
  private static final Pattern RESERVED_DOMAIN =
      Pattern.compile("(?:.*\\.)?(?:example\\.(?:com|net|org)|.+\\.(?:example|test|invalid))");

  /** Seven digits or more, perhaps with blanks, hyphens or brackets between them. */
  private static final Pattern TELEPHONE_NUMBER = Pattern.compile("\\+?\\d(?:[ ()-]*\\d){6,}");

  /** Digits of the numbers that Ofcom and the North American plan keep for drama. */
  private static final Pattern FICTITIOUS_NUMBER =
      Pattern.compile(
          "(?:0|44)7700900\\d{3}" // mobile
              + "|02079460\\d{3}|01[1-6]14960\\d{3}|011[3-8]4960\\d{3}|01914980\\d{3}" // city
              + "|08081570\\d{3}|09098790\\d{3}|03069990\\d{3}" // free, premium, nationwide
              + "|1?(?:\\d{3})?55501\\d\\d"); // 555-01xx

  private static List<String> lines;
  private static List<String> labels;
  private static List<String> texts;

  @BeforeAll
  static void readTheResources() throws IOException {
    lines = new ArrayList<>();
    for (String part : PARTS) {
      lines.addAll(lines(part));
    }
    labels = lines.stream().map(line -> line.split("\t", -1)[0]).toList();
    texts = lines.stream().map(line -> line.substring(line.indexOf('\t') + 1)).toList();
  }

  private static List<String> lines(String part) throws IOException {
    try (InputStream in = EmbeddedMessages.class.getResourceAsStream("data/" + part)) {
      assertNotNull(in, part);
      // A strict decoder: malformed UTF-8 is an exception, not a replacement character.
      String content =
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(in.readAllBytes())).toString();
      assertTrue(content.endsWith("\n"), "the last line ends with LF");
      return List.of(content.substring(0, content.length() - 1).split("\n", -1));
    }
  }

  @Test
  void everyLineIsALabelATabAndAText() {
    for (String line : lines) {
      String[] fields = line.split("\t", -1);
      assertEquals(2, fields.length, line);
      assertTrue(fields[0].equals("ham") || fields[0].equals("spam"), line);
      assertEquals(fields[1].strip(), fields[1], line);
      assertTrue(fields[1].codePoints().noneMatch(Character::isISOControl), line);
    }
  }

  @Test
  void halfOfEachPartIsSpam() throws IOException {
    assertTrue(lines.size() >= 800, () -> lines.size() + " messages");
    for (String part : PARTS) {
      List<String> present = lines(part);
      long spam = present.stream().filter(line -> line.startsWith("spam\t")).count();
      assertEquals(present.size(), 2 * spam, part);
    }
  }

  @Test
  void messagesAreAsLongAsTextMessagesAre() {
    for (String text : texts) {
      assertTrue(text.length() >= 2 && text.length() <= 300, text);
    }
    double mean = texts.stream().mapToInt(String::length).average().orElseThrow();
    assertTrue(mean >= 60 && mean <= 110, () -> "mean length " + mean);
  }

  @Test
  void classesAreMixed() {
    int half = labels.size() / 2;
    long spamInFirstHalf = labels.subList(0, half).stream().filter("spam"::equals).count();
    double share = (double) spamInFirstHalf / half;
    assertTrue(share > 0.4 && share < 0.6, () -> "share of spam in the first half " + share);
  }

  @Test
  void wordsVary() {
    Set<String> distinct = new HashSet<>();
    texts.forEach(text -> distinct.addAll(words(text)));
    assertTrue(distinct.size() > 3000, () -> distinct.size() + " distinct words");
  }

  @Test
  void noTwoMessagesShareMoreThanHalfOfTheirTrigrams() {
    List<Set<List<String>>> trigrams = texts.stream().map(EmbeddedMessagesTest::trigrams).toList();
    Map<List<String>, List<Integer>> messagesWith = new HashMap<>();
    List<String> tooAlike = new ArrayList<>();
    for (int i = 0; i < trigrams.size(); i++) {
      Map<Integer, Integer> shared = new HashMap<>();
      for (List<String> trigram : trigrams.get(i)) {
        List<Integer> earlier = messagesWith.computeIfAbsent(trigram, key -> new ArrayList<>());
        earlier.forEach(j -> shared.merge(j, 1, Integer::sum));
        earlier.add(i);
      }
      for (Map.Entry<Integer, Integer> entry : shared.entrySet()) {
        int j = entry.getKey();
        int smaller = Math.min(trigrams.get(i).size(), trigrams.get(j).size());
        if (2 * entry.getValue() > smaller) {
          tooAlike.add(texts.get(j) + " | " + texts.get(i));
        }
      }
    }
    assertEquals(List.of(), tooAlike);
  }

  @Test
  void linksLeadToReservedDomains() {
    for (String text : texts) {
      Matcher domain = DOMAIN.matcher(text.toLowerCase(Locale.ROOT));
      while (domain.find()) {
        assertTrue(RESERVED_DOMAIN.matcher(domain.group()).matches(), text);
      }
    }
  }

  @Test
  void telephoneNumbersAreFictitious() {
    for (String text : texts) {
      Matcher number = TELEPHONE_NUMBER.matcher(text);
      while (number.find()) {
        String digits = number.group().replaceAll("\\D", "");
        assertTrue(FICTITIOUS_NUMBER.matcher(digits).matches(), text);
      }
    }
  }

  @Test
  void neitherDigitsNorLinksNorLoudWordsTellTheClassesApart() {
    Pattern loud = Pattern.compile("\\d|\\.example|\\b(?:free|win|won|winner|prize)\\b");
    long quietSpam = count("spam", text -> !loud.matcher(text.toLowerCase(Locale.ROOT)).find());
    long loudHam = count("ham", text -> loud.matcher(text.toLowerCase(Locale.ROOT)).find());
    assertTrue(quietSpam >= 50, () -> quietSpam + " quiet spam messages");
    assertTrue(loudHam >= 50, () -> loudHam + " loud ham messages");
  }

  private static long count(String label, Predicate<String> matches) {
    long count = 0;
    for (int i = 0; i < texts.size(); i++) {
      if (labels.get(i).equals(label) && matches.test(texts.get(i))) {
        count++;
      }
    }
    return count;
  }

  private static List<String> words(String text) {
    List<String> words = new ArrayList<>();
    for (String word : text.toLowerCase(Locale.ROOT).split("[^\\p{L}\\p{N}]+")) {
      if (!word.isEmpty()) {
        words.add(word);
      }
    }
    return words;
  }

  /** The distinct runs of three words; of a shorter text, its whole list of words. */
  private static Set<List<String>> trigrams(String text) {
    List<String> words = words(text);
    if (words.size() < 3) {
      return Set.of(words);
    }
    Set<List<String>> trigrams = new HashSet<>();
    for (int i = 0; i + 3 <= words.size(); i++) {
      trigrams.add(List.copyOf(words.subList(i, i + 3)));
    }
    return trigrams;
  }
}

package io.github.lora4j.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DataLoaderTest {

  private static final TextDataset DATA =
      new TextDataset(
          "messages",
          List.of(
              new Example("ab", 0),
              new Example("abcd", 1),
              new Example("a", 1),
              new Example("abc", 0),
              new Example("abcde", 1)),
          List.of("ham", "spam"));

  private final Tokenizer tokenizer = TokenizerTest.tokenizer(List.of(), List.of());
  private final DataLoader loader = new DataLoader(DATA, tokenizer, 2);

  DataLoaderTest() throws IOException {}

  @Test
  void batchesHoldTheTextsInOrderWithoutPadding() {
    List<Batch> batches = batches(loader, 3);
    assertEquals(3, loader.batchesPerEpoch());
    assertEquals(3, batches.size());
    assertEquals(5, loader.size());
    Batch first = batches.get(0);
    assertArrayEquals(new int[] {'a', 'b', 'a', 'b', 'c', 'd'}, first.tokenIds());
    assertArrayEquals(new int[] {0, 2, 6}, first.offsets());
    assertArrayEquals(new int[] {0, 1}, first.targets());
    assertEquals(6, first.realTokens());
    Batch last = batches.get(2);
    assertArrayEquals(new int[] {4}, last.examples());
    assertEquals(3, last.epoch());
    assertEquals(2, last.number());
  }

  private DataLoader loaderOf(String first, int label, String... more) {
    List<Example> examples = new ArrayList<>();
    examples.add(new Example(first, label));
    for (String text : more) {
      examples.add(new Example(text, 1));
    }
    return new DataLoader(new TextDataset("t", examples, List.of("a", "b")), tokenizer, 2);
  }

  @Test
  void fingerprintIsThatOfTheDataWhateverTheBatches() {
    String expected = loader.fingerprint();
    assertTrue(expected.matches("[0-9a-f]{64}"), expected);
    assertEquals(expected, new DataLoader(DATA, tokenizer, 5).fingerprint());
    assertEquals(expected, loader.shuffled(9).droppingLast().fingerprint());
    assertEquals(expected, loader.maxLength(5).padding(Padding.to(5, 0)).fingerprint());
  }

  @Test
  void fingerprintTellsATokenALabelAnOrderAndALengthApart() {
    Set<String> seen = new HashSet<>();
    for (DataLoader each :
        List.of(
            loaderOf("abc", 1, "de"),
            loaderOf("abd", 1, "de"),
            loaderOf("abc", 0, "de"),
            loaderOf("de", 1, "abc"),
            loaderOf("ab", 1, "cde"),
            loaderOf("abc", 1, "d"),
            loaderOf("abc", 1, "de", "f"),
            loaderOf("abc", 1))) {
      assertTrue(seen.add(each.fingerprint()), "example " + seen.size());
    }
    DataLoader whole = loaderOf("abc", 1, "de");
    assertNotEquals(whole.fingerprint(), whole.maxLength(2).fingerprint());
    assertEquals(loaderOf("ab", 1, "de").fingerprint(), whole.maxLength(2).fingerprint());
  }

  @Test
  void aShuffleHasEveryExampleOnceAndAnotherOrderEachEpoch() {
    DataLoader shuffled = loader.shuffled(123);
    for (int epoch = 0; epoch < 4; epoch++) {
      int[] drawn = examples(shuffled, epoch);
      assertArrayEquals(drawn, examples(loader.shuffled(123), epoch));
      Arrays.sort(drawn);
      assertArrayEquals(new int[] {0, 1, 2, 3, 4}, drawn);
    }
    long orders =
        IntStream.range(0, 20)
            .mapToObj(e -> Arrays.toString(examples(shuffled, e)))
            .distinct()
            .count();
    assertTrue(orders > 10, orders + " different orders in 20 epochs");
    assertFalse(Arrays.equals(examples(shuffled, 0), examples(loader.shuffled(124), 0)));
  }

  @Test
  void anEpochCanBeIteratedAgain() {
    Iterable<Batch> epoch = loader.shuffled(1).epoch(0);
    assertArrayEquals(epoch.iterator().next().examples(), epoch.iterator().next().examples());
  }

  @Test
  void theLastSmallBatchIsDroppedOnRequest() {
    assertEquals(2, loader.droppingLast().batchesPerEpoch());
    assertEquals(2, batches(loader.droppingLast(), 0).size());
    assertThrows(
        IllegalArgumentException.class, () -> new DataLoader(DATA, tokenizer, 6).droppingLast());
  }

  @Test
  void longTextsKeepTheirFirstTokens() {
    DataLoader cut = loader.maxLength(3);
    assertEquals(2, cut.truncatedExamples());
    assertEquals(3, cut.longestSequence());
    assertEquals(5, loader.longestSequence());
    assertArrayEquals(new int[] {'a', 'b', 'a', 'b', 'c'}, batches(cut, 0).get(0).tokenIds());
    assertEquals(0, loader.truncatedExamples());
  }

  @Test
  void paddingAppendsOrdinaryTokensAndCutsWhatIsLonger() {
    DataLoader padded = loader.padding(Padding.to(3, 99));
    Batch first = batches(padded, 0).get(0);
    assertArrayEquals(new int[] {'a', 'b', 99, 'a', 'b', 'c'}, first.tokenIds());
    assertArrayEquals(new int[] {0, 3, 6}, first.offsets());
    assertEquals(5, first.realTokens());
    assertEquals(2, padded.truncatedExamples());
    assertArrayEquals(new int[] {7, 99, 99}, Padding.to(3, 99).apply(new int[] {7}));
    assertArrayEquals(new int[] {7, 8, 9}, Padding.to(3, 99).apply(new int[] {7, 8, 9, 10}));
    assertArrayEquals(new int[] {7}, Padding.none().apply(new int[] {7}));
  }

  @Test
  void settingsThatMakeNoSenseAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new DataLoader(DATA, tokenizer, 0));
    assertThrows(IllegalArgumentException.class, () -> loader.maxLength(0));
    assertThrows(IllegalArgumentException.class, () -> loader.epoch(-1));
    assertThrows(IllegalArgumentException.class, () -> Padding.to(0, 1));
    assertThrows(
        IllegalArgumentException.class, () -> loader.maxLength(3).padding(Padding.to(4, 1)));
    TextDataset empty = new TextDataset("e", List.of(new Example("", 0)), List.of("x"));
    assertThrows(IllegalArgumentException.class, () -> new DataLoader(empty, tokenizer, 1));
  }

  @Test
  void noExamplesAreNoBatches() {
    TextDataset none = new TextDataset("none", List.of(), List.of("ham", "spam"));
    DataLoader empty = new DataLoader(none, tokenizer, 8).droppingLast();
    assertEquals(0, empty.batchesPerEpoch());
    assertTrue(batches(empty, 0).isEmpty());
    assertEquals(0, empty.longestSequence());
  }

  private static List<Batch> batches(BatchSource source, int epoch) {
    List<Batch> batches = new ArrayList<>();
    source.epoch(epoch).forEach(batches::add);
    return batches;
  }

  private static int[] examples(BatchSource source, int epoch) {
    return batches(source, epoch).stream()
        .flatMapToInt(batch -> IntStream.of(batch.examples()))
        .toArray();
  }
}

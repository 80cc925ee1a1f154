package io.github.lora4j.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.error.BadFileException;
import io.github.lora4j.text.TextCorpus.Documents;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextCorpusTest {

  private static final int END = 256;

  private final Tokenizer tokenizer =
      TokenizerTest.tokenizer(List.of(Tokenizer.END_OF_TEXT), List.of());

  TextCorpusTest() throws IOException {}

  @Test
  void aFileIsOneDocumentAsItStands() throws IOException {
    assertEquals("a\r\n\n b\n<|endoftext|>", decode(read("a\r\n\n b\n", Documents.ONE)));
    assertEquals("\n\na<|endoftext|>", decode(read("\n\na", Documents.ONE)));
  }

  @Test
  void blankLinesStandBetweenDocuments() throws IOException {
    TextCorpus corpus = read("\n\na\nb\r\n\r\n \t\nc\n\n\n", Documents.BLANK_LINES);
    assertEquals("a\nb<|endoftext|>c<|endoftext|>", decode(corpus));
    assertEquals(END, corpus.piece(0)[3]);
  }

  @Test
  void withoutAnEndOfTextTokenNothingStandsBetweenDocuments() throws IOException {
    Tokenizer bytes = TokenizerTest.tokenizer(List.of(), List.of());
    TextCorpus corpus =
        TextCorpus.read(Sources.stream("a\n\nb"), "t", bytes, Documents.BLANK_LINES, 8);
    assertArrayEquals(new int[] {'a', 'b'}, corpus.piece(0));
  }

  @Test
  void aLongDocumentHasTheIdsOfTheWhole() throws IOException {
    Tokenizer tiny = Sources.tinyTokenizer();
    Random random = new Random(3);
    String[] parts = {" ", "  ", "\n", "\r\n", "the", "don't", ".\"", "42", "\u00a0", "\u3000"};
    StringBuilder text = new StringBuilder();
    while (text.length() < 3 << 20) {
      text.append(parts[random.nextInt(parts.length)]);
    }
    int[] whole = tiny.encode(text.toString());
    TextCorpus corpus =
        TextCorpus.read(Sources.stream(text.toString()), "t", tiny, Documents.ONE, 1 << 23);
    assertArrayEquals(whole, Arrays.copyOf(corpus.piece(0), corpus.tokens() - 1));
  }

  @Test
  void piecesHaveOneLengthAndTheLastIsTheRest() {
    TextCorpus corpus = corpus(11, 4);
    assertEquals(3, corpus.size());
    assertArrayEquals(new int[] {4, 5, 6, 7}, corpus.piece(1));
    assertArrayEquals(new int[] {8, 9, 10}, corpus.piece(2));
    assertEquals(2, corpus(9, 4).size(), "a rest of one token has nothing to predict");
    assertThrows(IndexOutOfBoundsException.class, () -> corpus.piece(3));
    assertThrows(IllegalArgumentException.class, () -> corpus(9, 1));
  }

  @Test
  void aSplitIsThreeRangesOfPieces() {
    CorpusSplits splits = corpus(43, 4).split(0.8, 0.1);
    assertEquals(8, splits.train().size());
    assertEquals(1, splits.validation().size());
    assertEquals(2, splits.test().size());
    assertArrayEquals(new int[] {32, 33, 34, 35}, splits.validation().piece(0));
    assertArrayEquals(new int[] {40, 41, 42}, splits.test().piece(1));
    CorpusSplits all = corpus(43, 4).split(1, 0);
    assertEquals(11, all.train().size());
    assertEquals(0, all.test().size());
    assertThrows(IllegalArgumentException.class, () -> corpus(4, 4).split(0.5, 0.1));
  }

  @Test
  void corporaAreLaidEndToEnd() {
    CorpusSplits splits = corpus(10, 4).split(0.5, 0);
    TextCorpus joined = TextCorpus.join(List.of(splits.test(), splits.train()));
    assertArrayEquals(new int[] {4, 5, 6, 7}, joined.piece(0));
    assertArrayEquals(new int[] {8, 9, 0, 1}, joined.piece(1));
    assertThrows(IllegalArgumentException.class, () -> TextCorpus.join(List.of()));
    assertThrows(
        IllegalArgumentException.class, () -> TextCorpus.join(List.of(corpus(4, 2), corpus(4, 3))));
    assertNotEquals(joined.fingerprint(), corpus(10, 4).fingerprint());
  }

  @Test
  void aLoaderTeachesTheNextTokenOfEachPiece() {
    CorpusLoader loader = new CorpusLoader(corpus(11, 4), 2);
    List<Batch> batches = new ArrayList<>();
    loader.epoch(0).forEach(batches::add);
    assertEquals(2, batches.size());
    assertEquals(2, loader.batchesPerEpoch());
    Batch first = batches.get(0);
    int none = Batch.IGNORE_INDEX;
    assertArrayEquals(new int[] {0, 1, 2, 3, 4, 5, 6, 7}, first.tokenIds());
    assertArrayEquals(new int[] {1, 2, 3, none, 5, 6, 7, none}, first.targets());
    assertArrayEquals(new int[] {0, 4, 8}, first.offsets());
    Batch last = batches.get(1);
    assertArrayEquals(new int[] {2}, last.examples());
    assertEquals(1, last.number());
    assertEquals(1, loader.droppingLast().batchesPerEpoch());
  }

  @Test
  void aShuffledLoaderDrawsEveryPieceOnceAnEpoch() {
    CorpusLoader loader = new CorpusLoader(corpus(80, 4), 3).shuffled(5);
    int[] first = pieces(loader, 0);
    assertTrue(!Arrays.equals(first, pieces(loader, 1)));
    assertArrayEquals(first, pieces(loader, 0));
    Arrays.sort(first);
    assertArrayEquals(IntStream.range(0, 20).toArray(), first);
  }

  @Test
  void fingerprintOfALoaderIsThatOfThePiecesWhateverTheBatches() {
    int[] ids = IntStream.range(0, 22).toArray();
    String expected = new CorpusLoader(TextCorpus.of("t", ids, 5), 1).fingerprint();
    assertEquals(
        expected,
        new CorpusLoader(TextCorpus.of("u", ids, 5), 3).shuffled(4).droppingLast().fingerprint());
    assertNotEquals(expected, new CorpusLoader(TextCorpus.of("t", ids, 6), 1).fingerprint());
    ids[21]++;
    assertNotEquals(expected, new CorpusLoader(TextCorpus.of("t", ids, 5), 1).fingerprint());
  }

  @Test
  void badTextsAreRefused(@TempDir Path folder) throws IOException {
    assertCode("CS-01", "");
    assertCode("CS-09", "a\0b");
    assertCode("TK-19", "a".repeat(Tokenizer.MAX_TEXT_LENGTH + 1));
    Path latin1 = folder.resolve("latin1.txt");
    Files.write(latin1, new byte[] {'a', '\n', (byte) 0xE9, 'b'});
    BadFileException e =
        assertThrows(
            BadFileException.class, () -> TextCorpus.read(latin1, tokenizer, Documents.ONE, 8));
    assertEquals("CS-12", e.code());
    assertTrue(e.getMessage().contains("line 2, byte 2"), e.getMessage());
  }

  private void assertCode(String code, String text) {
    BadFileException e =
        assertThrows(BadFileException.class, () -> read(text, Documents.BLANK_LINES));
    assertEquals(code, e.code());
  }

  @Test
  @Tag("reference")
  void thePretrainingTextIsReadInOneGo() throws IOException {
    Path data = Sources.data();
    Tokenizer gpt2 = Tokenizer.load(data.resolve("tokenizer-gpt2"));
    try (InputStream in =
        new GZIPInputStream(Files.newInputStream(data.resolve("pretrain/self-dialogue.txt.gz")))) {
      TextCorpus corpus = TextCorpus.read(in, "dialogues", gpt2, Documents.BLANK_LINES, 128);
      long documents = 0;
      for (int i = 0; i < corpus.size(); i++) {
        documents += IntStream.of(corpus.piece(i)).filter(id -> id == 50_256).count();
      }
      assertEquals(24_164, documents);
      assertEquals(4.9e6, corpus.tokens(), 0.1e6);
    }
  }

  private TextCorpus read(String text, Documents documents) throws IOException {
    return TextCorpus.read(Sources.stream(text), "text", tokenizer, documents, 64);
  }

  private String decode(TextCorpus corpus) {
    assertEquals(1, corpus.size());
    return tokenizer.decode(corpus.piece(0));
  }

  private static TextCorpus corpus(int tokens, int pieceLength) {
    return TextCorpus.of("numbers", IntStream.range(0, tokens).toArray(), pieceLength);
  }

  private static int[] pieces(BatchSource source, int epoch) {
    List<Integer> pieces = new ArrayList<>();
    source.epoch(epoch).forEach(b -> IntStream.of(b.examples()).forEach(pieces::add));
    return pieces.stream().mapToInt(Integer::intValue).toArray();
  }
}

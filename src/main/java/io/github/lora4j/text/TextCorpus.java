package io.github.lora4j.text;

import io.github.lora4j.error.FormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Plain text as one row of token ids, cut into pieces of equal length: what a language model is
 * trained on. Immutable.
 *
 * <p>The last piece may be shorter; a rest of one token is no piece, because nothing follows it.
 */
public final class TextCorpus {

  /**
   * What counts as a document. Each one is followed by the end-of-text token, if the vocabulary has
   * it.
   */
  public enum Documents {
    /** All text of a file is one document, taken as it stands. */
    ONE,
    /** Blank lines stand between documents and belong to none. */
    BLANK_LINES
  }

  private final String name;
  private final int[] tokenIds;
  private final int from;
  private final int to;
  private final int pieceLength;

  private TextCorpus(String name, int[] tokenIds, int from, int to, int pieceLength) {
    if (pieceLength < 2) {
      throw new IllegalArgumentException(
          "corpus: expected pieces of at least 2 tokens, got " + pieceLength);
    }
    this.name = name;
    this.tokenIds = tokenIds;
    this.from = from;
    this.to = to;
    this.pieceLength = pieceLength;
  }

  /**
   * A corpus of token ids.
   *
   * @param name what to call it in messages
   * @param tokenIds the ids in order; not modified
   * @param pieceLength the length of a piece in tokens, at least 2
   * @return the corpus
   */
  public static TextCorpus of(String name, int[] tokenIds, int pieceLength) {
    return new TextCorpus(name, tokenIds.clone(), 0, tokenIds.length, pieceLength);
  }

  /**
   * Reads and encodes a text file.
   *
   * @param file a UTF-8 file
   * @param tokenizer turns its text into token ids
   * @param documents what counts as a document
   * @param pieceLength the length of a piece in tokens, at least 2
   * @return the corpus
   * @throws FormatException if the file is not UTF-8 text, or too short for a piece
   * @throws IOException if the file cannot be read, or is compressed
   */
  public static TextCorpus read(
      Path file, Tokenizer tokenizer, Documents documents, int pieceLength) throws IOException {
    return InputFiles.readUnchanged(
        file, in -> read(in, file.toString(), tokenizer, documents, pieceLength));
  }

  /**
   * Reads and encodes a stream, such as an embedded resource, and does not close it.
   *
   * @param in UTF-8 text
   * @param name what to call the source in messages
   * @param tokenizer turns its text into token ids
   * @param documents what counts as a document
   * @param pieceLength the length of a piece in tokens, at least 2
   * @return the corpus
   * @throws FormatException if the text is not UTF-8, or too short for a piece
   * @throws IOException if the stream cannot be read, or is compressed
   */
  public static TextCorpus read(
      InputStream in, String name, Tokenizer tokenizer, Documents documents, int pieceLength)
      throws IOException {
    int[] ids = CorpusBuilder.encode(in, name, tokenizer, documents);
    if (ids.length < 2) {
      throw new DatasetFormatException(
          "CS-01", name, "", "expected a text of at least 2 tokens, got " + ids.length);
    }
    return new TextCorpus(name, ids, 0, ids.length, pieceLength);
  }

  /**
   * Lays corpora end to end; pieces may span them.
   *
   * @param corpora at least one, all with pieces of the same length
   * @return one corpus
   * @throws IllegalArgumentException if there is none, or the lengths differ
   */
  public static TextCorpus join(List<TextCorpus> corpora) {
    if (corpora.stream().mapToInt(TextCorpus::pieceLength).distinct().count() != 1) {
      throw new IllegalArgumentException(
          "join: expected at least one corpus and pieces of one length, got "
              + corpora.stream().map(TextCorpus::pieceLength).toList());
    }
    int total = corpora.stream().mapToInt(TextCorpus::tokens).reduce(0, Math::addExact);
    int[] joined = new int[total];
    int end = 0;
    for (TextCorpus corpus : corpora) {
      System.arraycopy(corpus.tokenIds, corpus.from, joined, end, corpus.tokens());
      end += corpus.tokens();
    }
    String names = String.join(" + ", corpora.stream().map(TextCorpus::name).toList());
    return new TextCorpus(names, joined, 0, total, corpora.get(0).pieceLength);
  }

  /**
   * Three contiguous parts by their share of the pieces: first training, then validation, and what
   * is left for the test. The parts share the token ids.
   *
   * @param trainFraction of the pieces, in (0, 1]
   * @param validationFraction of the pieces, in [0, 1); both together at most 1
   * @return the parts; validation and test may be empty
   * @throws IllegalArgumentException if a fraction is out of range, or no piece is left to train on
   */
  public CorpusSplits split(double trainFraction, double validationFraction) {
    Fractions fractions = new Fractions(trainFraction, validationFraction);
    int train = fractions.train(size());
    int validation = fractions.validation(size());
    if (train == 0) {
      throw new IllegalArgumentException(
          "split: expected at least one piece to train on, got none of "
              + size()
              + " (choose shorter pieces or a larger fraction)");
    }
    return new CorpusSplits(
        part("train", 0, train),
        part("validation", train, train + validation),
        part("test", train + validation, size()));
  }

  private TextCorpus part(String part, int firstPiece, int endPiece) {
    int start = start(firstPiece);
    return new TextCorpus(
        name + " (" + part + ")", tokenIds, start, Math.max(start, start(endPiece)), pieceLength);
  }

  private int start(int piece) {
    return (int) Math.min(from + (long) piece * pieceLength, to);
  }

  /**
   * What to call the corpus in messages.
   *
   * @return the file it was read from, or the name it was given
   */
  public String name() {
    return name;
  }

  /**
   * The number of tokens.
   *
   * @return how many, a rest that is no piece included
   */
  public int tokens() {
    return to - from;
  }

  /**
   * The length of a piece.
   *
   * @return in tokens
   */
  public int pieceLength() {
    return pieceLength;
  }

  /**
   * The number of pieces.
   *
   * @return how many
   */
  public int size() {
    int rest = tokens() % pieceLength;
    return tokens() / pieceLength + (rest >= 2 ? 1 : 0);
  }

  /**
   * The token ids of one piece.
   *
   * @param index of the piece, in {@code [0, size())}
   * @return a copy, of {@link #pieceLength} ids or fewer in the last piece
   * @throws IndexOutOfBoundsException if there is no such piece
   */
  public int[] piece(int index) {
    if (index < 0 || index >= size()) {
      throw new IndexOutOfBoundsException(
          "piece: expected an index from 0 to " + (size() - 1) + ", got " + index);
    }
    return Arrays.copyOfRange(tokenIds, start(index), start(index + 1));
  }

  /**
   * Identifies the content: the token ids in order.
   *
   * @return a SHA-256 in 64 hexadecimal digits
   */
  public String fingerprint() {
    Fingerprint digest = new Fingerprint().add(tokens());
    for (int i = from; i < to; i++) {
      digest.add(tokenIds[i]);
    }
    return digest.hex();
  }

  @Override
  public String toString() {
    return name + ": " + tokens() + " tokens in " + size() + " pieces of " + pieceLength;
  }
}

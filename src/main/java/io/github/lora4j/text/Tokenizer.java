package io.github.lora4j.text;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingRegistry;
import com.knuddels.jtokkit.api.GptBytePairEncodingParams;
import com.knuddels.jtokkit.api.IntArrayList;
import io.github.lora4j.text.MergesFile.Merge;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * GPT-2's byte-level byte-pair encoding, for any vocabulary in its file format.
 *
 * <p>A text is split into words, numbers, runs of signs and runs of blanks by GPT-2's regular
 * expression; within each piece the bytes of its UTF-8 form are merged in the order of the merges.
 * Every text can be encoded, and every encoded text decodes to itself. All text is ordinary:
 * {@value #END_OF_TEXT} in it is encoded letter by letter, never as the token of that name (append
 * {@link #endOfText()} to say it).
 *
 * <p>What counts as a letter or a number is what this Java's Unicode version says; characters
 * younger than it are signs.
 *
 * <p>Instances are immutable and may be shared between threads. See Radford et al., "Language
 * Models are Unsupervised Multitask Learners" (2019), section 2.2.
 */
public final class Tokenizer {

  /** The name of the token that ends a document. */
  public static final String END_OF_TEXT = "<|endoftext|>";

  /** The longest text that {@link #encode} takes, in characters (UTF-16 units). */
  public static final int MAX_TEXT_LENGTH = 16 << 20;

  /** The longest text that {@link #decode} makes, in bytes of its UTF-8 form. */
  private static final int MAX_DECODED_BYTES = 1 << 28;

  private static final Pattern PIECES =
      Pattern.compile(
          "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
          Pattern.UNICODE_CHARACTER_CLASS);

  private final Encoding ranks;
  private final int[] idsOfRanks;
  private final byte[][] bytesOfIds;
  private final OptionalInt endOfText;
  private final String fingerprint;

  private Tokenizer(String[] tokens, String vocabularyName, List<Merge> merges, String mergesName)
      throws IOException {
    idsOfRanks = new MergeTable(tokens, vocabularyName, merges, mergesName).ids();
    bytesOfIds = new byte[tokens.length][];
    Map<byte[], Integer> ranksOfBytes = new HashMap<>();
    for (int rank = 0; rank < idsOfRanks.length; rank++) {
      int id = idsOfRanks[rank];
      bytesOfIds[id] = ByteSymbols.bytes(tokens[id]);
      ranksOfBytes.put(bytesOfIds[id], rank);
    }
    int end = -1;
    Fingerprint digest = new Fingerprint().add(tokens.length);
    for (int id = 0; id < tokens.length; id++) {
      digest.add(tokens[id]);
      if (bytesOfIds[id] == null) {
        // No merge leads here: a special token, its name is plain text.
        bytesOfIds[id] = tokens[id].getBytes(UTF_8);
      }
      if (tokens[id].equals(END_OF_TEXT)) {
        end = id;
      }
    }
    for (Merge merge : merges) {
      digest.add(merge.left()).add(merge.right());
    }
    endOfText = end < 0 ? OptionalInt.empty() : OptionalInt.of(end);
    fingerprint = digest.hex();
    ranks = encoding(ranksOfBytes);
  }

  private static Encoding encoding(Map<byte[], Integer> ranksOfBytes) {
    String name = "gpt2";
    EncodingRegistry registry = Encodings.newLazyEncodingRegistry();
    registry.registerGptBytePairEncoding(
        new GptBytePairEncodingParams(name, PIECES, ranksOfBytes, Map.of()));
    return registry.getEncoding(name).orElseThrow();
  }

  /**
   * Loads {@code vocab.json} and {@code merges.txt} from a folder.
   *
   * @param folder a model's folder
   * @return its tokenizer
   * @throws TokenizerFormatException if a file breaks the format, or both do not fit together
   * @throws IOException if a file is missing, cannot be read, is too large or has gaps in its ids
   */
  public static Tokenizer load(Path folder) throws IOException {
    Path vocabulary = folder.resolve("vocab.json");
    Path merges = folder.resolve("merges.txt");
    return load(
        InputFiles.readAll(vocabulary, VocabularyFile.MAX_BYTES, "TK-07"),
        vocabulary.toString(),
        InputFiles.readAll(merges, MergesFile.MAX_BYTES, "TK-12"),
        merges.toString());
  }

  /**
   * Loads a tokenizer from two streams, such as embedded resources; closes neither.
   *
   * @param vocabulary the bytes of {@code vocab.json}
   * @param merges the bytes of {@code merges.txt}
   * @param name what to call the source in messages
   * @return the tokenizer
   * @throws TokenizerFormatException if a stream breaks the format, or both do not fit together
   * @throws IOException if a stream cannot be read, is too large or has gaps in its ids
   */
  public static Tokenizer load(InputStream vocabulary, InputStream merges, String name)
      throws IOException {
    String vocabularyName = name + "/vocab.json";
    String mergesName = name + "/merges.txt";
    return load(
        InputFiles.readAll(vocabulary, vocabularyName, VocabularyFile.MAX_BYTES, "TK-07"),
        vocabularyName,
        InputFiles.readAll(merges, mergesName, MergesFile.MAX_BYTES, "TK-12"),
        mergesName);
  }

  private static Tokenizer load(
      byte[] vocabulary, String vocabularyName, byte[] merges, String mergesName)
      throws IOException {
    return new Tokenizer(
        VocabularyFile.read(vocabulary, vocabularyName),
        vocabularyName,
        MergesFile.read(merges, mergesName),
        mergesName);
  }

  /**
   * Encodes a text as ordinary text.
   *
   * @param text any text; an unpaired surrogate is encoded as U+FFFD
   * @return its token ids, empty for the empty text
   * @throws IllegalArgumentException if the text is longer than {@link #MAX_TEXT_LENGTH}
   */
  public int[] encode(String text) {
    if (text.length() > MAX_TEXT_LENGTH) {
      throw new IllegalArgumentException(
          "encode: expected a text of at most "
              + MAX_TEXT_LENGTH
              + " characters, got "
              + text.length()
              + " (split it at line ends) [TK-19]");
    }
    IntArrayList encoded = ranks.encodeOrdinary(Utf8.withoutLoneSurrogates(text));
    int[] ids = new int[encoded.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = idsOfRanks[encoded.get(i)];
    }
    return ids;
  }

  /**
   * Decodes token ids. Bytes that are not UTF-8, as a cut-off sequence may have at its ends, become
   * U+FFFD.
   *
   * @param tokenIds ids in {@code [0, vocabularySize())}; not modified
   * @return their text; special tokens stand in it by their names
   * @throws IllegalArgumentException if an id is out of range, or the text is over 256 MiB
   */
  public String decode(int[] tokenIds) {
    long length = 0;
    for (int i = 0; i < tokenIds.length; i++) {
      int id = tokenIds[i];
      if (id < 0 || id >= bytesOfIds.length) {
        throw new IllegalArgumentException(
            "decode: expected token ids from 0 to "
                + (bytesOfIds.length - 1)
                + " (vocabulary size "
                + bytesOfIds.length
                + "), got "
                + id
                + " at index "
                + i
                + " [TK-24]");
      }
      length += bytesOfIds[id].length;
    }
    if (length > MAX_DECODED_BYTES) {
      throw new IllegalArgumentException(
          "decode: expected a text of at most "
              + MAX_DECODED_BYTES
              + " bytes, got "
              + length
              + " [TK-24]");
    }
    byte[] bytes = new byte[(int) length];
    int end = 0;
    for (int id : tokenIds) {
      byte[] token = bytesOfIds[id];
      System.arraycopy(token, 0, bytes, end, token.length);
      end += token.length;
    }
    return Utf8.decodeAsPythonDoes(bytes);
  }

  /**
   * The number of tokens, special ones included.
   *
   * @return the size; ids are below it
   */
  public int vocabularySize() {
    return bytesOfIds.length;
  }

  /**
   * The id of the token {@value #END_OF_TEXT}.
   *
   * @return the id, empty if the vocabulary has no such token
   */
  public OptionalInt endOfText() {
    return endOfText;
  }

  /**
   * Identifies the vocabulary and its merges, whatever the spelling of their files.
   *
   * @return a SHA-256 in 64 hexadecimal digits over the tokens in the order of their ids and the
   *     merges
   */
  public String fingerprint() {
    return fingerprint;
  }
}

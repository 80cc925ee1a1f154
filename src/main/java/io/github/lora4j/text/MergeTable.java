package io.github.lora4j.text;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.UnsupportedFeatureException;
import io.github.lora4j.text.MergesFile.Merge;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A vocabulary and its merges, checked and brought into ranks: byte b has rank b, the token of
 * merge i has rank 256 + i. Ids are a table beside the ranks, so a file may number its tokens in
 * any order.
 *
 * <p>jtokkit merges the two neighbours whose <em>joined bytes</em> have the lowest rank; GPT-2
 * merges the <em>pair</em> that comes first in the file. Both do the same exactly when each token
 * falls apart in one way only, which is true of every trained vocabulary and is checked here for
 * each merge.
 */
final class MergeTable {

  private static final int BYTES = 256;

  private final String mergesName;
  private final Map<String, Integer> ranks = new HashMap<>();
  private final Map<Long, Integer> ranksOfPairs = new HashMap<>();
  private final int[] left;
  private final int[] right;
  private final int[] ids;

  /**
   * Checks that the merges fit the vocabulary.
   *
   * @param tokens the tokens, as symbols, in the order of their ids
   */
  MergeTable(String[] tokens, String vocabularyName, List<Merge> merges, String mergesName)
      throws IOException {
    this.mergesName = mergesName;
    Map<String, Integer> idsOfTokens = new HashMap<>();
    for (int id = 0; id < tokens.length; id++) {
      idsOfTokens.put(tokens[id], id);
    }
    left = new int[BYTES + merges.size()];
    right = new int[left.length];
    ids = new int[left.length];
    for (int b = 0; b < BYTES; b++) {
      String symbol = ByteSymbols.symbol(b);
      Integer id = idsOfTokens.get(symbol);
      if (id == null) {
        throw new TokenizerFormatException(
            "TK-06",
            vocabularyName,
            "",
            String.format(
                Locale.ROOT,
                "expected a token for every byte, got none for 0x%02X (%s)",
                b,
                symbol));
      }
      ids[b] = id;
      ranks.put(symbol, b);
    }
    for (int i = 0; i < merges.size(); i++) {
      add(BYTES + i, merges.get(i), idsOfTokens, merges);
    }
    for (int i = 0; i < merges.size(); i++) {
      checkFallsApartInOneWay(BYTES + i, merges.get(i));
    }
  }

  /** Number of ranks: 256 bytes and the merges. */
  int size() {
    return ids.length;
  }

  /** The token id of every rank. */
  int[] ids() {
    return ids;
  }

  private void add(int rank, Merge merge, Map<String, Integer> idsOfTokens, List<Merge> merges)
      throws IOException {
    String token = merge.left() + merge.right();
    Integer id = idsOfTokens.get(token);
    if (id == null) {
      throw fault("TK-09", merge, "expected its result in the vocabulary, got none for", token);
    }
    left[rank] = part(merge, merge.left());
    right[rank] = part(merge, merge.right());
    ids[rank] = id;
    Integer earlier = ranks.put(token, rank);
    if (earlier != null) {
      throw fault(
          "TK-10",
          merge,
          "expected one merge for each token, got a second one after that of line "
              + merges.get(earlier - BYTES).line()
              + " for",
          token);
    }
    ranksOfPairs.put(pair(left[rank], right[rank]), rank);
  }

  private int part(Merge merge, String part) throws IOException {
    Integer rank = ranks.get(part);
    if (rank == null) {
      throw fault(
          "TK-09", merge, "expected bytes or results of earlier merges as its parts, got", part);
    }
    return rank;
  }

  /**
   * Goes back in time along the seam of the two parts: were there an earlier merge across it, the
   * parts would never stand side by side. A token stands at the seam until the merge that swallows
   * it; among equal pairs the leftmost is merged first, hence the strict comparison on one side
   * only.
   */
  private void checkFallsApartInOneWay(int rank, Merge merge) throws IOException {
    int x = left[rank];
    int y = right[rank];
    int swallowsX = rank;
    int swallowsY = rank;
    while (true) {
      Integer across = ranksOfPairs.get(pair(x, y));
      if (across != null && across < swallowsX && across <= swallowsY) {
        throw new UnsupportedFeatureException(
            "TK-09",
            mergesName,
            "line " + merge.line(),
            "expected merges in the order of their training, got one whose parts an earlier merge"
                + " tears apart: \""
                + Excerpt.of(merge.left() + ' ' + merge.right())
                + '"');
      }
      if (x > y) {
        if (x < BYTES) {
          return;
        }
        swallowsX = x;
        x = right[x];
      } else {
        if (y < BYTES) {
          return;
        }
        swallowsY = y;
        y = left[y];
      }
    }
  }

  private static long pair(int left, int right) {
    return (long) left << 32 | right;
  }

  private TokenizerFormatException fault(String code, Merge merge, String problem, String token) {
    return new TokenizerFormatException(
        code, mergesName, "line " + merge.line(), problem + " \"" + Excerpt.of(token) + '"');
  }
}

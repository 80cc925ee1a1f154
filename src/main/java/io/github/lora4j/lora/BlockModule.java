package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import java.util.Comparator;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A linear module of a transformer block, by the names that GPT-2's published files and foreign
 * formats give it. The formats for other programs must know these names, no other class here does.
 *
 * @param block the number of the block, from 0
 * @param role which of the block's modules
 */
record BlockModule(int block, Role role) implements Comparable<BlockModule> {

  private static final Comparator<BlockModule> ORDER =
      Comparator.comparingInt(BlockModule::block).thenComparing(BlockModule::role);

  private static final Pattern PUBLISHED = Pattern.compile("h\\.(0|[1-9][0-9]{0,4})\\.(.+)");

  /** A module's place in its block. */
  enum Role {
    QUERY_KEY_VALUE("attn.c_attn", "attn_qkv"),
    ATTENTION_OUTPUT("attn.c_proj", "attn_output"),
    FEED_FORWARD_UP("mlp.c_fc", "ffn_up"),
    FEED_FORWARD_DOWN("mlp.c_proj", "ffn_down");

    private static final Map<String, Role> BY_PATH =
        Stream.of(values()).collect(Collectors.toUnmodifiableMap(Role::path, role -> role));

    private final String path;
    private final String ggufName;

    Role(String path, String ggufName) {
      this.path = path;
      this.ggufName = ggufName;
    }

    /** The path in the block, such as {@code attn.c_attn}. */
    String path() {
      return path;
    }
  }

  /** The module of a published name such as {@code h.0.attn.c_attn}, or null if it has none. */
  static @Nullable BlockModule ofPublished(String name) {
    Matcher matcher = PUBLISHED.matcher(name);
    Role role = matcher.matches() ? Role.BY_PATH.get(matcher.group(2)) : null;
    return role == null ? null : new BlockModule(Integer.parseInt(matcher.group(1)), role);
  }

  /**
   * As {@link #ofPublished}, for a name that must have a module.
   *
   * @throws IllegalArgumentException if it has none
   */
  static BlockModule requirePublished(String operation, String name) {
    BlockModule module = ofPublished(name);
    if (module == null) {
      throw new IllegalArgumentException(
          "%s: a module such as h.0.attn.c_attn, attn.c_proj, mlp.c_fc or mlp.c_proj expected,"
                  .formatted(operation)
              + " got %s (the format has no place for another; leave it out or save as PEFT does)"
                  .formatted(Excerpt.of(name)));
    }
    return module;
  }

  /** The published name, such as {@code h.0.attn.c_attn}. */
  String publishedName() {
    return "h." + block + "." + role.path;
  }

  /** The name of the weight in GGUF files, such as {@code blk.0.attn_qkv.weight}. */
  String ggufWeight() {
    return "blk." + block + "." + role.ggufName + ".weight";
  }

  @Override
  public int compareTo(BlockModule other) {
    return ORDER.compare(this, other);
  }
}

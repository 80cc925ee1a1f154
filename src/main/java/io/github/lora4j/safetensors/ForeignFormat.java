package io.github.lora4j.safetensors;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Recognises files of other formats that are often mistaken for safetensors, to name them in
 * messages.
 */
final class ForeignFormat {

  /** As many first bytes as {@link #recognise} looks at. */
  static final int PREFIX = 16;

  private ForeignFormat() {}

  /**
   * Names the format of a file that is known not to be safetensors. (Short prefixes, such as a
   * pickle's, may also begin a valid file: ask only after validation has failed.)
   *
   * @param start the first bytes of the file, up to {@link #PREFIX}
   * @return what the file is and what to do, or null if it is not recognised
   */
  static @Nullable String recognise(byte[] start) {
    String text = new String(start, StandardCharsets.ISO_8859_1);
    if (text.startsWith("PK\3\4")) {
      return "this is a zip archive or a PyTorch checkpoint, which can run code when loaded;"
          + " use the model.safetensors of the same model";
    }
    if (text.length() >= 2
        && text.charAt(0) == 0x80
        && text.charAt(1) >= 2
        && text.charAt(1) <= 5) {
      return "this is a Python pickle, which can run code when loaded;"
          + " use the model.safetensors of the same model";
    }
    if (text.startsWith("version https://")) {
      return "this is a Git LFS pointer, not the file itself;"
          + " run 'git lfs pull' or download the file";
    }
    if (text.startsWith("<!") || text.startsWith("<html") || text.startsWith("<?xml")) {
      return "this is a web page, perhaps a log-in or an error page; download the file again";
    }
    if (text.startsWith("GGUF")) {
      return "this is a GGUF file; use the model.safetensors of the same model";
    }
    return null;
  }
}

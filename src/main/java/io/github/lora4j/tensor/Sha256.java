package io.github.lora4j.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Objects;

/**
 * SHA-256 over bytes, and over float32 and 32-bit integer elements, each as its four bytes,
 * little-endian: what hashing the bytes of a safetensors file gives. How the elements are cut into
 * calls makes no difference. For one thread at a time.
 */
public final class Sha256 {

  /** Small enough to stay in the first-level cache between the copy and the digest. */
  private static final int BLOCK = 1 << 12;

  private final MessageDigest digest;
  private final byte[] bytes = new byte[BLOCK * Float.BYTES];
  private final ByteBuffer block = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);

  /** A digest of nothing yet. */
  public Sha256() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  /**
   * Takes further bytes.
   *
   * @param values holds them
   * @param offset the index of the first
   * @param count how many
   * @return this
   * @throws IndexOutOfBoundsException if the array does not have them
   */
  public Sha256 add(byte[] values, int offset, int count) {
    Objects.checkFromIndexSize(offset, count, values.length);
    digest.update(values, offset, count);
    return this;
  }

  /**
   * Takes further elements.
   *
   * @param values holds them
   * @param offset the index of the first
   * @param count how many
   * @return this
   * @throws IndexOutOfBoundsException if the array does not have them
   */
  public Sha256 add(float[] values, int offset, int count) {
    for (int done = 0; done < count; done += BLOCK) {
      int length = Math.min(BLOCK, count - done);
      block.asFloatBuffer().put(values, offset + done, length);
      digest.update(bytes, 0, length * Float.BYTES);
    }
    return this;
  }

  /**
   * Takes further elements.
   *
   * @param values all of them are taken
   * @return this
   */
  public Sha256 add(int... values) {
    for (int done = 0; done < values.length; done += BLOCK) {
      int length = Math.min(BLOCK, values.length - done);
      block.asIntBuffer().put(values, done, length);
      digest.update(bytes, 0, length * Integer.BYTES);
    }
    return this;
  }

  /**
   * The digest of all that was taken; begins anew afterwards.
   *
   * @return 64 hexadecimal digits, lower case
   */
  public String hex() {
    return HexFormat.of().formatHex(digest.digest());
  }
}

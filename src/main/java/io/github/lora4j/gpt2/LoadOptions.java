package io.github.lora4j.gpt2;

/**
 * How {@link Gpt2#load(java.nio.file.Path, LoadOptions)} reads a folder.
 *
 * @param layout how attention holds its projections
 * @param strict whether tensors that GPT-2 does not have are an error; else they are ignored with a
 *     warning
 * @param acceptNonFinite whether weights may hold NaN or infinite numbers; else they are an error
 */
public record LoadOptions(QkvLayout layout, boolean strict, boolean acceptNonFinite) {

  /** The published layout, unknown tensors ignored, non-finite weights refused. */
  public static final LoadOptions DEFAULT = new LoadOptions(QkvLayout.FUSED, false, false);

  /**
   * These options with another layout.
   *
   * @param layout how attention holds its projections
   * @return the options
   */
  public LoadOptions withLayout(QkvLayout layout) {
    return new LoadOptions(layout, strict, acceptNonFinite);
  }

  /**
   * These options with unknown tensors refused or ignored.
   *
   * @param strict whether tensors that GPT-2 does not have are an error
   * @return the options
   */
  public LoadOptions withStrict(boolean strict) {
    return new LoadOptions(layout, strict, acceptNonFinite);
  }

  /**
   * These options with non-finite weights accepted or refused.
   *
   * @param acceptNonFinite whether weights may hold NaN or infinite numbers
   * @return the options
   */
  public LoadOptions withAcceptNonFinite(boolean acceptNonFinite) {
    return new LoadOptions(layout, strict, acceptNonFinite);
  }
}

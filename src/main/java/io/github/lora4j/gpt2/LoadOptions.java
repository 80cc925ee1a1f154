package io.github.lora4j.gpt2;

import io.github.lora4j.kernel.WeightFormat;

/**
 * How {@link Gpt2#load(java.nio.file.Path, LoadOptions)} reads a folder.
 *
 * @param layout how attention holds its projections
 * @param strict whether tensors that GPT-2 does not have are an error; else they are ignored with a
 *     warning
 * @param acceptNonFinite whether weights may hold NaN or infinite numbers; else they are an error
 * @param format the numbers in which the weights of the Linear and the token embeddings are held,
 *     whatever the file holds; all else is float32
 */
public record LoadOptions(
    QkvLayout layout, boolean strict, boolean acceptNonFinite, WeightFormat format) {

  /**
   * The published layout, unknown tensors ignored, non-finite weights refused, everything in
   * float32.
   */
  public static final LoadOptions DEFAULT =
      new LoadOptions(QkvLayout.FUSED, false, false, WeightFormat.FLOAT32);

  /**
   * These options with another layout.
   *
   * @param layout how attention holds its projections
   * @return the options
   */
  public LoadOptions withLayout(QkvLayout layout) {
    return new LoadOptions(layout, strict, acceptNonFinite, format);
  }

  /**
   * These options with unknown tensors refused or ignored.
   *
   * @param strict whether tensors that GPT-2 does not have are an error
   * @return the options
   */
  public LoadOptions withStrict(boolean strict) {
    return new LoadOptions(layout, strict, acceptNonFinite, format);
  }

  /**
   * These options with non-finite weights accepted or refused.
   *
   * @param acceptNonFinite whether weights may hold NaN or infinite numbers
   * @return the options
   */
  public LoadOptions withAcceptNonFinite(boolean acceptNonFinite) {
    return new LoadOptions(layout, strict, acceptNonFinite, format);
  }

  /**
   * These options with weights held in another format. {@link WeightFormat#BFLOAT16} halves their
   * memory in the vector kernels; each is rounded to 8 bits of precision, so results differ a
   * little from float32. Who trains them afterwards, see {@link
   * io.github.lora4j.nn.Module#unfreeze}, starts from the rounded values.
   *
   * @param format the numbers in which they are held
   * @return the options
   */
  public LoadOptions withFormat(WeightFormat format) {
    return new LoadOptions(layout, strict, acceptNonFinite, format);
  }
}

package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A tensor of the published files: its name and its shape there. Linear weights stand there as {@code (in, out)}, the
 * orientation of the published code's Conv1D, and here as {@code (out, in)}.
 *
 * @param name the name without prefix
 * @param rows the first dimension in the file
 * @param columns the second dimension in the file, 0 for a vector
 * @param isConv1d whether it is the weight of a Linear, to be turned
 */
record PublishedTensor(String name, int rows, int columns, boolean isConv1d) {

  private static final int TILE = 32;

  /** All tensors of a model, in the order of its forward pass. */
  static List<PublishedTensor> of(Gpt2Config config) {
    int channels = config.nEmbd();
    List<PublishedTensor> all = new ArrayList<>();
    all.add(new PublishedTensor("wte.weight", config.vocabSize(), channels, false));
    all.add(new PublishedTensor("wpe.weight", config.contextLength(), channels, false));
    for (int layer = 0; layer < config.nLayer(); layer++) {
      String block = "h." + layer + ".";
      addNorm(all, block + "ln_1", channels);
      addLinear(all, block + "attn.c_attn", channels, 3 * channels);
      addLinear(all, block + "attn.c_proj", channels, channels);
      addNorm(all, block + "ln_2", channels);
      addLinear(all, block + "mlp.c_fc", channels, config.nInner());
      addLinear(all, block + "mlp.c_proj", config.nInner(), channels);
    }
    addNorm(all, "ln_f", channels);
    return all;
  }

  private static void addNorm(List<PublishedTensor> all, String name, int channels) {
    all.add(new PublishedTensor(name + ".weight", channels, 0, false));
    all.add(new PublishedTensor(name + ".bias", channels, 0, false));
  }

  private static void addLinear(List<PublishedTensor> all, String name, int in, int out) {
    all.add(new PublishedTensor(name + ".weight", in, out, true));
    all.add(new PublishedTensor(name + ".bias", out, 0, false));
  }

  int elements() {
    return columns == 0 ? rows : Math.multiplyExact(rows, columns);
  }

  List<Long> shape() {
    return columns == 0 ? List.of((long) rows) : List.of((long) rows, (long) columns);
  }

  long[] dims() {
    return columns == 0 ? new long[] {rows} : new long[] {rows, columns};
  }

  boolean isBias() {
    return name.endsWith(".bias");
  }

  boolean isNormWeight() {
    return name.endsWith(".weight") && columns == 0;
  }

  boolean isResidualProjection() {
    return name.endsWith(".c_proj.weight");
  }

  boolean isQueryKeyValue() {
    return name.contains(".attn.c_attn.");
  }

  /** The name of one third of c_attn's weight or bias. */
  String partName(int index) {
    int dot = name.lastIndexOf('.');
    int third = (isConv1d ? columns : rows) / 3;
    return part(name.substring(0, dot), index * third, third) + name.substring(dot);
  }

  static String part(String module, int firstRow, int rows) {
    return module + "[" + firstRow + ":" + (firstRow + rows) + "]";
  }

  /** The frozen parameters that hold these values, which are in memory's orientation: {@code (out, in)}. */
  Map<String, Parameter> asParameters(float[] values, QkvLayout layout) {
    Map<String, Parameter> parameters = new LinkedHashMap<>();
    if (layout == QkvLayout.SPLIT && isQueryKeyValue()) {
      int third = values.length / 3;
      for (int i = 0; i < 3; i++) {
        parameters.put(
            partName(i), parameter(Arrays.copyOfRange(values, i * third, (i + 1) * third), 3));
      }
    } else {
      parameters.put(name, parameter(values, 1));
    }
    return parameters;
  }

  private Parameter parameter(float[] values, int parts) {
    if (columns == 0) {
      return Parameter.frozen(Tensor.of(values, rows / parts));
    }
    return Parameter.frozen(
        isConv1d ? Tensor.of(values, columns / parts, rows) : Tensor.of(values, rows, columns));
  }

  /** Values of the file in memory's orientation. */
  float[] fromFile(float[] values) {
    return isConv1d ? transpose(values, rows, columns) : values;
  }

  /** Values of memory in the file's orientation. */
  float[] toFile(float[] values) {
    return isConv1d ? transpose(values, columns, rows) : values;
  }

  /** Turns a row-major {@code (rows, columns)}, tile by tile so that both sides stay in the cache. */
  private static float[] transpose(float[] values, int rows, int columns) {
    float[] turned = new float[values.length];
    for (int i0 = 0; i0 < rows; i0 += TILE) {
      int i1 = Math.min(rows, i0 + TILE);
      for (int j0 = 0; j0 < columns; j0 += TILE) {
        int j1 = Math.min(columns, j0 + TILE);
        for (int j = j0; j < j1; j++) {
          for (int i = i0; i < i1; i++) {
            turned[j * rows + i] = values[i * columns + j];
          }
        }
      }
    }
    return turned;
  }
}

package io.github.lora4j.gpt2;

import io.github.lora4j.kernel.Parallel;
import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.Tensor;
import java.util.Arrays;

/** The initial values of GPT-2 (Radford et al. 2019, section 2.3; deviations as in its code). */
final class Gpt2Initializer {

  private static final double DEVIATION = 0.02;
  private static final int CHUNK = 1 << 14;

  private Gpt2Initializer() {}

  static Gpt2Weights weights(Gpt2Config config, QkvLayout layout, long seed) {
    Gpt2Weights weights = new Gpt2Weights(layout);
    double residualDeviation = DEVIATION / Math.sqrt(2.0 * config.nLayer());
    for (PublishedTensor tensor : PublishedTensor.of(config)) {
      float[] values = new float[tensor.shape().numel()];
      if (tensor.shape().rank() == 2) {
        boolean residual = tensor.module().endsWith(".c_proj");
        long key = CounterRandom.key(seed, CounterRandom.place(tensor.path()));
        fillGaussian(key, residual ? residualDeviation : DEVIATION, values);
      } else if (tensor.name().equals("weight")) {
        Arrays.fill(values, 1);
      }
      for (PublishedTensor.Part part : tensor.parts(layout)) {
        int[] shape = tensor.shape(part).toArray();
        weights.add(part, Tensor.of(rows(tensor, part, values), shape), true);
      }
    }
    return weights;
  }

  private static float[] rows(PublishedTensor tensor, PublishedTensor.Part part, float[] values) {
    int columns = values.length / tensor.shape().dim(0);
    int from = part.origin().firstRow() * columns;
    int length = part.origin().rows() * columns;
    return length == values.length ? values : Arrays.copyOfRange(values, from, from + length);
  }

  private static void fillGaussian(long key, double deviation, float[] values) {
    Parallel.forEach(
        (values.length + CHUNK - 1) / CHUNK,
        chunk -> {
          int end = Math.min(values.length, (chunk + 1) * CHUNK);
          for (int i = chunk * CHUNK; i < end; i++) {
            values[i] = (float) (deviation * CounterRandom.gaussian(key, i));
          }
        });
  }
}

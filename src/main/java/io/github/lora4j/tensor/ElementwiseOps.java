package io.github.lora4j.tensor;

import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Elementwise;
import io.github.lora4j.kernel.Kernels;

/** Operations that treat each element by itself. */
final class ElementwiseOps {

  private ElementwiseOps() {}

  static Tensor add(Tensor x, Tensor other) {
    Operands.check(
        x.shape().equals(other.shape()), "add", "equal shapes", x.shape(), other.shape());
    Tape tape = Operands.tape("add", x, other);
    Tape recorder = Operands.recorder(tape, x, other);
    int count = x.shape().numel();
    float[] sum = Tape.array(tape, count);
    Elementwise.add(x.data(), other.data(), sum, count);
    Tensor y = Tensor.outcome(x.shape(), sum, tape, recorder != null);
    if (recorder != null) {
      Gradient dX = x.gradient();
      Gradient dOther = other.gradient();
      recorder.recordPassing(
          y,
          dOut -> {
            if (dX != null && dOther != null) {
              dX.add(dOut);
              dOther.addOwned(dOut);
            } else if (dX != null) {
              dX.addOwned(dOut);
            } else if (dOther != null) {
              dOther.addOwned(dOut);
            }
          });
    }
    return y;
  }

  static Tensor multiply(Tensor x, Tensor other) {
    Operands.check(
        x.shape().equals(other.shape()), "multiply", "equal shapes", x.shape(), other.shape());
    Tape tape = Operands.tape("multiply", x, other);
    Tape recorder = Operands.recorder(tape, x, other);
    int count = x.shape().numel();
    float[] product = Tape.zeros(tape, count);
    Elementwise.addProduct(x.data(), other.data(), product, count);
    Tensor y = Tensor.outcome(x.shape(), product, tape, recorder != null);
    if (recorder != null) {
      Gradient dX = x.gradient();
      Gradient dOther = other.gradient();
      Elements factorOfX = dX == null ? null : other.elements();
      Elements factorOfOther = dOther == null ? null : x.elements();
      recorder.record(
          y,
          dOut -> {
            if (dX != null && factorOfX != null) {
              Elementwise.addProduct(dOut, factorOfX.get(), dX.zerosOrPresent(), count);
            }
            if (dOther != null && factorOfOther != null) {
              Elementwise.addProduct(dOut, factorOfOther.get(), dOther.zerosOrPresent(), count);
            }
          });
    }
    return y;
  }

  static Tensor scale(Tensor x, float factor) {
    Tape recorder = Operands.recorder(x.tape(), x);
    int count = x.shape().numel();
    float[] scaled = Tape.zeros(x.tape(), count);
    Elementwise.addScaled(factor, x.data(), scaled, count);
    Tensor y = Tensor.outcome(x.shape(), scaled, x.tape(), recorder != null);
    if (recorder != null) {
      Gradient dX = x.neededGradient();
      recorder.record(y, dOut -> Elementwise.addScaled(factor, dOut, dX.zerosOrPresent(), count));
    }
    return y;
  }

  static Tensor gelu(Tensor x) {
    Kernels kernels = ActiveKernels.get();
    Tape recorder = Operands.recorder(x.tape(), x);
    int count = x.shape().numel();
    float[] activated = Tape.array(x.tape(), count);
    kernels.gelu(x.data(), activated, count);
    if (recorder == null) {
      return Tensor.outcome(x.shape(), activated, x.tape(), false);
    }
    Elements input = x.elements();
    Tensor y =
        Tensor.outcome(
            x.shape(), activated, recorder, again -> kernels.gelu(input.get(), again, count));
    Gradient dX = x.neededGradient();
    recorder.record(
        y,
        dOut ->
            dX.write(
                (target, accumulate) ->
                    kernels.geluBackward(input.get(), dOut, target, count, accumulate)));
    return y;
  }

  static Tensor dropout(Tensor x, float probability, long place) {
    if (!(probability >= 0 && probability < 1)) {
      throw new IllegalArgumentException(
          "dropout: a probability in [0, 1) expected, got " + probability);
    }
    Tape tape = x.tape();
    if (tape == null || probability == 0) {
      return x;
    }
    Tape recorder = Operands.recorder(tape, x);
    long key = tape.randomKey(place);
    int count = x.shape().numel();
    float[] kept = Tape.zeros(tape, count);
    addKept(x.data(), count, probability, key, kept);
    Tensor y = Tensor.outcome(x.shape(), kept, tape, recorder != null);
    if (recorder != null) {
      Gradient dX = x.neededGradient();
      recorder.record(y, dOut -> addKept(dOut, count, probability, key, dX.zerosOrPresent()));
    }
    return y;
  }

  /** {@code y += mask * x / (1 - probability)}; the mask is drawn again rather than stored. */
  private static void addKept(float[] x, int count, float probability, long key, float[] y) {
    float factor = 1 / (1 - probability);
    Elementwise.chunks(
        count,
        (from, to) -> {
          for (int i = from; i < to; i++) {
            if (CounterRandom.uniform(key, i) >= probability) {
              y[i] += factor * x[i];
            }
          }
        });
  }
}

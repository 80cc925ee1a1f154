package io.github.lora4j.tensor;

import org.jspecify.annotations.Nullable;

/** What an operation needs to know of its operands before it computes. */
final class Operands {

  private Operands() {}

  /** The tape the operands are on; all that have one must have the same. */
  static @Nullable Tape tape(String operation, @Nullable Tensor... operands) {
    Tape tape = null;
    for (Tensor operand : operands) {
      if (operand != null && operand.tape() != null) {
        if (tape != null && tape != operand.tape()) {
          throw new IllegalArgumentException(
              operation + ": operands on one tape expected, got two tapes");
        }
        tape = operand.tape();
      }
    }
    return tape;
  }

  /** The tape to record on: none, unless one of the operands requires a gradient. */
  static @Nullable Tape recorder(@Nullable Tape tape, @Nullable Tensor... operands) {
    for (Tensor operand : operands) {
      if (operand != null && operand.requiresGrad()) {
        return tape;
      }
    }
    return null;
  }

  static void check(boolean fits, String operation, String expected, Object... got) {
    if (!fits) {
      StringBuilder message = new StringBuilder(operation);
      message.append(": ").append(expected).append(" expected, got ");
      for (int i = 0; i < got.length; i++) {
        message.append(i == 0 ? "" : " and ").append(got[i]);
      }
      throw new ShapeMismatchException(message.toString());
    }
  }
}

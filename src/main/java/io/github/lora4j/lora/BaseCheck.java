package io.github.lora4j.lora;

import io.github.lora4j.error.MismatchException;
import io.github.lora4j.nn.Layer;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.nn.Slot;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether an adapter stands on the base that it was trained on: the hashes of the base's tensors,
 * and the answer to the probe that was stored with it.
 *
 * <p>Another base is refused. Where only one of the two bases is in half precision and the answers
 * agree to {@value #AGREEMENT}, it is taken for a rounded copy, with a warning; and so are weights
 * that are held narrower than in the file.
 *
 * @param file the file at fault, for messages
 * @param trainedOn the base of the training
 * @param probe question and answer of then, or null
 */
record BaseCheck(String file, BaseIdentity trainedOn, @Nullable Probe probe) {

  private static final Logger logger = LoggerFactory.getLogger(BaseCheck.class);

  /** How far logits may be from those of then: what the rounding of weights to 16 bits does. */
  private static final float AGREEMENT = 1e-2f;

  /**
   * Puts an adapter into a model and checks the base; if it is another, takes the adapter out
   * again.
   */
  void putInto(Module model, Adapter.Content adapter) throws IOException {
    Map<Slot, Layer> before = new LinkedHashMap<>();
    Lora.slots(model.namedModules()).values().forEach(slot -> before.put(slot, slot.layer()));
    adapter.putInto(model);
    try {
      check(model);
    } catch (MismatchException | RuntimeException e) {
      before.forEach(Slot::set);
      throw e;
    }
  }

  private void check(Module model) throws MismatchException {
    Map<String, String> present = BaseIdentity.hashes(model);
    String different = trainedOn.firstDifference(present);
    float distance =
        probe != null && model instanceof SequenceModel answering
            ? probe.difference(answering)
            : Float.NaN;
    if (different != null) {
      boolean isRounding =
          distance <= AGREEMENT && trainedOn.isRounded() != BaseIdentity.isRounded(model);
      if (!isRounding) {
        throw new MismatchException(
            "AD-18",
            file,
            different,
            ("the base that the adapter was trained on expected, with SHA-256 %s of this tensor, got"
                    + " %s%s (load the adapter's own base)")
                .formatted(
                    trainedOn.tensors().get(different),
                    present.get(different),
                    distance > 0 ? "; logits of the probe are off by " + distance : ""));
      }
      logger.warn(
          "{}: the base is a copy of the adapter's own in another precision; logits of the probe are"
              + " off by {}",
          file,
          distance);
    } else if (distance > AGREEMENT && !trainedOn.isComparable(present)) {
      throw new MismatchException(
          "AD-18",
          file,
          "probe",
          ("a base with which logits are within %s of those stored expected, got one with %s (load"
                  + " the adapter's own base)")
              .formatted(AGREEMENT, distance));
    } else if (distance > AGREEMENT) {
      logger.warn(
          "{}: logits of the probe are off by {} on the same base (are its weights held in another"
              + " format?)",
          file,
          distance);
    }
  }
}

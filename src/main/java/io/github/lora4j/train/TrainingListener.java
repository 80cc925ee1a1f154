package io.github.lora4j.train;

/** Is told what happens during training, on the thread that trains. */
public interface TrainingListener {

  /**
   * A step was taken.
   *
   * @param report what it did
   */
  default void stepTaken(StepReport report) {}

  /**
   * The validation data was evaluated.
   *
   * @param report what was found
   */
  default void evaluated(EvaluationReport report) {}
}

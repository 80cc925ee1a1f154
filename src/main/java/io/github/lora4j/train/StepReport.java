package io.github.lora4j.train;

/**
 * What a training step did.
 *
 * @param step the step of the run, from 0
 * @param epoch the epoch, from 0
 * @param loss the loss of its batch before the step, nats per target
 * @param gradientNorm the global norm of the gradients before clipping
 * @param tokens the tokens of its batch, padding included
 * @param realTokens the tokens of its batch that are text
 * @param seconds how long it took
 */
public record StepReport(
    long step,
    int epoch,
    float loss,
    double gradientNorm,
    int tokens,
    int realTokens,
    double seconds) {}

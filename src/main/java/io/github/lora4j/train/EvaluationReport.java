package io.github.lora4j.train;

/**
 * What an evaluation during training found.
 *
 * @param step how many steps were taken before it
 * @param epoch the epoch, from 0
 * @param trainLoss the mean loss of the steps since the evaluation before
 * @param validation the metrics on the validation data
 */
public record EvaluationReport(long step, int epoch, double trainLoss, Metrics validation) {}

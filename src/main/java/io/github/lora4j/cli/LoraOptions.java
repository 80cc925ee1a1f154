package io.github.lora4j.cli;

import io.github.lora4j.FinetuningRun;
import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2Classifier;
import io.github.lora4j.gpt2.Gpt2LanguageModel;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.lora.Lora;
import io.github.lora4j.lora.LoraConfig;
import io.github.lora4j.lora.LoraInit;
import io.github.lora4j.lora.Targets;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options that say what of a model is trained, and through what branches. */
final class LoraOptions {

  @Option(
      names = "--qkv",
      paramLabel = "split|fused",
      description = "Query, key and value as three Linear (split) or one (fused).")
  private QkvLayout layout = QkvLayout.SPLIT;

  @Option(names = "--rank", paramLabel = "N", description = "The inner size of the branches.")
  private @Nullable Integer rank;

  @Option(names = "--alpha", paramLabel = "X", description = "Branches are scaled by alpha / rank.")
  private double alpha = 16;

  @Option(
      names = "--targets",
      paramLabel = "all|NAMES|REGEX",
      defaultValue = "all",
      converter = TargetsConverter.class,
      description =
          "Which Linear are adapted: all, names such as c_attn,c_proj, or a regular expression that"
              + " a whole path matches.")
  private Targets targets = Targets.all();

  @Mixin private final VariantOptions variant = new VariantOptions();

  @Option(
      names = "--head",
      paramLabel = "lora|full",
      description = "The classifier's head: under LoRA, or trained in full.")
  private ClassifierHead head = ClassifierHead.LORA;

  /**
   * The options with their defaults.
   *
   * @param rank the default of the rank; null for no branches
   */
  LoraOptions(@Nullable Integer rank) {
    this.rank = rank;
  }

  /** Checks the ranges. */
  void check() {
    if (rank != null) {
      Require.range("--rank", rank, 1, LoraConfig.MAX_RANK);
      variant.check();
    } else {
      variant.requireNone();
    }
    Require.positive("--alpha", alpha);
  }

  /** Checks the ranges, and that the branches can start in a way. */
  void check(LoraInit init) {
    check();
    variant.requireStart(init, rank());
  }

  QkvLayout layout() {
    return layout;
  }

  ClassifierHead head() {
    return head;
  }

  /** The rank of the branches; 0 for none. */
  int rank() {
    return rank == null ? 0 : rank;
  }

  /** The branches, where there are any. */
  LoraConfig branches() {
    return variant.of(LoraConfig.of(rank(), (float) alpha).withTargets(targets));
  }

  /** A new classifier with the branches in it. */
  Gpt2Classifier classifier(Gpt2 base, int classes) {
    Gpt2Classifier model = base.classifier(head, LoraConfig.DEFAULT_SEED, classes);
    model.freeze();
    if (rank != null) {
      FinetuningRun.adapt(model, branches(), head);
    }
    return model;
  }

  /** A new language model with the branches in it. */
  Gpt2LanguageModel languageModel(Gpt2 base) {
    Gpt2LanguageModel model = base.languageModel();
    model.freeze();
    if (rank != null) {
      Lora.apply(model, branches());
    }
    return model;
  }
}

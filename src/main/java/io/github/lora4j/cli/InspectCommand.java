package io.github.lora4j.cli;

import io.github.lora4j.FinetuningRun;
import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2Classifier;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.lora.Lora;
import io.github.lora4j.lora.LoraConfig;
import io.github.lora4j.lora.Targets;
import io.github.lora4j.nn.Module;
import java.io.IOException;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code lora4j inspect}: the module tree of a model and how many numbers of it train. */
@Command(
    name = "inspect",
    description = "Print the module tree of a model and count its parameters.",
    sortOptions = false)
final class InspectCommand implements Callable<Integer> {

  @Mixin private final ModelOption model = new ModelOption();

  @Option(
      names = "--qkv",
      description = "Query, key and value as one Linear (fused) or three (split, the default).")
  private QkvLayout qkv = QkvLayout.SPLIT;

  @Option(
      names = "--classes",
      paramLabel = "N",
      description = "A classifier with so many classes (default: the language model).")
  private @Nullable Integer classes;

  @Option(
      names = "--head",
      description = "The classifier's head: under LoRA, or trained in full (default: lora).")
  private ClassifierHead head = ClassifierHead.LORA;

  @Option(
      names = "--rank",
      paramLabel = "N",
      description = "Put in LoRA of this rank (default: the model without LoRA).")
  private @Nullable Integer rank;

  @Option(
      names = "--alpha",
      paramLabel = "X",
      description = "Branches are scaled by alpha / rank (default: 16).")
  private double alpha = 16;

  @Option(
      names = "--targets",
      defaultValue = "all",
      converter = TargetsConverter.class,
      description = TargetsConverter.DESCRIPTION + " (default: all).")
  private Targets targets = Targets.all();

  private final Output output;

  InspectCommand(Output output) {
    this.output = output;
  }

  @Override
  public Integer call() throws IOException {
    if (classes != null) {
      Require.range("--classes", classes, 2, 1 << 16);
    }
    if (rank != null) {
      Require.range("--rank", rank, 1, LoraConfig.MAX_RANK);
    }
    Require.positive("--alpha", alpha);
    Module tree = build(Gpt2.load(model.folder(), qkv));
    output.line("%s", tree);
    output.line("total parameters      %,15d", tree.parameterCount());
    output.line("trainable parameters  %,15d", tree.trainedParameterCount());
    return 0;
  }

  private Module build(Gpt2 base) {
    @Nullable LoraConfig lora =
        rank == null ? null : LoraConfig.of(rank, (float) alpha).withTargets(targets);
    if (classes == null) {
      Module tree = base.languageModel().freeze();
      if (lora != null) {
        Lora.apply(tree, lora);
      }
      return tree;
    }
    Gpt2Classifier tree = base.classifier(head, LoraConfig.DEFAULT_SEED, classes);
    if (lora != null) {
      tree.freeze();
      FinetuningRun.adapt(tree, lora, head);
    }
    return tree;
  }
}

package io.github.lora4j.cli;

import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterContents.Kind;
import io.github.lora4j.lora.AdapterExport;
import io.github.lora4j.lora.AdapterFacts;
import io.github.lora4j.lora.AdapterMetadata;
import io.github.lora4j.lora.TaskType;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The model that an adapter is for, of any kind, built from a base; first without the adapter, so
 * that what the base answers can be seen.
 *
 * @param model a language model or a classifier, frozen
 * @param metadata what was saved with the adapter
 * @param folder the folder of the adapter
 * @param adapter the adapter, or null for one of mlx-lm, which is read into the model
 */
record AdaptedModel(
    SequenceModel model, AdapterMetadata metadata, Path folder, @Nullable Adapter adapter) {

  /** Builds the model; the adapter is not in it yet. */
  static AdaptedModel prepare(ModelOption option, Path adapter) throws IOException {
    Path folder = option.folder();
    Adapter read = Kind.of(adapter) == Kind.MLX ? null : Adapter.read(adapter);
    AdapterMetadata metadata = read == null ? languageModel(folder) : read.metadata();
    AdapterFacts facts = new AdapterFacts(metadata, adapter);
    if (facts.namesTokenizer()) {
      facts.requireTokenizer(Tokenizer.load(folder).fingerprint(), folder);
    }
    Gpt2 base = option.load(facts.choice("qkv", QkvLayout.FUSED));
    SequenceModel model =
        metadata.task() == TaskType.SEQ_CLS
            ? base.classifier(facts.choice("head", ClassifierHead.FULL), 0, facts.labels())
            : base.languageModel();
    model.freeze();
    return new AdaptedModel(model, metadata, adapter, read);
  }

  /** Puts the adapter into the model. */
  void load() throws IOException {
    if (adapter == null) {
      AdapterExport.readMlx(model, folder);
    } else {
      adapter.putInto(model);
    }
  }

  /** The files of mlx-lm name neither task nor base. */
  private static AdapterMetadata languageModel(Path folder) {
    Path name = folder.toAbsolutePath().normalize().getFileName();
    return new AdapterMetadata(
        TaskType.CAUSAL_LM,
        name == null ? null : name.toString(),
        List.of(),
        Map.of("qkv", "fused"));
  }
}

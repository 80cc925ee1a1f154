package io.github.lora4j.cli;

import io.github.lora4j.FinetuneOptions;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2LanguageModel;
import io.github.lora4j.lora.AdapterFile;
import io.github.lora4j.lora.AdapterMetadata;
import io.github.lora4j.lora.Lora;
import io.github.lora4j.lora.LoraReport;
import io.github.lora4j.lora.TaskType;
import io.github.lora4j.text.CorpusLoader;
import io.github.lora4j.text.CorpusSplits;
import io.github.lora4j.text.TextCorpus;
import io.github.lora4j.text.Tokenizer;
import io.github.lora4j.train.AdamW;
import io.github.lora4j.train.Metrics;
import io.github.lora4j.train.MetricsFile;
import io.github.lora4j.train.ReceiptKeeper;
import io.github.lora4j.train.Trainer;
import io.github.lora4j.train.TrainingReceipt;
import io.github.lora4j.train.TrainingResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** {@code train --task lm}: finetunes a language model on plain text. */
final class LanguageModelTraining {

  private final Output output;
  private final DataOptions data;
  private final FinetuneOptions options;

  LanguageModelTraining(Output output, DataOptions data, FinetuneOptions options) {
    this.output = output;
    this.data = data;
    this.options = options;
  }

  TrainingReceipt run(Path modelFolder, Path folder) throws IOException {
    Tokenizer tokenizer = Tokenizer.load(modelFolder);
    Gpt2 base = Gpt2.load(modelFolder, options.loadOptions());
    int length = options.maxLength() == 0 ? base.config().contextLength() : options.maxLength();
    CorpusSplits corpus = data.readText(tokenizer, length);
    output.line("data      %s", corpus.train());
    Gpt2LanguageModel model = base.languageModel();
    model.freeze();
    LoraReport report = Lora.apply(model, options.lora());
    output.line("model     %s", report);
    output.line("base      frozen weights in %s", options.baseFormatName());

    CorpusLoader train = loader(corpus.train());
    CorpusLoader validation = loader(corpus.validation());
    CorpusLoader batches = train.shuffled(options.seed());
    Metrics before = Trainer.evaluate(model, loader(corpus.test()));
    Trainer trainer =
        new Trainer(
                model,
                new AdamW(model.trainedParameters(), options.learningRate(), options.weightDecay()))
            .seed(options.seed());
    long steps = (long) options.epochs() * batches.batchesPerEpoch();
    ReceiptKeeper keeper =
        new ReceiptKeeper(
            model, options.seed(), train.fingerprint(), Trainer.evaluate(model, validation));
    TrainingResult result;
    try (TrainingProgress progress = new TrainingProgress(output, steps, Long.MAX_VALUE)) {
      result = trainer.listener(progress).fit(batches, validation, options.epochs());
    }
    TrainingReceipt receipt = keeper.after(result, result.lastMetrics());
    MetricsFile file =
        new MetricsFile(
            report.trainedParameters(), report.totalParameters(), options.seed(), result);
    TrainingSummary.print(output, result, receipt);
    MetricsTable table = new MetricsTable(output, false);
    table.row("untrained, test", before, "");
    file.part("untrained", before);
    Map<String, Metrics> parts = new LinkedHashMap<>();
    parts.put("train", trainer.evaluate(train));
    parts.put("validation", receipt.after());
    parts.put("test", trainer.evaluate(loader(corpus.test())));
    parts.forEach(
        (part, metrics) -> {
          table.row(part, metrics, "");
          file.part(part, metrics);
        });
    AdapterFile.save(model, metadata(modelFolder, tokenizer).withFacts(receipt.facts()), folder);
    file.write(folder);
    return receipt;
  }

  private CorpusLoader loader(TextCorpus corpus) {
    return new CorpusLoader(corpus, options.batchSize());
  }

  private AdapterMetadata metadata(Path modelFolder, Tokenizer tokenizer) {
    return new AdapterMetadata(
        TaskType.CAUSAL_LM,
        modelFolder.toAbsolutePath().getFileName().toString(),
        List.of(),
        Map.of(
            "tokenizer", tokenizer.fingerprint(),
            "qkv", options.layout().name().toLowerCase(Locale.ROOT),
            "base_format", options.baseFormatName()));
  }
}

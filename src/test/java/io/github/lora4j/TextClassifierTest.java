package io.github.lora4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.error.MismatchException;
import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2LanguageModel;
import io.github.lora4j.gpt2.LoadOptions;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.kernel.WeightFormat;
import io.github.lora4j.lora.AdapterFile;
import io.github.lora4j.lora.AdapterMetadata;
import io.github.lora4j.lora.LoraConfig;
import io.github.lora4j.lora.Targets;
import io.github.lora4j.lora.TaskType;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.text.Example;
import io.github.lora4j.text.Splits;
import io.github.lora4j.text.TextDataset;
import io.github.lora4j.train.Metrics;
import io.github.lora4j.train.TrainingReceipt;
import io.github.lora4j.train.TrainingResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextClassifierTest {

  private static final Path MODEL = Fixtures.folder().resolve("gpt2-tiny");
  private static final List<String> LABELS = List.of("ham", "spam");

  private static Splits messages() {
    List<Example> examples = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      examples.add(new Example("see you at " + i + " then", 0));
      examples.add(new Example("WIN " + i + " prizes NOW!", 1));
    }
    return new TextDataset("messages", examples, LABELS).split(0.6, 0.2, 1);
  }

  private static FinetuneOptions options(QkvLayout layout, ClassifierHead head, int padding) {
    LoraConfig lora = LoraConfig.of(4, 4).withTargets(Targets.named("c_attn"));
    return new FinetuneOptions(
        lora, layout, WeightFormat.FLOAT32, head, padding, 0, 2, 8, 5e-3f, 0, 1);
  }

  @Test
  void finetunedClassifierTellsTheClassesApart() throws IOException {
    FinetuneOptions options =
        FinetuneOptions.DEFAULT.withLora(LoraConfig.of(4, 4)).withEpochs(4).withSeed(1);
    TextClassifier classifier = TextClassifier.finetune(MODEL, messages(), options);
    assertEquals(1.0, classifier.evaluate(messages().test()).accuracy());
    assertEquals("spam", classifier.classify("WIN 99 prizes NOW!").label());
  }

  @Test
  void loadedClassifierAnswersAsTheSavedOne(@TempDir Path folder) throws IOException {
    for (QkvLayout layout : QkvLayout.values()) {
      for (ClassifierHead head : ClassifierHead.values()) {
        for (int padding : new int[] {FinetuneOptions.NO_PADDING, FinetuneOptions.LONGEST, 32}) {
          FinetuneOptions options = options(layout, head, padding);
          TextClassifier saved = TextClassifier.finetune(MODEL, messages(), options);
          saved.save(folder);
          TextClassifier loaded = TextClassifier.load(MODEL, folder);
          assertEquals(saved.labels(), loaded.labels());
          for (Example example : messages().test().examples()) {
            assertEquals(
                saved.classify(example.text()),
                loaded.classify(example.text()),
                () -> options + ": " + example.text());
          }
        }
      }
    }
  }

  @Test
  void classifierOnABaseInBfloatsIsLoadedAsItWasSaved(@TempDir Path folder) throws IOException {
    FinetuneOptions options =
        FinetuneOptions.DEFAULT
            .withLora(LoraConfig.of(4, 4))
            .withEpochs(4)
            .withSeed(1)
            .withBaseFormat(WeightFormat.BFLOAT16);
    TextClassifier saved = TextClassifier.finetune(MODEL, messages(), options);
    assertEquals(1.0, saved.evaluate(messages().test()).accuracy());
    saved.save(folder);
    assertEquals("bfloat16", AdapterFile.metadata(folder).facts().get("base_format"));
    TextClassifier loaded = TextClassifier.load(MODEL, folder, WeightFormat.BFLOAT16);
    TextClassifier wide = TextClassifier.load(MODEL, folder);
    for (Example example : messages().test().examples()) {
      Classification expected = saved.classify(example.text());
      assertEquals(expected, loaded.classify(example.text()));
      assertEquals(expected.label(), wide.classify(example.text()).label());
    }
  }

  /** What was trained of a frozen base goes back into one that holds its weights packed. */
  @Test
  void trainedWeightsOfTheBaseAreRestored(@TempDir Path folder) throws IOException {
    Gpt2LanguageModel trained = Gpt2.load(MODEL).languageModel();
    trained.unfreeze();
    trained.namedParameters().values().forEach(parameter -> parameter.data()[0] += 1);
    AdapterFile.save(trained, AdapterMetadata.of(TaskType.CAUSAL_LM), folder);
    for (WeightFormat format : WeightFormat.values()) {
      Gpt2 base = Gpt2.load(MODEL, LoadOptions.DEFAULT.withFormat(format));
      Gpt2LanguageModel restored = base.languageModel();
      restored.forward(Sequences.of(new int[] {1, 2}), null);
      AdapterFile.load(restored, folder);
      trained
          .namedParameters()
          .forEach(
              (name, parameter) ->
                  assertArrayEquals(
                      parameter.data(),
                      restored.namedParameters().get(name).tensor().toArray(),
                      name));
      restored.freeze();
      assertArrayEquals(
          trained.forward(Sequences.of(new int[] {1, 2}), null).toArray(),
          restored.forward(Sequences.of(new int[] {1, 2}), null).toArray(),
          1e-4f);
    }
  }

  @Test
  void headIsTrainedWhateverTheTargets() throws IOException {
    FinetuningRun lora =
        FinetuningRun.prepare(MODEL, messages(), options(QkvLayout.FUSED, ClassifierHead.LORA, 0));
    assertTrue(lora.report().adapted().contains("score"));
    // c_attn 48 -> 144 in 3 layers and the head 48 -> 2, both at rank 4.
    assertEquals(3 * 4 * (48 + 144) + 4 * (48 + 2), lora.report().trainedParameters());
    FinetuningRun full =
        FinetuningRun.prepare(MODEL, messages(), options(QkvLayout.FUSED, ClassifierHead.FULL, 0));
    assertEquals(3 * 4 * (48 + 144) + 48 * 2, full.report().trainedParameters());
  }

  @Test
  void receiptOfTheTrainingIsKeptAndItsFactsAreSaved(@TempDir Path folder) throws IOException {
    FinetuneOptions options = options(QkvLayout.FUSED, ClassifierHead.FULL, 0);
    FinetuningRun run = FinetuningRun.prepare(MODEL, messages(), options);
    assertThrows(IllegalStateException.class, run::receipt);
    assertNull(run.classifier().receipt());
    Metrics before = run.evaluateValidation();
    TrainingResult result = run.train();
    TrainingReceipt receipt = run.receipt();
    assertTrue(receipt.holds(), receipt.complaints().toString());
    assertSame(receipt, run.classifier().receipt());
    assertEquals(result.steps(), receipt.steps());
    assertEquals(result.tokens(), receipt.tokens());
    assertEquals(before.loss(), receipt.before().loss());
    assertEquals(run.evaluateValidation().loss(), receipt.after().loss());
    // A and B of c_attn in 3 layers, and the head itself.
    assertEquals(3 * 2 + 1, receipt.trained().size());

    run.classifier().save(folder);
    Map<String, String> facts = AdapterFile.metadata(folder).facts();
    assertTrue(facts.entrySet().containsAll(receipt.facts().entrySet()), facts.toString());
    TextClassifier loaded = TextClassifier.load(MODEL, folder);
    assertNull(loaded.receipt());
    loaded.save(folder.resolve("again"));
    assertEquals(facts, AdapterFile.metadata(folder.resolve("again")).facts());
  }

  @Test
  void dataOfTheReceiptIsThatOfTheTrainingTextsAlone() throws IOException {
    FinetuneOptions options = options(QkvLayout.FUSED, ClassifierHead.LORA, 0).withEpochs(1);
    Splits all = messages();
    Splits other = Splits.of(all.train(), all.test(), all.validation());
    List<Example> examples = new ArrayList<>(all.train().examples());
    examples.set(5, new Example(examples.get(5).text(), 1 - examples.get(5).label()));
    Splits relabelled =
        Splits.of(new TextDataset("messages", examples, LABELS), all.validation(), all.test());
    List<String> hashes = new ArrayList<>();
    for (FinetuningRun run :
        List.of(
            FinetuningRun.prepare(MODEL, all, options),
            FinetuningRun.prepare(MODEL, other, options.withSeed(7)),
            FinetuningRun.prepare(MODEL, relabelled, options))) {
      run.train();
      hashes.add(run.receipt().dataHash());
    }
    assertEquals(hashes.get(0), hashes.get(1));
    assertNotEquals(hashes.get(0), hashes.get(2));
  }

  @Test
  void probabilitiesAddUpToOneAndTheLabelHasTheLargest() {
    Classification answer = Classification.of(List.of("a", "b", "c"), new float[] {1, 300, -4});
    assertEquals("b", answer.label());
    assertEquals(1, answer.probabilities().values().stream().mapToDouble(p -> p).sum(), 1e-12);
    assertEquals(answer.probabilities().get("b"), answer.probability());
    assertEquals(List.of("a", "b", "c"), List.copyOf(answer.probabilities().keySet()));
  }

  @Test
  void anotherTokenizerIsRefused(@TempDir Path folder) throws IOException {
    TextClassifier.finetune(MODEL, messages(), options(QkvLayout.FUSED, ClassifierHead.LORA, 0))
        .save(folder.resolve("adapter"));
    Path other = Files.createDirectory(folder.resolve("model"));
    for (String file : List.of("config.json", "model.safetensors", "vocab.json", "merges.txt")) {
      Files.copy(MODEL.resolve(file), other.resolve(file));
    }
    List<String> merges = new ArrayList<>(Files.readAllLines(other.resolve("merges.txt")));
    String last = merges.remove(merges.size() - 1);
    merges.add(merges.size() - 1, last);
    Files.write(other.resolve("merges.txt"), merges);
    assertThrows(
        MismatchException.class, () -> TextClassifier.load(other, folder.resolve("adapter")));
  }

  @Test
  void lengthBeyondTheModelIsRefused() {
    FinetuneOptions options = FinetuneOptions.DEFAULT.withPadding(65);
    assertThrows(
        IllegalArgumentException.class, () -> FinetuningRun.prepare(MODEL, messages(), options));
  }

  /** A copy of the two files that PEFT reads and writes, alone. */
  private static Path peftAlone(Path adapter, Path copy) throws IOException {
    Files.createDirectories(copy);
    for (String file : List.of("adapter_config.json", "adapter_model.safetensors")) {
      Files.copy(adapter.resolve(file), copy.resolve(file));
    }
    return copy;
  }

  @Test
  void adapterOfPeftAloneClassifiesWithoutPaddingByTheBasesTokenizer(@TempDir Path folder)
      throws IOException {
    for (QkvLayout layout : QkvLayout.values()) {
      for (ClassifierHead head : ClassifierHead.values()) {
        Path adapter = folder.resolve(layout + "-" + head);
        TextClassifier saved = TextClassifier.finetune(MODEL, messages(), options(layout, head, 0));
        saved.save(adapter);
        Path alone = peftAlone(adapter, folder.resolve(layout + "-" + head + "-peft"));
        TextClassifier loaded = TextClassifier.load(MODEL, alone);
        assertEquals(List.of("LABEL_0", "LABEL_1"), loaded.labels());
        // 64 tokens are the most that the model takes: a longer text is cut there by both.
        for (String text : List.of("see you", "WIN 3 prizes NOW!", "WIN prizes ".repeat(60))) {
          Classification expected = saved.classify(text);
          Classification got = loaded.classify(text);
          assertEquals(
              saved.labels().indexOf(expected.label()), loaded.labels().indexOf(got.label()));
          // Branches and head are put together in float32: rounding alone.
          assertEquals(expected.probability(), got.probability(), 1e-5, text);
        }
        loaded.save(folder.resolve("again"));
        TextClassifier again = TextClassifier.load(MODEL, folder.resolve("again"));
        assertEquals(loaded.classify("WIN 3 prizes!"), again.classify("WIN 3 prizes!"));
      }
    }
  }

  @Test
  void adapterOfPeftThatIsNoClassifierIsRefused(@TempDir Path folder) throws IOException {
    Path adapters = Fixtures.folder().resolve("adapters");
    MismatchException task =
        assertThrows(
            MismatchException.class,
            () -> TextClassifier.load(MODEL, adapters.resolve("all-linear")));
    assertTrue(task.getMessage().contains("got one for CAUSAL_LM"), task.getMessage());
    Path headless = peftAlone(adapters.resolve("all-linear"), folder.resolve("headless"));
    Path config = headless.resolve("adapter_config.json");
    Files.writeString(config, Files.readString(config).replace("CAUSAL_LM", "SEQ_CLS"));
    MismatchException head =
        assertThrows(MismatchException.class, () -> TextClassifier.load(MODEL, headless));
    assertTrue(head.getMessage().contains("at least two classes expected, got 0"));
  }

  @Test
  void savingAPaddedClassifierWarnsThatPeftAnswersDifferently(@TempDir Path folder)
      throws IOException {
    for (int padding : new int[] {FinetuneOptions.NO_PADDING, FinetuneOptions.LONGEST, 32}) {
      TextClassifier classifier =
          TextClassifier.finetune(
              MODEL, messages(), options(QkvLayout.FUSED, ClassifierHead.FULL, padding));
      List<String> warnings = LoggedWarnings.of(AdapterFile.class, () -> classifier.save(folder));
      boolean warns = warnings.stream().anyMatch(text -> text.contains("train without padding"));
      assertEquals(padding != FinetuneOptions.NO_PADDING, warns, warnings + " for " + padding);
    }
  }
}

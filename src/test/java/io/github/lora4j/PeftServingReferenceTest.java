package io.github.lora4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2Classifier;
import io.github.lora4j.gpt2.Gpt2LanguageModel;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.lora.AdapterFile;
import io.github.lora4j.lora.AdapterMetadata;
import io.github.lora4j.lora.Lora;
import io.github.lora4j.lora.LoraConfig;
import io.github.lora4j.lora.LoraScaling;
import io.github.lora4j.lora.Merge;
import io.github.lora4j.lora.TaskType;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.safetensors.DType;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import io.github.lora4j.text.Example;
import io.github.lora4j.text.TextDataset;
import io.github.lora4j.text.Tokenizer;
import io.github.lora4j.train.AdamW;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What was trained here answers alike when transformers and PEFT serve it, as an adapter and merged
 * into its base, and the Python of the README does what is said of it. One run of Python for all.
 */
@Tag("reference")
class PeftServingReferenceTest {

  private static final float LOGITS = 1e-4f;
  private static final int STEPS = 4;
  private static final List<String> LABELS = List.of("ham", "spam");
  private static final Path BASE = Fixtures.folder().resolve("gpt2-tiny");
  private static final Path SCRIPT = Path.of("src/test/resources/reference/served_logits.py");
  private static final int[][] IDS = {
    {1, 2, 3, 4, 5, 6, 7}, {300}, {511, 17, 17, 17, 250, 0, 99, 4, 400, 12, 31}
  };

  /** The texts of the README. */
  private static final List<String> TEXTS = List.of("You have won a prize", "See you at six");

  private static final Map<String, Trained> trained = new LinkedHashMap<>();

  @TempDir private static Path folder;
  private static SafetensorsFile served;
  private static List<?> labels;

  /** What a model answers before training, with its adapter, and merged. */
  private record Trained(float[][] base, float[][] adapted, float[][] merged) {}

  static Stream<String> names() {
    return Stream.of(TaskType.values())
        .flatMap(
            task ->
                Stream.of("rslora", "dora")
                    .flatMap(
                        kind ->
                            Stream.of(QkvLayout.values())
                                .map(
                                    layout -> String.join("-", task.name(), kind, layout.name()))));
  }

  @BeforeAll
  static void trainAllAndServeThem() throws Exception {
    String python = System.getProperty("lora4j.python");
    Assumptions.assumeTrue(python != null, "needs -Dlora4j.python=...");
    for (String name : names().toList()) {
      trained.put(name, train(name));
    }
    prepareReadme();
    Files.writeString(
        folder.resolve("jobs.json"),
        "{\"base\": \"%s\", \"classes\": %d, \"ids\": %s, \"adapters\": [\"%s\"]}"
            .formatted(
                folder.resolve("models/gpt2"),
                LABELS.size(),
                Arrays.deepToString(IDS),
                String.join("\", \"", trained.keySet())));
    Path log = folder.resolve("log.txt");
    Process process =
        new ProcessBuilder(python, SCRIPT.toString(), folder.toString(), "README.md")
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    boolean isDone = process.waitFor(5, TimeUnit.MINUTES);
    process.destroyForcibly();
    String said = Files.readString(log);
    assertTrue(isDone && process.waitFor() == 0, said);
    assertFalse(said.contains("missing adapter keys"), said);
    served = SafetensorsFile.open(folder.resolve("logits.safetensors"));
    List<String> lines = said.lines().filter(line -> line.startsWith("[\"")).toList();
    labels =
        (List<?>) Fixtures.value(Files.writeString(folder.resolve("labels.json"), lines.get(0)));
  }

  /** A few steps of training, by which every parameter moves and no B stays zero. */
  private static Trained train(String name) throws IOException {
    boolean isClassifier = name.startsWith(TaskType.SEQ_CLS.name());
    boolean isDora = name.contains("dora");
    LoraConfig all = LoraConfig.of(4, 8);
    LoraConfig config = isDora ? all.withDora(true) : all.withScaling(LoraScaling.RSLORA);
    Gpt2 base = Gpt2.load(BASE, QkvLayout.valueOf(name.substring(name.lastIndexOf('-') + 1)));
    ClassifierHead head = isDora ? ClassifierHead.LORA : ClassifierHead.FULL;
    SequenceModel model = isClassifier ? base.classifier(head, 3, LABELS) : base.languageModel();
    model.freeze();
    float[][] before = logits(model);
    if (model instanceof Gpt2Classifier classifier) {
      FinetuningRun.adapt(classifier, config, head);
    } else {
      Lora.apply(model, config);
    }
    int[] targets = isClassifier ? new int[] {1, 0, 1} : nextTokens();
    Map<String, float[]> start = new LinkedHashMap<>();
    Map<String, Parameter> parameters = model.trainedParameters();
    parameters.forEach((path, parameter) -> start.put(path, parameter.data().clone()));
    AdamW optimizer = new AdamW(parameters, 1e-2f, 0.1f);
    for (int step = 0; step < STEPS; step++) {
      optimizer.zeroGrad();
      Tensor loss = model.loss(Sequences.of(IDS), targets, -100, new Tape());
      loss.backward();
      optimizer.step(1);
    }
    parameters.forEach(
        (path, parameter) -> {
          assertTrue(furthest(start.get(path), parameter.data()) > 1e-3, path + " moves");
          assertTrue(furthest(new float[parameter.data().length], parameter.data()) > 0, path);
        });
    assertEquals(isDora, parameters.keySet().stream().anyMatch(path -> path.endsWith("magnitude")));
    AdapterFile.save(
        model, AdapterMetadata.of(TaskType.valueOf(name.split("-", 2)[0])), folder.resolve(name));
    float[][] adapted = logits(model);
    Merge.into(model);
    if (model instanceof Gpt2Classifier classifier) {
      classifier.save(folder.resolve(name + "-merged"), DType.F32);
    } else {
      ((Gpt2LanguageModel) model).save(folder.resolve(name + "-merged"), DType.F32);
    }
    return new Trained(before, adapted, logits(model));
  }

  private static int[] nextTokens() {
    List<Integer> next = new ArrayList<>();
    for (int[] row : IDS) {
      Arrays.stream(row).skip(1).forEach(next::add);
      next.add(7);
    }
    return next.stream().mapToInt(Integer::intValue).toArray();
  }

  private static float[][] logits(SequenceModel model) {
    return Arrays.stream(IDS)
        .map(ids -> model.forward(Sequences.of(ids), null).toArray())
        .toArray(float[][]::new);
  }

  private static double furthest(float[] a, float[] b) {
    double furthest = 0;
    for (int i = 0; i < a.length; i++) {
      furthest = Math.max(furthest, Math.abs(a[i] - b[i]));
    }
    return furthest;
  }

  /** The folders that the README names. */
  private static void prepareReadme() throws IOException {
    Path model = Files.createDirectories(folder.resolve("models/gpt2"));
    for (String file : List.of("config.json", "model.safetensors", "vocab.json", "merges.txt")) {
      Files.copy(BASE.resolve(file), model.resolve(file));
    }
    List<Example> examples = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      examples.add(new Example("see you at " + i + " then", 0));
      examples.add(new Example("WIN " + i + " prizes NOW!", 1));
    }
    FinetuneOptions options =
        FinetuneOptions.DEFAULT.withLora(LoraConfig.of(4, 4)).withEpochs(3).withSeed(1);
    TextClassifier.finetune(
            model, new TextDataset("messages", examples, LABELS).split(0.6, 0.2, 1), options)
        .save(folder.resolve("runs/sms"));
    Path lm = folder.resolve("CAUSAL_LM-dora-SPLIT");
    Path copy = Files.createDirectories(folder.resolve("runs/lm"));
    try (Stream<Path> files = Files.list(lm)) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void adapterAnswersInPythonAsItDoesHere(String name) throws IOException {
    Trained here = trained.get(name);
    for (int i = 0; i < IDS.length; i++) {
      assertTrue(furthest(here.base()[i], here.adapted()[i]) > 100 * LOGITS, name + " learns");
      for (String way : List.of("peft", "unloaded")) {
        String key = name + "." + way + "." + i;
        assertArrayEquals(served.readFloats(key), here.adapted()[i], LOGITS, key);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void mergedModelAnswersInTransformersAsItDoesHere(String name) throws IOException {
    Trained here = trained.get(name);
    for (int i = 0; i < IDS.length; i++) {
      String key = name + ".folder." + i;
      assertArrayEquals(served.readFloats(key), here.merged()[i], LOGITS, key);
      assertArrayEquals(here.adapted()[i], here.merged()[i], LOGITS, name);
    }
  }

  @Test
  void pythonOfTheReadmeServesTheClassifier() throws IOException {
    TextClassifier here = TextClassifier.load(BASE, folder.resolve("runs/sms"));
    List<Classification> answers = TEXTS.stream().map(here::classify).toList();
    assertAnswers("readme.0", answers);
    assertEquals(List.of("spam", "ham"), answers.stream().map(Classification::label).toList());
    assertEquals(List.of("spam", "ham"), labels);
  }

  @Test
  void pythonOfTheReadmeServesTheLanguageModel() throws IOException {
    Gpt2LanguageModel here = Gpt2.load(BASE, QkvLayout.SPLIT).languageModel();
    AdapterFile.load(here, folder.resolve("runs/lm"));
    int[] ids = Tokenizer.load(BASE).encode("Once upon a time");
    float[] expected = here.nextToken(Sequences.of(ids)).toArray();
    assertArrayEquals(served.readFloats("readme.1"), expected, LOGITS);
  }

  @Test
  void adapterThatPeftSavedClassifiesHere() throws IOException {
    TextClassifier here = TextClassifier.load(BASE, folder.resolve("peft/sms"));
    assertEquals(List.of("LABEL_0", "LABEL_1"), here.labels());
    for (int i = 0; i < TEXTS.size(); i++) {
      assertAnswers("saved." + i, List.of(here.classify(TEXTS.get(i))));
    }
  }

  /** Logits (texts, classes) and the probabilities that follow from them. */
  private static void assertAnswers(String name, List<Classification> answers) throws IOException {
    float[] logits = served.readFloats(name);
    assertEquals(answers.size() * LABELS.size(), logits.length);
    for (int i = 0; i < answers.size(); i++) {
      double probability = 1 / (1 + Math.exp(logits[2 * i] - logits[2 * i + 1]));
      List<Double> got = List.copyOf(answers.get(i).probabilities().values());
      assertEquals(probability, got.get(1), LOGITS, name + ", text " + i);
    }
  }
}

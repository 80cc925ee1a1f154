package io.github.lora4j.gpt2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.safetensors.DType;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.tensor.Sequences;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Transformers itself reads what was written here, without a key too many or too few. */
@Tag("reference")
class TransformersReferenceTest {

  private static final float LOGITS = 1e-4f;
  private static final Path BASE = Fixtures.folder().resolve("gpt2-tiny");
  private static final Path SCRIPT = Path.of("src/test/resources/reference/transformers_logits.py");

  /** None ends with the last token of the vocabulary, which stands for padding. */
  private static final int[][] IDS = {
    {1, 2, 3, 4, 5, 6, 7}, {300}, {511, 17, 17, 17, 250, 0, 99, 4, 400, 12, 31}
  };

  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({"FUSED,F32", "SPLIT,F32", "FUSED,F16"})
  void languageModelHasOurLogits(QkvLayout layout, DType dtype) throws Exception {
    Gpt2.load(BASE, layout).languageModel().save(folder, dtype, BASE);
    SafetensorsFile expected = transformers();
    assertLogits(expected, Gpt2.load(folder, layout).languageModel());
  }

  @ParameterizedTest
  @CsvSource({"FUSED,F32,2", "SPLIT,F32,5", "SPLIT,F16,3"})
  void classifierHasOurLogitsAndLabels(QkvLayout layout, DType dtype, int classes)
      throws Exception {
    List<String> labels =
        List.of("ham", "sp\u00e4m \ud83d\ude00", "\"", "\\", "").subList(0, classes);
    Gpt2Classifier saved = Gpt2.load(BASE, layout).classifier(ClassifierHead.LORA, 3, labels);
    saved.save(folder, dtype, BASE);
    SafetensorsFile expected = transformers();
    Gpt2Classifier loaded =
        Gpt2Classifier.load(folder, LoadOptions.DEFAULT.withLayout(layout).withStrict(true));
    float[][] got = assertLogits(expected, dtype == DType.F32 ? saved : loaded);
    float[] padded = expected.readFloats("padded");
    for (int i = 0; i < IDS.length; i++) {
      float[] row = Arrays.copyOfRange(padded, i * classes, (i + 1) * classes);
      assertArrayEquals(row, got[i], LOGITS, "padded text " + i);
    }
    List<String> said = Files.readAllLines(folder.resolve("log.txt"));
    Files.writeString(folder.resolve("labels.json"), said.get(said.size() - 1));
    assertEquals(labels, Fixtures.value(folder.resolve("labels.json")));
    assertEquals(labels, loaded.labels());
  }

  private static float[][] assertLogits(SafetensorsFile expected, SequenceModel model)
      throws IOException {
    float[][] got = new float[IDS.length][];
    for (int i = 0; i < IDS.length; i++) {
      got[i] = model.forward(Sequences.of(IDS[i]), null).toArray();
      assertArrayEquals(expected.readFloats("logits." + i), got[i], LOGITS, "text " + i);
    }
    return got;
  }

  /** What the reference computes for each text, one by one. */
  private SafetensorsFile transformers() throws IOException, InterruptedException {
    Path ids = folder.resolve("ids.json");
    Path out = folder.resolve("logits.safetensors");
    Path log = folder.resolve("log.txt");
    String python = System.getProperty("lora4j.python");
    Assumptions.assumeTrue(python != null, "needs -Dlora4j.python=...");
    Files.writeString(ids, Arrays.deepToString(IDS));
    Process process =
        new ProcessBuilder(
                python, SCRIPT.toString(), folder.toString(), ids.toString(), out.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    boolean isDone = process.waitFor(5, TimeUnit.MINUTES);
    process.destroyForcibly();
    assertTrue(isDone && process.waitFor() == 0, Files.readString(log));
    return SafetensorsFile.open(out);
  }
}

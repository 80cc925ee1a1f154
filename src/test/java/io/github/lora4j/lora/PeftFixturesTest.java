package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.tensor.Sequences;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Adapters that PEFT wrote give the logits and the merged weights that PEFT computes. */
class PeftFixturesTest {

  private static final float TOLERANCE = 1e-4f;

  @TempDir private Path folder;

  static List<Arguments> adapters() throws IOException {
    List<Arguments> cases = new ArrayList<>();
    try (Stream<Path> folders = Files.list(Fixtures.folder().resolve("adapters"))) {
      for (Path adapter : folders.sorted().toList()) {
        for (QkvLayout layout : QkvLayout.values()) {
          cases.add(Arguments.of(adapter.getFileName().toString(), layout));
        }
      }
    }
    assertTrue(cases.size() >= 18);
    return cases;
  }

  private static Path adapter(String name) {
    return Fixtures.folder().resolve("adapters").resolve(name);
  }

  private static SequenceModel model(Path adapter, QkvLayout layout) throws IOException {
    Gpt2 base = Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"), layout);
    AdapterMetadata metadata = AdapterFile.metadata(adapter);
    SequenceModel model =
        metadata.task() == TaskType.CAUSAL_LM
            ? base.languageModel()
            : base.classifier(ClassifierHead.FULL, 3, metadata.labels());
    model.freeze();
    return model;
  }

  /** The logits of the texts in the file, in its order. */
  private static float[] logits(SequenceModel model, SafetensorsFile expected) throws IOException {
    int[] ids = expected.readInts("input_ids");
    int rows = Math.toIntExact(expected.tensors().get("input_ids").shape().get(0));
    int columns = ids.length / rows;
    int[] lengths = new int[rows];
    Arrays.fill(lengths, columns);
    if (expected.tensors().containsKey("lengths")) {
      lengths = expected.readInts("lengths");
    }
    int[][] texts = new int[rows][];
    for (int i = 0; i < rows; i++) {
      texts[i] = Arrays.copyOfRange(ids, i * columns, i * columns + lengths[i]);
    }
    return model.forward(Sequences.of(texts), null).toArray();
  }

  @ParameterizedTest
  @MethodSource("adapters")
  void logitsAreThoseOfPeft(String name, QkvLayout layout) throws IOException {
    SafetensorsFile expected = SafetensorsFile.open(adapter(name).resolve("expected.safetensors"));
    float[] wanted = expected.readFloats("logits");
    SequenceModel model = model(adapter(name), layout);
    if (!name.equals("seq-cls")) {
      assertTrue(furthest(wanted, logits(model, expected)) > 10 * TOLERANCE, "it does something");
    }
    AdapterFile.load(model, adapter(name));
    float[] adapted = logits(model, expected);
    assertArrayEquals(wanted, adapted, TOLERANCE);

    Merge merge = Merge.into(model);
    assertArrayEquals(wanted, logits(model, expected), TOLERANCE);
    assertTrue(
        Lora.slots(model.namedModules()).values().stream()
            .noneMatch(slot -> slot.layer() instanceof LinearWithLoRA));
    merge.undo();
    assertArrayEquals(adapted, logits(model, expected), 0);
  }

  @ParameterizedTest
  @MethodSource("adapters")
  void mergedWeightsAreThoseOfPeft(String name, QkvLayout layout) throws IOException {
    SafetensorsFile expected = SafetensorsFile.open(adapter(name).resolve("expected.safetensors"));
    SequenceModel model = model(adapter(name), layout);
    AdapterFile.load(model, adapter(name));
    Merge.into(model);
    int compared = 0;
    for (PublishedModule.Place place : PublishedModule.places(model)) {
      Linear linear = place.linear();
      String module = linear.origin() == null ? "" : linear.origin().name();
      String tensor = "merged." + module + ".weight";
      if (expected.tensors().containsKey(tensor)) {
        float[] published = expected.readFloats(tensor);
        float[] own = linear.weight().tensor().toArray();
        int in = linear.inFeatures();
        int columns = published.length / in;
        for (int o = 0; o < linear.outFeatures(); o++) {
          for (int i = 0; i < in; i++) {
            assertEquals(
                published[i * columns + place.firstRow() + o], own[o * in + i], TOLERANCE, tensor);
          }
        }
        compared++;
      }
    }
    boolean hasMerged = expected.names().stream().anyMatch(any -> any.startsWith("merged."));
    assertEquals(hasMerged, compared > 0);
  }

  @ParameterizedTest
  @MethodSource("adapters")
  void whatIsWrittenAndReadAgainIsTheSame(String name, QkvLayout layout) throws IOException {
    SafetensorsFile expected = SafetensorsFile.open(adapter(name).resolve("expected.safetensors"));
    SequenceModel model = model(adapter(name), layout);
    AdapterMetadata metadata = AdapterFile.load(model, adapter(name));
    Path first = folder.resolve("first");
    Path second = folder.resolve("second");
    Path third = folder.resolve("third");
    AdapterFile.save(model, metadata, first);
    SequenceModel again = model(first, layout);
    AdapterFile.load(again, first);
    assertArrayEquals(logits(model, expected), logits(again, expected), 0);
    AdapterFile.save(again, metadata, second);
    assertSameFiles(first, second, "adapter_config.json", "adapter_model.safetensors");
    assertSameFiles(first, second, "lora4j.json", "lora4j.safetensors");

    Files.delete(second.resolve("lora4j.json"));
    Files.delete(second.resolve("lora4j.safetensors"));
    SequenceModel foreign = model(second, layout);
    AdapterMetadata read = AdapterFile.load(foreign, second);
    assertArrayEquals(logits(model, expected), logits(foreign, expected), 0);
    AdapterFile.save(foreign, read, third);
    assertSameFiles(first, third, "adapter_config.json", "adapter_model.safetensors");
    SafetensorsFile wrote =
        SafetensorsFile.open(adapter(name).resolve("adapter_model.safetensors"));
    SafetensorsFile ours = SafetensorsFile.open(third.resolve("adapter_model.safetensors"));
    assertEquals(Set.copyOf(wrote.names()), Set.copyOf(ours.names()));
    for (String tensor : wrote.names()) {
      assertArrayEquals(wrote.readFloats(tensor), ours.readFloats(tensor), tensor);
    }
  }

  private static void assertSameFiles(Path a, Path b, String... names) throws IOException {
    for (String name : names) {
      assertArrayEquals(
          Files.readAllBytes(a.resolve(name)), Files.readAllBytes(b.resolve(name)), name);
    }
  }

  private static double furthest(float[] a, float[] b) {
    double furthest = 0;
    for (int i = 0; i < a.length; i++) {
      furthest = Math.max(furthest, Math.abs(a[i] - b[i]));
    }
    return furthest;
  }
}

package io.github.lora4j.gpt2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.lora4j.kernel.WeightFormat;
import io.github.lora4j.safetensors.DType;
import io.github.lora4j.safetensors.SafetensorsFolder;
import io.github.lora4j.safetensors.SafetensorsWriter;
import io.github.lora4j.tensor.Sequences;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How much memory it takes to load, use and save a model: its weights once, and little more. */
class LoadMemoryTest {

  private static final int MEBIBYTE = 1 << 20;

  /** The embeddings are a quarter of it, so a copy of one weight does not fit beside it. */
  private static final Gpt2Config SIZES = new Gpt2Config(8192, 64, 512, 4, 8, 2048, 1e-5f);

  /** For the virtual machine itself, the buffers, and what an array needs beside its elements. */
  private static final int ROOM = 20;

  /** Where new small objects live: the weights are too long for it. */
  private static final int YOUNG = 4;

  @TempDir private static Path folder;

  @BeforeAll
  static void writeModel() throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    for (PublishedTensor tensor : PublishedTensor.of(SIZES)) {
      long[] shape = tensor.fileShape().stream().mapToLong(dim -> dim).toArray();
      writer.floats(tensor.path(), () -> new float[tensor.shape().numel()], shape);
    }
    writer.write(folder.resolve(SafetensorsFolder.SINGLE));
    Files.writeString(folder.resolve(Gpt2Config.FILE_NAME), SIZES.toJson());
  }

  /** Loads and uses a model in a process of its own, and saves it if there is a third argument. */
  static final class Loading {
    public static void main(String[] arguments) throws IOException {
      LoadOptions options = LoadOptions.DEFAULT.withFormat(WeightFormat.valueOf(arguments[1]));
      Gpt2 base = Gpt2.load(Path.of(arguments[0]), options);
      base.languageModel().forward(Sequences.of(new int[] {1, 2}), null);
      if (arguments.length > 2) {
        base.save(Path.of(arguments[2]), DType.F32);
      }
      System.out.println("loaded " + base.config().parameterCount());
    }
  }

  private static String run(int heap, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    if (isVector()) {
      command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
    }
    // This collector splits the heap in two parts of known sizes, without regions.
    command.addAll(
        List.of("-XX:+UseSerialGC", "-Xmn" + YOUNG + "m", "-Xmx" + (heap + YOUNG) + "m"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Loading.class.getName()));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return process.waitFor() == 0 ? output : "failed: " + output;
  }

  private static boolean isVector() {
    return "vector".equals(System.getProperty("expect.kernel"));
  }

  private static int mebibytes(long bytes) {
    return (int) ((bytes + MEBIBYTE - 1) / MEBIBYTE);
  }

  private static void assertLoads(String output) {
    assertTrue(
        output.contains("loaded " + SIZES.parameterCount()),
        () -> output.lines().limit(20).toList().toString());
  }

  @Test
  void aHeapLittleLargerThanTheWeightsIsEnough() throws Exception {
    int weights = mebibytes(4 * SIZES.parameterCount());
    assertEquals(65, weights);
    assertLoads(run(weights + ROOM, folder.toString(), "FLOAT32"));
  }

  @Test
  void bfloatsTakeHalfOfIt() throws Exception {
    assumeTrue(isVector(), "the portable kernels hold the rounded numbers as floats");
    int weights = mebibytes(2 * SIZES.parameterCount());
    assertLoads(run(weights + ROOM, folder.toString(), "BFLOAT16"));
  }

  /** The embeddings are saved as they are and the largest; of them there is a copy for a while. */
  @Test
  void savingTakesACopyOfOneWeightAtATime() throws Exception {
    int weights = mebibytes(4 * SIZES.parameterCount());
    int largest = mebibytes(4L * SIZES.vocabSize() * SIZES.nEmbd());
    Path target = folder.resolve("saved");
    assertLoads(run(weights + largest + ROOM, folder.toString(), "FLOAT32", target.toString()));
  }

  @Test
  void aHeapSmallerThanTheWeightsIsNot() throws Exception {
    int weights = mebibytes(4 * SIZES.parameterCount());
    String output = run(weights - ROOM, folder.toString(), "FLOAT32");
    assertTrue(output.toLowerCase(Locale.ROOT).contains("outofmemory"), output);
  }
}

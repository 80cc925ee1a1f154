package io.github.lora4j.cli;

import io.github.lora4j.gpt2.Gpt2Classifier;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.safetensors.SafetensorsWriter;
import io.github.lora4j.tensor.Sequences;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code lora4j logits}: what a model computes for token ids, as a file. */
@Command(
    name = "logits",
    description =
        "Compute logits for lists of token ids: one tensor 'logits' for a classifier and for lists of equal length, else 'logits.0', 'logits.1' and so on.",
    sortOptions = false)
final class LogitsCommand implements Callable<Integer> {

  @Mixin private final ModelOption model = new ModelOption();

  @Option(
      names = "--adapter",
      paramLabel = "DIR",
      description = "What train, PEFT or mlx-lm wrote.")
  private @Nullable Path adapter;

  @Option(
      names = "--ids",
      required = true,
      paramLabel = "FILE.json",
      description = "A list of lists of token ids.")
  private Path ids = Path.of("");

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE.safetensors",
      description = "Where the logits go.")
  private Path out = Path.of("");

  @Mixin private final ThreadsOption threads = new ThreadsOption();

  private final Output output;

  LogitsCommand(Output output) {
    this.output = output;
  }

  @Override
  public Integer call() throws IOException {
    threads.apply();
    Path parent = out.toAbsolutePath().getParent();
    if (out.toString().isEmpty() || Files.isDirectory(out)) {
      throw new IllegalArgumentException("--out: the path of a file expected, got '" + out + "'");
    }
    if (parent == null || !Files.isDirectory(parent)) {
      throw new NoSuchFileException(out.toString(), null, "a file in an existing folder expected");
    }
    List<int[]> rows = TokenIdsFile.read(ids);
    SafetensorsWriter writer = new SafetensorsWriter();
    SequenceModel answering = answering();
    if (answering instanceof Gpt2Classifier) {
      addClasses(writer, answering, rows);
    } else {
      addTokens(writer, answering, rows);
    }
    writer.write(out);
    output.line("%d sequences, logits in %s", rows.size(), out);
    return 0;
  }

  private SequenceModel answering() throws IOException {
    if (adapter == null) {
      return model.load(QkvLayout.FUSED).languageModel();
    }
    AdaptedModel adapted = AdaptedModel.prepare(model, adapter);
    adapted.load();
    return adapted.model();
  }

  private static float[] logits(SequenceModel model, int[] row) {
    return model.forward(Sequences.of(row), null).data();
  }

  private static void addClasses(SafetensorsWriter writer, SequenceModel model, List<int[]> rows) {
    float[] first = logits(model, rows.get(0));
    float[] all = new float[Math.multiplyExact(rows.size(), first.length)];
    for (int i = 0; i < rows.size(); i++) {
      System.arraycopy(logits(model, rows.get(i)), 0, all, i * first.length, first.length);
    }
    writer.floats("logits", all, rows.size(), first.length);
  }

  private static void addTokens(SafetensorsWriter writer, SequenceModel model, List<int[]> rows) {
    int vocabulary = model.vocabularySize();
    int length = rows.get(0).length;
    if (rows.stream().anyMatch(row -> row.length != length)) {
      for (int i = 0; i < rows.size(); i++) {
        writer.floats("logits." + i, logits(model, rows.get(i)), rows.get(i).length, vocabulary);
      }
      return;
    }
    long elements = (long) rows.size() * length * vocabulary;
    if (elements > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "--ids: logits of at most %d numbers expected, got %d (use fewer lists)"
              .formatted(Integer.MAX_VALUE - 8, elements));
    }
    float[] all = new float[(int) elements];
    for (int i = 0; i < rows.size(); i++) {
      System.arraycopy(
          logits(model, rows.get(i)), 0, all, i * length * vocabulary, length * vocabulary);
    }
    writer.floats("logits", all, rows.size(), length, vocabulary);
  }
}

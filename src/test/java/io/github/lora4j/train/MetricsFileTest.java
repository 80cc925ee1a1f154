package io.github.lora4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.github.lora4j.Fixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsFileTest {

  private static final Metrics EMPTY = new Metrics(Double.NaN, 0, 0, new long[0][]);

  @TempDir Path folder;

  @Test
  void partsWithoutDataAreLeftOutInsteadOfWrittenAsNaN() throws IOException {
    TrainingResult result =
        new TrainingResult(3, 10, 1, List.of(new EvaluationReport(3, 0, 0.5, EMPTY)));
    Metrics train = new Metrics(0.5, 4, 0.75, new long[][] {{1, 1}, {0, 2}});
    new MetricsFile(1, 2, 123, result).part("train", train).part("test", EMPTY).write(folder);
    Path file = folder.resolve(MetricsFile.NAME);
    assertFalse(Files.readString(file).contains("NaN"));
    Map<String, Object> read = Fixtures.asMap(Fixtures.value(file));
    assertFalse(read.containsKey("test"));
    assertEquals(
        Set.of("loss", "accuracy", "macro_f1", "confusion"),
        Fixtures.asMap(read.get("train")).keySet());
  }
}

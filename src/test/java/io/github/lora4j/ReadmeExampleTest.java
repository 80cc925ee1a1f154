package io.github.lora4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2Classifier;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.lora.AdapterFile;
import io.github.lora4j.lora.AdapterMetadata;
import io.github.lora4j.lora.Lora;
import io.github.lora4j.lora.LoraReport;
import io.github.lora4j.lora.TaskType;
import io.github.lora4j.text.DataLoader;
import io.github.lora4j.text.Splits;
import io.github.lora4j.text.TextDataset;
import io.github.lora4j.text.Tokenizer;
import io.github.lora4j.train.AdamW;
import io.github.lora4j.train.Trainer;
import io.github.lora4j.train.TrainingResult;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The example of the README, run, and compared with what the README says. */
class ReadmeExampleTest {

  private static final Path SOURCE =
      Path.of("src/test/java/io/github/lora4j/ReadmeExampleTest.java");

  @Test
  void exampleOfTheReadmeRuns(@TempDir Path folder) throws IOException {
    Path modelFolder = Fixtures.folder().resolve("gpt2-tiny");
    Path adapterFolder = folder.resolve("adapter");
    Path messages = folder.resolve("messages.tsv");
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 60; i++) {
      rows.append(i % 2 == 0 ? "ham\tsee you at " + i + "\n" : "spam\tWIN " + i + " NOW!!!\n");
    }
    Files.write(messages, rows.toString().getBytes(StandardCharsets.UTF_8));

    // begin of the example
    Gpt2 base = Gpt2.load(modelFolder, QkvLayout.SPLIT);
    Gpt2Classifier model = base.classifier(ClassifierHead.LORA, 123, List.of("ham", "spam"));
    model.freeze();
    LoraReport report = Lora.replaceLinearWithLora(model, 16, 16f); // rank, alpha

    Tokenizer tokenizer = Tokenizer.load(modelFolder);
    Splits data = TextDataset.tsv(messages).balanced(123).split(0.7, 0.1, 123);
    DataLoader train = new DataLoader(data.train(), tokenizer, 8).shuffled(123).droppingLast();
    DataLoader validation = new DataLoader(data.validation(), tokenizer, 8);
    DataLoader test = new DataLoader(data.test(), tokenizer, 8);

    Trainer trainer = new Trainer(model, new AdamW(model.trainedParameters(), 8e-4f, 0.1f));
    TrainingResult result = trainer.fit(train, validation, 5); // epochs
    double accuracy = trainer.evaluate(test).accuracy();
    AdapterFile.save(model, AdapterMetadata.of(TaskType.SEQ_CLS), adapterFolder);
    // end of the example

    assertEquals(model.trainedParameterCount(), report.trainedParameters());
    assertEquals(5, result.history().size());
    assertTrue(accuracy > 0.9, "accuracy " + accuracy);
    assertTrue(Files.exists(adapterFolder.resolve("adapter_model.safetensors")));
  }

  @Test
  void readmeShowsTheseLines() throws IOException {
    List<String> lines = Files.readAllLines(SOURCE, StandardCharsets.UTF_8);
    int begin = lines.indexOf("    // begin of the example");
    int end = lines.indexOf("    // end of the example");
    String example =
        lines.subList(begin + 1, end).stream()
            .map(line -> line.isEmpty() ? line : line.substring(4))
            .collect(Collectors.joining("\n"));
    String readme = Files.readString(Path.of("README.md"), StandardCharsets.UTF_8);
    assertTrue(readme.contains("```java\n" + example + "\n```"), "README.md shows another example");
  }
}

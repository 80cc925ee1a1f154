package io.github.lora4j.cli;

import io.github.lora4j.lora.AdapterContents.Kind;
import io.github.lora4j.lora.AdapterExport;
import io.github.lora4j.lora.AdapterFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code lora4j convert}: an adapter in the files of another program. */
@Command(
    name = "convert",
    description =
        "Write an adapter as Hugging Face PEFT (with the files of lora4j beside), mlx-lm or"
            + " llama.cpp (GGUF) reads it. What a format cannot carry is refused.",
    sortOptions = false)
final class ConvertCommand implements Callable<Integer> {

  enum Format {
    PEFT,
    MLX,
    GGUF
  }

  @Option(
      names = "--from",
      paramLabel = "lora4j|peft|mlx",
      description = "Whose files to read (default: what the folder holds).")
  private @Nullable Kind from;

  @Option(
      names = "--to",
      required = true,
      paramLabel = "peft|mlx|gguf",
      description = "Whose files to write.")
  private Format to = Format.PEFT;

  @Mixin private final ModelOption model = new ModelOption();

  @Option(
      names = "--adapter",
      required = true,
      paramLabel = "DIR",
      description = "What train, PEFT or mlx-lm wrote.")
  private Path adapter = Path.of("");

  @Option(
      names = "--out",
      required = true,
      paramLabel = "PATH",
      description = "Where the adapter goes: a new folder, for gguf a new file.")
  private Path out = Path.of("");

  @Mixin private final ThreadsOption threads = new ThreadsOption();

  private final Output output;

  ConvertCommand(Output output) {
    this.output = output;
  }

  @Override
  public Integer call() throws IOException {
    threads.apply();
    checkFrom();
    if (to == Format.GGUF) {
      requireNewFile();
    } else {
      OutputFolder.requireNew(out);
    }
    AdaptedModel adapted = AdaptedModel.prepare(model, adapter);
    adapted.load();
    switch (to) {
      case PEFT -> AdapterFile.save(adapted.model(), adapted.metadata(), out);
      case MLX -> AdapterExport.writeMlx(adapted.model(), out);
      case GGUF -> AdapterExport.writeGguf(adapted.model(), out, name());
    }
    output.line("%s adapter in %s", to.name().toLowerCase(Locale.ROOT), out);
    return 0;
  }

  /** Our files hold all that PEFT's beside them do: who asks for those gets the same from ours. */
  private void checkFrom() {
    Kind held = Kind.of(adapter);
    if (from != null && from != held && !(from == Kind.PEFT && held == Kind.LORA4J)) {
      throw new IllegalArgumentException(
          "--from: %s expected, which %s holds, got %s"
              .formatted(
                  held.name().toLowerCase(Locale.ROOT),
                  adapter,
                  from.name().toLowerCase(Locale.ROOT)));
    }
  }

  private void requireNewFile() throws IOException {
    if (out.toString().isEmpty() || Files.exists(out)) {
      throw new IllegalArgumentException(
          "--out: the path of a new file expected, got '" + out + "'");
    }
    Path parent = out.toAbsolutePath().getParent();
    if (parent == null || !Files.isDirectory(parent)) {
      throw new NoSuchFileException(out.toString(), null, "a file in an existing folder expected");
    }
  }

  private @Nullable String name() {
    Path name = adapter.toAbsolutePath().normalize().getFileName();
    return name == null ? null : name.toString();
  }
}

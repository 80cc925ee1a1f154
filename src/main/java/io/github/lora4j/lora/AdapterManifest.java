package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.UnsupportedFeatureException;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Origin;
import io.github.lora4j.nn.Parameter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What {@code lora4j.json} says: which modules are adapted and how, and the hashes of the files
 * beside it.
 *
 * @param metadata what the caller gave
 * @param modules every adapted module by its path in our tree
 * @param trained the names of the trained parameters that belong to no branch
 * @param base by what the base is known again
 * @param hashes the SHA-256 of each file that was written with this one, by file name
 */
record AdapterManifest(
    AdapterMetadata metadata,
    Map<String, Adapted> modules,
    List<String> trained,
    BaseIdentity base,
    Map<String, String> hashes) {

  private static final Logger logger = LoggerFactory.getLogger(AdapterManifest.class);

  private static final String FORMAT = "lora4j adapter";
  private static final int VERSION = 1;

  /**
   * An adapted module.
   *
   * @param rank r
   * @param alpha what the branch is scaled by; at least 0
   * @param scaling how
   * @param dora whether there is a magnitude
   * @param dropout a probability in [0, 1)
   * @param origin the published name of the weight, or null
   */
  record Adapted(
      int rank,
      float alpha,
      LoraScaling scaling,
      boolean dora,
      float dropout,
      @Nullable String origin) {

    static Adapted of(LinearWithLoRA layer) {
      LoRALayer lora = layer.plain().lora();
      Origin origin = layer.linear().origin();
      return new Adapted(
          lora.rank(),
          lora.alpha(),
          lora.scaling(),
          layer.magnitude() != null,
          lora.dropout(),
          origin == null ? null : origin.name());
    }

    /** Whether a layer is adapted in this way, whatever its origin. */
    boolean fits(LinearWithLoRA layer) {
      LoRALayer lora = layer.lora();
      return !layer.hasStart()
          && lora.rank() == rank
          && lora.alpha() == alpha
          && lora.scaling() == scaling
          && (layer.magnitude() != null) == dora
          && lora.dropout() == dropout;
    }
  }

  static AdapterManifest of(Module model, AdapterMetadata metadata) {
    Map<String, Adapted> modules = new TreeMap<>();
    List<String> trained = new ArrayList<>();
    List<Parameter> branches = new ArrayList<>();
    model
        .namedModules()
        .forEach(
            (path, module) -> {
              if (module instanceof LinearWithLoRA adapted) {
                modules.put(path, Adapted.of(adapted));
                branches.addAll(adapted.parameters().values());
                branches.addAll(adapted.lora().parameters().values());
              }
            });
    model
        .trainedParameters()
        .forEach(
            (name, parameter) -> {
              if (branches.stream().noneMatch(branch -> branch == parameter)) {
                trained.add(name);
              }
            });
    return new AdapterManifest(metadata, modules, trained, BaseIdentity.of(model), Map.of());
  }

  AdapterManifest withHashes(Map<String, String> written) {
    return new AdapterManifest(metadata, modules, trained, base, written);
  }

  byte[] toJson() throws IOException {
    Map<String, @Nullable Object> described = new TreeMap<>();
    modules.forEach(
        (path, adapted) -> {
          Map<String, @Nullable Object> members = new TreeMap<>();
          members.put("rank", adapted.rank());
          members.put("alpha", adapted.alpha());
          members.put("scaling", adapted.scaling().name());
          members.put("dora", adapted.dora());
          members.put("dropout", adapted.dropout());
          members.put("origin", adapted.origin());
          described.put(path, members);
        });
    Map<String, @Nullable Object> manifest = new TreeMap<>();
    manifest.put("format", FORMAT);
    manifest.put("version", VERSION);
    manifest.put("task", metadata.task().name());
    manifest.put("base_model", metadata.baseModel());
    manifest.put("base_tensors", base.tensors());
    manifest.put("base_is_rounded", base.isRounded());
    manifest.put("labels", metadata.labels());
    manifest.put("facts", metadata.facts());
    manifest.put("modules", described);
    manifest.put("trained", trained);
    manifest.put("files", new TreeMap<>(hashes));
    return Json.write(manifest);
  }

  static AdapterManifest read(Path file) throws IOException {
    JsonObject manifest = Json.read(file);
    if (!manifest.text("format").equals(FORMAT)) {
      throw manifest.fault("AD-01", "format", "\"" + FORMAT + "\"");
    }
    int version = manifest.integer("version", 1, Integer.MAX_VALUE, "AD-01");
    if (version > VERSION) {
      throw new UnsupportedFeatureException(
          "AD-01",
          file.toString(),
          "/version",
          "version %d expected, got %d (written by a newer lora4j)".formatted(VERSION, version));
    }
    Map<String, Adapted> modules = new LinkedHashMap<>();
    JsonObject described = manifest.object("modules");
    for (String path : described.members().keySet()) {
      modules.put(path, adapted(described.object(path)));
    }
    return new AdapterManifest(
        new AdapterMetadata(
            task(manifest),
            manifest.textOrNull("base_model"),
            manifest.texts("labels"),
            manifest.object("facts").texts()),
        modules,
        manifest.texts("trained"),
        base(manifest),
        manifest.object("files").texts());
  }

  /** Files of the first releases do not say. */
  private static BaseIdentity base(JsonObject manifest) throws AdapterFormatException {
    if (!manifest.members().containsKey("base_tensors")) {
      return BaseIdentity.unknown();
    }
    return new BaseIdentity(
        new TreeMap<>(manifest.object("base_tensors").texts()),
        manifest.flag("base_is_rounded", false));
  }

  private static Adapted adapted(JsonObject members) throws AdapterFormatException {
    float alpha = members.number("alpha", "AD-14");
    if (alpha < 0) {
      throw members.fault("AD-14", "alpha", "a number of at least 0");
    }
    if (alpha == 0) {
      logger.warn(
          "{}: a number above 0 expected for {}/alpha, got 0 (such a branch does nothing)",
          Excerpt.of(members.file().toString()),
          Excerpt.of(members.pointer()));
    }
    float dropout = members.number("dropout", "AD-01");
    if (!(dropout >= 0 && dropout < 1)) {
      throw members.fault("AD-01", "dropout", "a probability in [0, 1)");
    }
    return new Adapted(
        members.integer("rank", 1, LoraConfig.MAX_RANK, "AD-03"),
        alpha,
        scaling(members),
        members.flag("dora", false),
        dropout,
        members.textOrNull("origin"));
  }

  private static LoraScaling scaling(JsonObject members) throws AdapterFormatException {
    String name = members.textOrNull("scaling");
    for (LoraScaling scaling : LoraScaling.values()) {
      if (scaling.name().equals(name == null ? LoraScaling.LORA.name() : name)) {
        return scaling;
      }
    }
    throw members.fault("AD-01", "scaling", "one of " + List.of(LoraScaling.values()));
  }

  private static TaskType task(JsonObject manifest) throws IOException {
    String name = manifest.text("task");
    for (TaskType task : TaskType.values()) {
      if (task.name().equals(name)) {
        return task;
      }
    }
    throw new UnsupportedFeatureException(
        "AD-11",
        manifest.file().toString(),
        "/task",
        "one of %s expected, got '%s'".formatted(List.of(TaskType.values()), Excerpt.of(name)));
  }
}

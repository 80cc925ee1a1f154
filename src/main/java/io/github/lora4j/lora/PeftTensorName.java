package io.github.lora4j.lora;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The name of a tensor in {@code adapter_model.safetensors}: {@code base_model.model.}, then {@code
 * transformer.} for what is in the body, then the module's published name, then what it is. Both
 * beginnings may be missing, and PEFT's name for the only adapter, {@code default}, may be there.
 *
 * @param module the published name of the module
 * @param part what of the module it is
 */
record PeftTensorName(String module, Part part) {

  /** What a tensor is to its module. */
  enum Part {
    /** A, {@code (r, in)}. */
    LORA_A,
    /** B, {@code (out, r)}. */
    LORA_B,
    /** The length of each row of the adapted weight (DoRA), {@code (out)}. */
    MAGNITUDE,
    /** A trained bias, {@code (out)}. */
    BIAS,
    /** A weight that was trained as a whole. */
    WEIGHT,
    /** A branch beside an embedding. */
    EMBEDDING;

    /** Whether it is there for a branch beside a linear layer. */
    boolean isOfBranch() {
      return this == LORA_A || this == LORA_B || this == MAGNITUDE;
    }
  }

  /** What PEFT calls the modules around a model. */
  static final String WRAPPERS = "base_model.model.";

  /** What transformers calls the module around those of the published files. */
  static final String BODY = "transformer.";

  private static final String SAVED_WHOLE = ".modules_to_save.default.";

  /** What names end with; the first that fits counts. */
  private static final Map<String, Part> ENDS = new LinkedHashMap<>();

  static {
    for (String adapter : new String[] {"", ".default"}) {
      ENDS.put(".lora_A" + adapter + ".weight", Part.LORA_A);
      ENDS.put(".lora_B" + adapter + ".weight", Part.LORA_B);
      ENDS.put(".lora_magnitude_vector" + adapter, Part.MAGNITUDE);
      ENDS.put(".lora_magnitude_vector" + adapter + ".weight", Part.MAGNITUDE);
      ENDS.put(".lora_embedding_A" + adapter, Part.EMBEDDING);
      ENDS.put(".lora_embedding_B" + adapter, Part.EMBEDDING);
    }
    ENDS.put(".base_layer.bias", Part.BIAS);
    ENDS.put(".bias", Part.BIAS);
    ENDS.put(".weight", Part.WEIGHT);
  }

  /** Components that PEFT makes and that are in no module's own name. */
  private static final Set<String> RESERVED =
      Set.of("base_layer", "modules_to_save", "original_module");

  /** Takes a name apart, or returns null if it is not understood. */
  static @Nullable PeftTensorName parse(String name) {
    String inner = without(BODY, without(WRAPPERS, name));
    int infix = inner.indexOf(SAVED_WHOLE);
    if (infix > 0) {
      inner = inner.substring(0, infix) + "." + inner.substring(infix + SAVED_WHOLE.length());
    }
    for (Map.Entry<String, Part> end : ENDS.entrySet()) {
      if (inner.endsWith(end.getKey())) {
        String module = inner.substring(0, inner.length() - end.getKey().length());
        return isModule(module) ? new PeftTensorName(module, end.getValue()) : null;
      }
    }
    return null;
  }

  private static String without(String prefix, String name) {
    return name.startsWith(prefix) ? name.substring(prefix.length()) : name;
  }

  private static boolean isModule(String name) {
    return Stream.of(name.split("\\.", -1))
        .noneMatch(
            component ->
                component.isEmpty()
                    || component.startsWith("lora_")
                    || RESERVED.contains(component));
  }
}

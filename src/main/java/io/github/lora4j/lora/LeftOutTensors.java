package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What of PEFT's file is not loaded because a lenient reader asked for it. */
final class LeftOutTensors {

  private static final Logger logger = LoggerFactory.getLogger(LeftOutTensors.class);

  private final PeftTensors tensors;
  private final Set<String> modules = new HashSet<>();
  private final Set<String> withoutBranch = new HashSet<>();

  /** Nothing yet, but for what is not understood. */
  LeftOutTensors(PeftTensors tensors) {
    this.tensors = tensors;
  }

  /** Leaves out all of a module. */
  void addModule(String name) {
    modules.add(name);
  }

  /** Leaves out the branch beside a module. */
  void addBranch(String name) {
    withoutBranch.add(name);
  }

  /** Names all of it in one warning, if there is any. */
  void warn() {
    List<String> names = tensors.names().stream().filter(this::contains).toList();
    if (!names.isEmpty()) {
      logger.warn(
          "{}: tensors of the configuration's branches in this model expected, got {} others, which"
              + " are left out: {} (is it the adapter's own base?)",
          Excerpt.of(tensors.file().toString()),
          names.size(),
          AdapterFaults.examples(names, AdapterFaults.SHOWN));
    }
  }

  private boolean contains(String tensor) {
    PeftTensorName name = PeftTensorName.parse(tensor);
    return name == null
        || modules.contains(name.module())
        || (name.part().isOfBranch() && withoutBranch.contains(name.module()));
  }
}

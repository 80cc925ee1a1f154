package io.github.lora4j.lora;

import io.github.lora4j.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** What the files of PEFT say of how an adapter is to be used. */
final class PeftMetadata {

  private static final String HEAD = "score";

  /** As transformers does it: no padding is computed, the last token is pooled. */
  private static final Map<String, String> CLASSIFIER =
      Map.of("qkv", "fused", "head", "full", "pooling", "last", "padding_length", "0");

  private PeftMetadata() {}

  /** What transformers calls labels that it has no names of. */
  private static List<String> unnamed(int count) {
    return IntStream.range(0, count).mapToObj(i -> "LABEL_" + i).toList();
  }

  /** Whether labels are names that somebody gave. */
  static boolean areNamed(List<String> labels) {
    return !labels.equals(unnamed(labels.size()));
  }

  /** The labels are called as transformers calls those it has no names of. */
  static AdapterMetadata of(PeftConfig config, PeftTensors tensors) {
    PeftTensors.Module head = tensors.modules().get(HEAD);
    Tensor weight = head == null ? null : head.weight();
    TaskType task =
        config.taskType() != null
            ? config.taskType()
            : weight == null ? TaskType.CAUSAL_LM : TaskType.SEQ_CLS;
    List<String> labels = weight == null ? List.of() : unnamed(weight.shape().dim(0));
    return new AdapterMetadata(
        task,
        config.baseModel(),
        labels,
        task == TaskType.SEQ_CLS ? CLASSIFIER : Map.of("qkv", "fused"));
  }
}

package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.lora.SmallModels.Classifier;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class TargetsTest {

  static List<Arguments> selections() {
    return List.of(
        Arguments.of(false, Targets.all(), "0.c_attn 0.c_proj 1.c_attn 1.c_proj score"),
        Arguments.of(false, Targets.named("c_attn"), "0.c_attn 1.c_attn"),
        Arguments.of(false, Targets.named("attn.c_proj", "score"), "0.c_proj 1.c_proj score"),
        Arguments.of(false, Targets.named("transformer.h.1.attn.c_attn"), "1.c_attn"),
        Arguments.of(false, Targets.named("h.1.attn.c_attn"), "1.c_attn"),
        Arguments.of(false, Targets.named("c_attn").inLayers(1), "1.c_attn"),
        Arguments.of(false, Targets.all().inLayers(0), "0.c_attn 0.c_proj"),
        Arguments.of(false, Targets.all().excluding("score", "c_attn"), "0.c_proj 1.c_proj"),
        Arguments.of(
            false, Targets.matching(".*\\.c_(attn|proj)").inLayers(1), "1.c_attn 1.c_proj"),
        Arguments.of(false, Targets.matching("h\\.0\\.attn\\..*"), "0.c_attn 0.c_proj"),
        Arguments.of(false, Targets.matching("score"), "score"),
        Arguments.of(true, Targets.named("c_attn").inLayers(0), "0.query 0.key 0.value"),
        Arguments.of(true, Targets.named("query", "value").inLayers(0), "0.query 0.value"),
        Arguments.of(true, Targets.matching(".*\\.1\\..*c_attn"), "1.query 1.key 1.value"),
        Arguments.of(true, Targets.named("c_attn").excluding("key").inLayers(1), "1.query 1.value"),
        Arguments.of(true, Targets.all().excluding("c_attn"), "0.c_proj 1.c_proj score"));
  }

  @ParameterizedTest
  @MethodSource("selections")
  void targetsSelect(boolean split, Targets targets, String expected) {
    LoraReport report =
        Lora.apply(new Classifier(2, split, 0), LoraConfig.of(1, 1f).withTargets(targets));
    String selected =
        String.join(" ", report.adapted()).replace("transformer.h.", "").replace("attn.", "");
    assertEquals(expected, selected);
  }

  static List<Arguments> refusals() {
    return List.of(
        Arguments.of(Targets.named("c_atn"), "no Linear is named 'c_atn'; nearest c_attn,"),
        Arguments.of(Targets.named("c_attn", "scor"), "no Linear is named 'scor'; nearest score,"),
        Arguments.of(Targets.named("att.c_attn"), "nearest attn.c_attn,"),
        Arguments.of(Targets.named("attn"), "no Linear is named 'attn'"),
        Arguments.of(Targets.named("a", "b"), "named 'b'"),
        Arguments.of(Targets.all().inLayers(0, 2), "no Linear is in layer 2"),
        Arguments.of(Targets.named("score").inLayers(0), "no Linear is left of 'score'"),
        Arguments.of(Targets.all().excluding("scroe"), "'scroe', which is excluded; nearest score"),
        Arguments.of(Targets.matching("c_attn"), "no Linear matches 'c_attn'; nearest c_attn"),
        Arguments.of(
            Targets.all().excluding("c_attn", "c_proj", "score"), "nothing is left to adapt"),
        Arguments.of(Targets.named("\u001b[2J"), "'\\u001b[2J'"));
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void whatFitsNothingIsRefusedWithTheNearestNames(Targets targets, String words) {
    String message = LoraTest.refused(new Classifier(2, false, 0), targets);
    assertTrue(message.contains(words), message);
  }

  @Test
  void allThatFitsNothingIsListed() {
    String message = LoraTest.refused(new Classifier(1, false, 0), Targets.named("one", "two"));
    assertTrue(message.contains("'one'") && message.contains("'two'"), message);
  }

  @Test
  void theNumberOfALayerIsTheFirstNumberOfItsPath() {
    assertEquals(3, Targets.layerOf("transformer.h.3.attn.experts.5.c_attn"));
    assertEquals(11, Targets.layerOf("h.11.mlp.c_fc"));
    assertEquals(-1, Targets.layerOf("ln_1.score"));
    assertEquals(-1, Targets.layerOf("h.99999999999.x"));
  }

  @Test
  void theDistanceOfTextsCountsEdits() {
    assertEquals(0, Selection.distance("c_attn", "c_attn"));
    assertEquals(1, Selection.distance("c_atn", "c_attn"));
    assertEquals(2, Selection.distance("", "ab"));
    assertEquals(3, Selection.distance("kitten", "sitting"));
  }
}

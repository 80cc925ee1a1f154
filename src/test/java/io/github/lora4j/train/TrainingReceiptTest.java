package io.github.lora4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.train.TrainingReceipt.Trained;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingReceiptTest {

  private static final Metrics BEFORE = new Metrics(0.75, 4, 0.5, new long[][] {{2, 0}, {2, 0}});
  private static final Metrics AFTER = new Metrics(0.25, 4, 1, new long[][] {{2, 0}, {0, 2}});
  private static final Metrics NO_DATA = new Metrics(Double.NaN, 0, 0, new long[0][]);

  private static TrainingReceipt receipt(
      Metrics before,
      Metrics after,
      List<Trained> trained,
      List<String> changed,
      List<String> bad) {
    return new TrainingReceipt(
        1300,
        31_200,
        -5,
        "0a1b2c3d4e5f" + "7".repeat(52),
        2.5,
        before,
        after,
        trained,
        9,
        changed,
        bad);
  }

  private static TrainingReceipt good() {
    return receipt(
        BEFORE,
        AFTER,
        List.of(new Trained("a", 6, 0.125f), new Trained("b", 8, Float.MIN_VALUE)),
        List.of(),
        List.of());
  }

  private static TrainingReceipt bad() {
    List<Trained> trained = new ArrayList<>();
    for (int i = 0; i < 11; i++) {
      trained.add(new Trained("t" + i, 4, i == 3 ? Float.NaN : 0));
    }
    return receipt(BEFORE, NO_DATA, trained, List.of("w"), List.of("t3"));
  }

  @Test
  void aGoodReceiptIsOneLineWithoutComplaints() {
    assertTrue(good().holds());
    assertEquals(List.of(), good().complaints());
    assertEquals(
        "all 2 trained tensors moved, all 9 frozen tensors unchanged, none non-finite; 1,300 steps,"
            + " 31,200 tokens, data 0a1b2c3d4e5f, seed -5",
        good().toString());
  }

  @Test
  void complaintsNameTheFirstTensorsAndCountTheRest() {
    assertFalse(bad().holds());
    assertEquals(
        List.of(
            "10 of 11 trained tensors did not move: t0, t1, t2, t4, t5, t6, t7, t8 and 2 more",
            "1 of 9 frozen tensors changed: w",
            "1 of 20 tensors hold a NaN or an infinity: t3"),
        bad().complaints());
    assertTrue(
        bad()
            .toString()
            .startsWith(
                "1 of 11 trained tensors moved, 8 of 9 frozen tensors unchanged, 1 non-finite;"),
        bad().toString());
  }

  @Test
  void factsHoldWhatIsTheSameEachTime() {
    assertEquals(
        Map.of(
            "receipt_data",
            good().dataHash(),
            "receipt_holds",
            "true",
            "receipt_seed",
            "-5",
            "receipt_steps",
            "1300",
            "receipt_tokens",
            "31200"),
        good().facts());
    assertEquals("false", bad().facts().get("receipt_holds"));
  }

  @Test
  void fileHoldsTheWholeReceipt(@TempDir Path folder) throws IOException {
    ReceiptFile.write(good(), folder);
    Map<String, Object> read = Fixtures.asMap(Fixtures.value(folder.resolve("receipt.json")));
    assertEquals(true, read.get("holds"));
    assertEquals(List.of(), read.get("complaints"));
    assertEquals(1300.0, read.get("steps"));
    assertEquals(31_200.0, read.get("tokens"));
    assertEquals(-5.0, read.get("seed"));
    assertEquals(good().dataHash(), read.get("data_sha256"));
    assertEquals(2.5, read.get("seconds"));
    assertEquals(0.75, Fixtures.asMap(read.get("before")).get("loss"));
    assertEquals(1.0, Fixtures.asMap(read.get("after")).get("accuracy"));
    assertEquals(
        List.of(
            Map.of("name", "a", "elements", 6.0, "moved", true, "largest_change", 0.125),
            Map.of("name", "b", "elements", 8.0, "moved", true, "largest_change", 1.4e-45)),
        read.get("trained"));
    assertEquals(9.0, read.get("frozen_tensors"));
    assertEquals(List.of(), read.get("frozen_changed"));
    assertEquals(List.of(), read.get("non_finite"));
    try (var files = Files.list(folder)) {
      assertEquals(1, files.count());
    }
  }

  @Test
  void fileOfABadReceiptIsStillJson(@TempDir Path folder) throws IOException {
    ReceiptFile.write(bad(), folder);
    Map<String, Object> read = Fixtures.asMap(Fixtures.value(folder.resolve("receipt.json")));
    assertEquals(false, read.get("holds"));
    assertEquals(bad().complaints(), read.get("complaints"));
    assertFalse(read.containsKey("after"));
    List<?> trained = (List<?>) read.get("trained");
    assertEquals(11, trained.size());
    assertEquals(false, Fixtures.asMap(trained.get(0)).get("moved"));
    assertNull(Fixtures.asMap(trained.get(3)).get("largest_change"));
    assertEquals(List.of("w"), read.get("frozen_changed"));
    assertEquals(List.of("t3"), read.get("non_finite"));
  }
}

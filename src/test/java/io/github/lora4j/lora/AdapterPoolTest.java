package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2LanguageModel;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.tensor.Sequences;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AdapterPoolTest {

  private static final int[][] TEXTS = {
    {1, 2, 3, 4, 5, 6, 7}, {300}, {511, 17, 17, 250, 0, 99, 4, 400, 12, 31}, {8, 9}, {44, 45, 46}
  };
  private static final int THREADS = 8;
  private static final int ROUNDS = 6;

  private static Gpt2 base(QkvLayout layout) throws IOException {
    return Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"), layout);
  }

  private static List<Adapter> adapters() throws IOException {
    List<Adapter> adapters = new ArrayList<>();
    for (String name : List.of("all-linear", "rslora", "dora", "bias-lora_only")) {
      adapters.add(Adapter.read(Fixtures.folder().resolve("adapters").resolve(name)));
    }
    return adapters;
  }

  private static float[] alone(SequenceModel model, int text) {
    return model.forward(Sequences.of(TEXTS[text]), null).toArray();
  }

  @ParameterizedTest
  @EnumSource
  void eightThreadsGetTheBitsOfOne(QkvLayout layout) throws Exception {
    Gpt2 base = base(layout);
    List<Adapter> adapters = adapters();
    List<Optional<Adapter>> users = new ArrayList<>(adapters.stream().map(Optional::of).toList());
    users.add(2, Optional.empty());
    float[][] expected = new float[TEXTS.length][];
    for (int i = 0; i < TEXTS.length; i++) {
      Gpt2LanguageModel model = base(layout).languageModel();
      if (users.get(i).isPresent()) {
        users.get(i).get().on(model);
      }
      expected[i] = alone(model, i);
      for (int j = 0; j < i; j++) {
        assertFalse(Arrays.equals(expected[i], expected[j]));
      }
    }
    AdapterPool pool = new AdapterPool(base::languageModel);
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try {
      List<Future<?>> done = new ArrayList<>();
      for (int thread = 0; thread < THREADS; thread++) {
        int own = thread % TEXTS.length;
        done.add(
            threads.submit(
                () -> {
                  for (int round = 0; round < ROUNDS; round++) {
                    float[] all = pool.forward(Sequences.of(TEXTS), users).toArray();
                    assertArrayEquals(joined(expected), all, 0);
                    if (users.get(own).isPresent()) {
                      SequenceModel view = pool.view(users.get(own).get());
                      assertArrayEquals(expected[own], alone(view, own), 0);
                    }
                  }
                  return null;
                }));
      }
      for (Future<?> each : done) {
        each.get();
      }
    } finally {
      threads.shutdownNow();
    }
    assertArrayEquals(alone(base(layout).languageModel(), 0), alone(base.languageModel(), 0), 0);
  }

  private static float[] joined(float[][] rows) {
    int length = Arrays.stream(rows).mapToInt(row -> row.length).sum();
    float[] all = new float[length];
    int at = 0;
    for (float[] row : rows) {
      System.arraycopy(row, 0, all, at, row.length);
      at += row.length;
    }
    return all;
  }

  @ParameterizedTest
  @EnumSource
  void viewsShareTheBaseAndHaveAStrength(QkvLayout layout) throws IOException {
    Gpt2 base = base(layout);
    Gpt2LanguageModel plain = base.languageModel();
    Adapter adapter = adapters().get(0);
    Gpt2LanguageModel full = adapter.on(base.languageModel());
    Gpt2LanguageModel half = adapter.on(base.languageModel(), 0.5f);
    Gpt2LanguageModel none = adapter.on(base.languageModel(), 0);
    assertSame(projection(plain).weight(), projection(full).weight());
    assertEquals(0, full.trainedParameterCount());
    assertArrayEquals(alone(plain, 0), alone(none, 0), 0);
    LinearWithLoRA whole = (LinearWithLoRA) full.namedModules().get("transformer.h.0.mlp.c_fc");
    LinearWithLoRA less = (LinearWithLoRA) half.namedModules().get("transformer.h.0.mlp.c_fc");
    assertEquals(whole.lora().factor() / 2, less.lora().factor());
    assertTrue(distance(alone(plain, 0), alone(half, 0)) > 1e-3);
    assertTrue(
        distance(alone(plain, 0), alone(half, 0)) < distance(alone(plain, 0), alone(full, 0)));
    Adapter dora = adapters().get(2);
    assertThrows(IllegalArgumentException.class, () -> dora.on(base.languageModel(), 0.5f));
    assertThrows(IllegalArgumentException.class, () -> adapter.on(base.languageModel(), -1));
  }

  private static Linear projection(Gpt2LanguageModel model) {
    return PublishedModule.places(model).get(1).linear();
  }

  private static double distance(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += Math.abs((double) a[i] - b[i]);
    }
    return sum / a.length;
  }

  @ParameterizedTest
  @EnumSource
  void eachSequenceNeedsAnEntry(QkvLayout layout) throws IOException {
    AdapterPool pool = new AdapterPool(base(layout)::languageModel);
    assertThrows(
        IllegalArgumentException.class,
        () -> pool.forward(Sequences.of(TEXTS), List.of(Optional.empty())));
  }
}

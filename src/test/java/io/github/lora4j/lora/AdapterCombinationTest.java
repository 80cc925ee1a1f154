package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.KnownSpectrum;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2Classifier;
import io.github.lora4j.gpt2.Gpt2LanguageModel;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.lora.AdapterCombination.ModuleTruncation;
import io.github.lora4j.lora.AdapterCombination.Share;
import io.github.lora4j.lora.AdapterCombination.Truncation;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.tensor.Sequences;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AdapterCombinationTest {

  private static final int[][] TEXTS = {{1, 2, 3, 4, 5, 6, 7}, {300}, {511, 17, 17, 250, 0}};

  /** Adapters of different modules and ranks, and their shares. */
  private static final Map<String, Float> SHARES = new LinkedHashMap<>();

  static {
    SHARES.put("mlp-only-regex", 0.7f);
    SHARES.put("patterns", -1.3f);
    SHARES.put("all-linear", 2f);
  }

  @TempDir private Path folder;
  private int count;

  private static Adapter adapter(String name) throws IOException {
    return Adapter.read(Fixtures.folder().resolve("adapters").resolve(name));
  }

  private static Gpt2 base(QkvLayout layout) throws IOException {
    return Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"), layout);
  }

  private static AdapterCombination<Gpt2LanguageModel> sum(QkvLayout layout) throws IOException {
    return AdapterCombination.of(base(layout)::languageModel, shares());
  }

  private static List<Share> shares() throws IOException {
    return List.of(
        new Share(adapter("mlp-only-regex"), SHARES.get("mlp-only-regex")),
        new Share(adapter("patterns"), SHARES.get("patterns")),
        new Share(adapter("all-linear"), SHARES.get("all-linear")));
  }

  private static AdapterCombination<Gpt2LanguageModel> sum(Share... shares) throws IOException {
    return AdapterCombination.of(base(QkvLayout.FUSED)::languageModel, List.of(shares));
  }

  private static float[] logits(SequenceModel model) {
    return model.forward(Sequences.of(TEXTS), null).toArray();
  }

  private static Map<String, PublishedBranch> branches(Module model) {
    Map<String, PublishedBranch> branches = new LinkedHashMap<>();
    model
        .namedModules()
        .forEach(
            (path, module) -> {
              if (module instanceof LinearWithLoRA adapted) {
                branches.put(path, PublishedBranch.of(adapted.lora()));
              }
            });
    return branches;
  }

  private static float[] magnitudes(float[] elements) {
    float[] magnitudes = elements.clone();
    for (int i = 0; i < magnitudes.length; i++) {
      magnitudes[i] = Math.abs(magnitudes[i]);
    }
    return magnitudes;
  }

  /** Adds {@code scale} times some rows of the delta of a branch to a sum. */
  private static void add(
      double scale, PublishedBranch branch, int firstRow, boolean ofMagnitudes, double[][] sum) {
    float[] a = branch.loraA().data();
    float[] b = branch.loraB().data();
    double[][] delta =
        PublishedBranches.delta(
            scale * branch.alpha() / branch.rank(),
            ofMagnitudes ? magnitudes(a) : a,
            ofMagnitudes ? magnitudes(b) : b,
            branch.rank());
    for (int o = 0; o < sum.length; o++) {
      for (int i = 0; i < sum[o].length; i++) {
        sum[o][i] += delta[firstRow + o][i];
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void exactSumAddsTheWeightedDeltasOfTheFiles(QkvLayout layout) throws IOException {
    Gpt2LanguageModel model = sum(layout).exact();
    TreeSet<String> adapted = new TreeSet<>();
    for (PublishedModule.Place place : PublishedModule.places(model)) {
      if (place.adapted() == null) {
        continue;
      }
      LoRALayer lora = place.adapted().lora();
      double[][] expected = new double[lora.outFeatures()][lora.inFeatures()];
      double[][] sizes = new double[lora.outFeatures()][lora.inFeatures()];
      double[][] got = new double[lora.outFeatures()][lora.inFeatures()];
      String name = place.linear().origin().name();
      int ranks = 0;
      for (Map.Entry<String, Float> share : SHARES.entrySet()) {
        PublishedBranch branch = PublishedBranches.ofPeft(share.getKey()).get(name);
        if (branch != null) {
          add(share.getValue(), branch, place.firstRow(), false, expected);
          add(Math.abs(share.getValue()), branch, place.firstRow(), true, sizes);
          ranks += branch.rank();
          adapted.add(name);
        }
      }
      assertEquals(ranks, lora.rank(), name);
      assertEquals((float) ranks, lora.alpha(), name);
      add(1, PublishedBranch.of(lora), 0, false, got);
      for (int o = 0; o < got.length; o++) {
        for (int i = 0; i < got[o].length; i++) {
          // Each element of B is rounded once, and nothing else.
          assertEquals(expected[o][i], got[o][i], 1.01 * KnownSpectrum.U * sizes[o][i], name);
        }
      }
    }
    TreeSet<String> all = new TreeSet<>();
    for (String name : SHARES.keySet()) {
      all.addAll(PublishedBranches.ofPeft(name).keySet());
    }
    assertEquals(all, adapted);
  }

  @ParameterizedTest
  @EnumSource
  void sumOfOneIsThatAdapter(QkvLayout layout) throws IOException {
    Gpt2 base = base(layout);
    for (String name : List.of("all-linear", "patterns", "rslora")) {
      Gpt2LanguageModel expected = base.languageModel();
      adapter(name).putInto(expected);
      AdapterCombination<Gpt2LanguageModel> one =
          AdapterCombination.of(base::languageModel, List.of(new Share(adapter(name), 1)));
      // The factors are powers of two, so that it makes no difference where they stand.
      branches(expected).values().forEach(AdapterCombinationTest::assertFactorIsAPowerOfTwo);
      assertArrayEquals(logits(expected), logits(one.exact()), 0);
      assertFalse(Arrays.equals(logits(expected), logits(base.languageModel())));
    }
  }

  private static void assertFactorIsAPowerOfTwo(PublishedBranch branch) {
    assertEquals(Math.scalb(1f, Math.getExponent(branch.factor())), branch.factor());
  }

  @ParameterizedTest
  @EnumSource
  void savedAndLoadedTheSumAnswersWithTheSameBits(QkvLayout layout) throws IOException {
    Gpt2LanguageModel exact = sum(layout).exact();
    Gpt2LanguageModel small = sum(layout).truncated(3).model();
    for (Gpt2LanguageModel model : List.of(exact, small)) {
      Path saved = folder.resolve(model == exact ? "exact" : "small");
      AdapterFile.save(model, adapter("all-linear").metadata(), saved);
      Gpt2LanguageModel loaded = base(layout).languageModel();
      AdapterFile.load(loaded, saved);
      assertArrayEquals(logits(model), logits(loaded), 0);
    }
    assertFalse(Arrays.equals(logits(exact), logits(small)));
  }

  @Test
  void linearSumIsThatOfEachModule() throws IOException {
    Share whole = new Share(adapter("all-linear"), 0.5f);
    Share part = new Share(adapter("mlp-only-regex"), -1.5f);
    Map<String, PublishedBranch> sums = branches(sum(whole, part).linear());
    Map<String, PublishedBranch> first = PublishedBranches.ofPeft("all-linear");
    Map<String, PublishedBranch> second = PublishedBranches.ofPeft("mlp-only-regex");
    assertEquals(first.size(), sums.size());
    int both = 0;
    for (Map.Entry<String, PublishedBranch> entry : sums.entrySet()) {
      String name = entry.getKey().substring("transformer.".length());
      PublishedBranch other = second.get(name);
      both += other == null ? 0 : 1;
      Combination.Weighted one = new Combination.Weighted(first.get(name), 0.5f);
      PublishedBranch expected =
          Combination.linear(
              other == null ? List.of(one) : List.of(one, new Combination.Weighted(other, -1.5f)));
      assertArrayEquals(expected.loraA().data(), entry.getValue().loraA().data());
      assertArrayEquals(expected.loraB().data(), entry.getValue().loraB().data());
      assertEquals(first.get(name).rank(), entry.getValue().rank());
      assertEquals((float) first.get(name).rank(), entry.getValue().alpha());
    }
    assertTrue(both > 0 && both < sums.size());
  }

  @ParameterizedTest
  @EnumSource
  void errorOfATruncationIsTheDistanceFromTheExactSum(QkvLayout layout) throws IOException {
    Map<String, PublishedBranch> exact = branches(sum(layout).exact());
    Truncation<Gpt2LanguageModel> cut = sum(layout).truncated(5);
    Map<String, PublishedBranch> small = branches(cut.model());
    assertEquals(
        List.copyOf(exact.keySet()), cut.modules().stream().map(ModuleTruncation::path).toList());
    int truncated = 0;
    for (ModuleTruncation module : cut.modules()) {
      double[][] whole = PublishedBranches.delta(exact.get(module.path()));
      double[][] rest = PublishedBranches.delta(small.get(module.path()));
      double square = 0;
      double all = 0;
      for (int o = 0; o < whole.length; o++) {
        for (int i = 0; i < whole[o].length; i++) {
          square += (whole[o][i] - rest[o][i]) * (whole[o][i] - rest[o][i]);
          all += whole[o][i] * whole[o][i];
        }
      }
      double norm = Math.sqrt(all);
      assertEquals(Math.min(5, exact.get(module.path()).rank()), module.rank());
      assertEquals(module.rank(), small.get(module.path()).rank());
      // A few roundings of factors whose norms are a few times that of their product.
      assertEquals(Math.sqrt(square), module.error(), 1e-5 * norm, module.path());
      assertEquals(Math.sqrt(square) / norm, module.relativeError(), 1e-5, module.path());
      if (exact.get(module.path()).rank() > 5) {
        assertTrue(module.relativeError() > 1e-3, module.toString());
        truncated++;
      } else {
        assertEquals(0.0, module.error());
      }
    }
    assertTrue(truncated > 0 && truncated < cut.modules().size());
    for (ModuleTruncation module : sum(layout).truncated(100).modules()) {
      assertEquals(exact.get(module.path()).rank(), module.rank());
      assertEquals(0.0, module.error());
    }
  }

  @Test
  void baseAndAdaptersStayAsTheyAre() throws IOException {
    Gpt2 base = base(QkvLayout.FUSED);
    Gpt2LanguageModel plain = base.languageModel();
    float[] before = logits(plain);
    AdapterCombination<Gpt2LanguageModel> sum =
        AdapterCombination.of(base::languageModel, shares());
    Gpt2LanguageModel one = sum.exact();
    Gpt2LanguageModel other = sum.exact();
    assertArrayEquals(logits(one), logits(other), 0);
    LinearWithLoRA layer = (LinearWithLoRA) one.namedModules().get("transformer.h.0.mlp.c_fc");
    assertSame(
        plain.namedModules().get("transformer.h.0.mlp.c_fc").parameters().get("weight"),
        layer.linear().weight());
    float[] expected = logits(other);
    layer.lora().loraB().data()[0] = 1e3f;
    assertFalse(Arrays.equals(expected, logits(one)));
    assertArrayEquals(expected, logits(other), 0);
    assertArrayEquals(before, logits(plain), 0);
  }

  @Test
  void headsAndBiasesThatAreTheSameStay() throws IOException {
    Gpt2 base = base(QkvLayout.FUSED);
    Adapter head = adapter("seq-cls");
    AdapterCombination<Gpt2Classifier> twice =
        AdapterCombination.of(
            () -> base.classifier(ClassifierHead.FULL, 3, head.metadata().labels()),
            List.of(new Share(head, 0.25f), new Share(head, 0.75f)));
    Gpt2Classifier expected =
        head.on(base.classifier(ClassifierHead.FULL, 3, head.metadata().labels()));
    // The halves are rounded apart from each other.
    assertArrayEquals(logits(expected), logits(twice.exact()), 1e-5f);

    Adapter biased = adapter("bias-lora_only");
    Gpt2LanguageModel wanted = biased.on(base.languageModel());
    Gpt2LanguageModel got = sum(new Share(biased, 2), new Share(biased, -1)).exact();
    assertArrayEquals(logits(wanted), logits(got), 1e-4f);
  }

  private static String refused(List<Share> shares) throws IOException {
    Gpt2 base = base(QkvLayout.FUSED);
    return assertThrows(
            IllegalArgumentException.class,
            () -> AdapterCombination.of(base::languageModel, shares))
        .getMessage();
  }

  @Test
  void whatHasNoWeightedSumIsRefusedByName() throws IOException {
    Share plain = new Share(adapter("all-linear"), 1);
    String biases = refused(List.of(plain, new Share(adapter("bias-lora_only"), 1)));
    assertTrue(biases.contains("transformer.h.0.attn.c_attn.bias"), biases);
    assertTrue(biases.contains("transformer.h.1.attn.c_attn.bias"), biases);
    assertFalse(biases.contains("weight,") || biases.contains(".lora"), biases);
    assertEquals(biases, refused(List.of(new Share(adapter("bias-lora_only"), 1), plain)));

    for (List<Share> shares :
        List.of(
            List.of(plain, new Share(adapter("dora"), 1)),
            List.of(new Share(adapter("dora"), 1)))) {
      String magnitudes = refused(shares);
      assertTrue(magnitudes.contains("transformer.h.0.attn.c_attn.magnitude"), magnitudes);
      assertFalse(magnitudes.contains("bias"), magnitudes);
    }

    Gpt2 base = base(QkvLayout.SPLIT);
    List<Share> heads =
        List.of(new Share(classifier(base, 1), 1), new Share(classifier(base, 2), 1));
    String head =
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    AdapterCombination.of(() -> base.classifier(ClassifierHead.LORA, 0, 2), heads))
            .getMessage();
    assertTrue(head.contains("got others in score.weight ("), head);
    List<Share> oneHead = List.of(heads.get(0), new Share(classifier(base, 1), 1));
    Gpt2Classifier model =
        AdapterCombination.of(() -> base.classifier(ClassifierHead.LORA, 0, 2), oneHead).exact();
    assertEquals(4, branches(model).get("score").rank());
  }

  /** An adapter of every Linear and a random head. */
  private Adapter classifier(Gpt2 base, long seed) throws IOException {
    Gpt2Classifier model = base.classifier(ClassifierHead.LORA, seed, 2);
    model.freeze();
    Lora.replaceLinearWithLora(model, 2, 2);
    return saved(model, List.of());
  }

  private Adapter saved(Module model, List<String> labels) throws IOException {
    Path saved = folder.resolve("classifier-" + count++);
    AdapterFile.save(model, new AdapterMetadata(TaskType.SEQ_CLS, null, labels, Map.of()), saved);
    return Adapter.read(saved);
  }

  @Test
  void labelsInAnotherOrderAreRefused() throws IOException {
    Gpt2 base = base(QkvLayout.SPLIT);
    Gpt2Classifier model = base.classifier(ClassifierHead.LORA, 1, 2);
    model.freeze();
    Lora.replaceLinearWithLora(model, 2, 2);
    Share named = new Share(saved(model, List.of("ham", "spam")), 1);
    Share turned = new Share(saved(model, List.of("spam", "ham")), 1);
    Share silent = new Share(saved(model, List.of()), 1);
    Share nameless = new Share(saved(model, List.of("LABEL_0", "LABEL_1")), 1);
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    AdapterCombination.of(
                        () -> base.classifier(ClassifierHead.LORA, 0, 2),
                        List.of(silent, named, nameless, turned)))
            .getMessage();
    assertTrue(message.contains("labels [ham, spam] in this order expected"), message);
    assertTrue(message.contains("got one with [spam, ham]"), message);
    Gpt2Classifier sum =
        AdapterCombination.of(
                () -> base.classifier(ClassifierHead.LORA, 0, 2),
                List.of(nameless, named, silent, named))
            .exact();
    assertEquals(8, branches(sum).get("score").rank());
  }

  @Test
  void wrongArgumentsAreRefused() throws IOException {
    assertTrue(refused(List.of()).contains("at least one adapter"));
    Adapter whole = adapter("all-linear");
    for (float weight : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
      assertThrows(IllegalArgumentException.class, () -> new Share(whole, weight));
    }
    AdapterCombination<Gpt2LanguageModel> unequal =
        sum(new Share(whole, 1), new Share(adapter("patterns"), 1));
    String ranks = assertThrows(IllegalArgumentException.class, unequal::linear).getMessage();
    assertTrue(ranks.contains("transformer.h.1.attn.c_attn [4, 2]"), ranks);
    assertFalse(ranks.contains("h.0."), ranks);
    for (int rank : new int[] {-1, 0, LoraConfig.MAX_RANK + 1}) {
      assertThrows(IllegalArgumentException.class, () -> unequal.truncated(rank));
    }
    Gpt2 base = base(QkvLayout.FUSED);
    Gpt2LanguageModel steep = base.languageModel();
    Lora.replaceLinearWithLora(steep, 2, 2);
    ((LinearWithLoRA) steep.namedModules().get("transformer.h.1.mlp.c_fc"))
            .lora()
            .loraB()
            .data()[3] =
        2;
    AdapterFile.save(steep, AdapterMetadata.of(TaskType.CAUSAL_LM), folder);
    AdapterCombination<Gpt2LanguageModel> overflow =
        sum(new Share(Adapter.read(folder), Float.MAX_VALUE));
    NonFiniteException infinite = assertThrows(NonFiniteException.class, overflow::exact);
    assertTrue(infinite.getMessage().contains("h.1.mlp.c_fc.lora.B"), infinite.getMessage());
    assertThrows(NonFiniteException.class, () -> overflow.truncated(1));
    List<Share> shares = List.of(new Share(whole, 1), new Share(adapter("seq-cls"), 1));
    assertThrows(MismatchException.class, () -> AdapterCombination.of(base::languageModel, shares));
  }
}

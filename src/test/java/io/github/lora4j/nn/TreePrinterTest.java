package io.github.lora4j.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.lora4j.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The expected drawings are PyTorch 2.13's, class names aside. */
class TreePrinterTest {

  private static Parameter zeros(int... dims) {
    return Parameter.frozen(Tensor.zeros(dims));
  }

  private static LayerNorm norm(int channels, float eps) {
    return new LayerNorm(zeros(channels), zeros(channels), eps);
  }

  private static final class Block extends Module {
    Block(float eps) {
      child("ln_1", norm(4, eps));
      slot("fc", new Linear(4, 16, false, 0));
      child("act", new Gelu());
    }
  }

  private static final class Model extends Module {
    Model(Block... blocks) {
      child("wte", new Embedding(zeros(7, 4)));
      child("h", new ModuleList<>(List.of(blocks)));
      child("none", new ModuleList<>(List.of()));
      child("ln", norm(4, 1e-5f));
    }
  }

  /** A module with children and settings of its own. */
  private static final class Adapted extends Module {
    Adapted(int out) {
      child("linear", new Linear(2, out, true, 0));
    }

    @Override
    protected String settings() {
      return "rank=2, alpha=4.0";
    }
  }

  private static final class Pair extends Module {
    Pair() {
      child("0", new Gelu());
      child("1", new Gelu());
    }
  }

  @Test
  void equalNeighboursInAListAreDrawnOnce() {
    assertEquals(
        """
        Model(
          (wte): Embedding(7, 4)
          (h): ModuleList(
            (0-1): 2 x Block(
              (ln_1): LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)
              (fc): Linear(in_features=4, out_features=16, bias=False)
              (act): Gelu(approximate='tanh')
            )
            (2): Block(
              (ln_1): LayerNorm((4,), eps=1e-06, elementwise_affine=True, bias=True)
              (fc): Linear(in_features=4, out_features=16, bias=False)
              (act): Gelu(approximate='tanh')
            )
          )
          (none): ModuleList()
          (ln): LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)
        )""",
        new Model(new Block(1e-5f), new Block(1e-5f), new Block(1e-6f)).toString());
  }

  @Test
  void twelveBlocksAreDrawnAsARange() {
    Linear[] twelve = new Linear[12];
    for (int i = 0; i < twelve.length; i++) {
      twelve[i] = new Linear(1, 1, true, i);
    }

    assertEquals(
        """
        ModuleList(
          (0-11): 12 x Linear(in_features=1, out_features=1, bias=True)
        )""",
        new ModuleList<>(List.of(twelve)).toString());
  }

  @Test
  void equalModulesThatAreNoNeighboursAreDrawnTwice() {
    assertEquals(
        """
        ModuleList(
          (0): Gelu(approximate='tanh')
          (1): Embedding(3, 2)
          (2-3): 2 x Gelu(approximate='tanh')
        )""",
        new ModuleList<>(List.of(new Gelu(), new Embedding(zeros(3, 2)), new Gelu(), new Gelu()))
            .toString());
  }

  @Test
  void onlyListsGroupTheirChildren() {
    assertEquals(
        """
        Pair(
          (0): Gelu(approximate='tanh')
          (1): Gelu(approximate='tanh')
        )""",
        new Pair().toString());
  }

  @Test
  void settingsStandAboveTheChildren() {
    assertEquals(
        """
        ModuleList(
          (0-1): 2 x Adapted(
            rank=2, alpha=4.0
            (linear): Linear(in_features=2, out_features=3, bias=True)
          )
          (2): Adapted(
            rank=2, alpha=4.0
            (linear): Linear(in_features=2, out_features=4, bias=True)
          )
        )""",
        new ModuleList<>(List.of(new Adapted(3), new Adapted(3), new Adapted(4))).toString());
  }

  @Test
  void numbersAreWrittenAsPythonWritesThem() {
    assertEquals("LayerNorm((4,), eps=1e-12, " + AFFINE, norm(4, 1e-12f).toString());
    assertEquals("LayerNorm((4,), eps=2.5e-05, " + AFFINE, norm(4, 2.5e-5f).toString());
    assertEquals("LayerNorm((4,), eps=0.0001, " + AFFINE, norm(4, 1e-4f).toString());
    assertEquals("LayerNorm((4,), eps=0.5, " + AFFINE, norm(4, 0.5f).toString());
    assertEquals("LayerNorm((4,), eps=1.0, " + AFFINE, norm(4, 1).toString());
  }

  private static final String AFFINE = "elementwise_affine=True, bias=True)";
}

package io.github.lora4j.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

class ModuleTest {

  private static Parameter parameter(int... dims) {
    return Parameter.trained(Tensor.zeros(dims));
  }

  /** Declared in an order that neither the alphabet nor the kinds of members would give. */
  private static final class Model extends Module {
    final Slot up = slot("up", new Linear(2, 3, true, 1));
    final Parameter scale = parameter("scale", ModuleTest.parameter(5));
    final Embedding table = child("a_table", new Embedding(ModuleTest.parameter(7, 2)));
    final ModuleList<Linear> list =
        child(
            "list",
            new ModuleList<>(List.of(new Linear(2, 2, false, 1), new Linear(2, 1, true, 2))));
    final Linear head = child("head", new Linear(table.weight(), null, null));
  }

  /** A module that declares the given names. */
  private static final class Named extends Module {
    Named(String... names) {
      for (String name : names) {
        child(name, new Gelu());
      }
    }
  }

  @Test
  void parametersAreNamedByPathInOrderOfDeclaration() {
    assertEquals(
        List.of(
            "scale",
            "up.weight",
            "up.bias",
            "a_table.weight",
            "list.0.weight",
            "list.1.weight",
            "list.1.bias",
            "head.weight"),
        List.copyOf(new Model().namedParameters().keySet()));
  }

  @Test
  void modulesAreNamedByPathEachBeforeItsChildren() {
    Model model = new Model();

    assertEquals(
        List.of("", "up", "a_table", "list", "list.0", "list.1", "head"),
        List.copyOf(model.namedModules().keySet()));
    assertSame(model, model.namedModules().get(""));
    assertSame(model.list.get(1), model.namedModules().get("list.1"));
    assertEquals(List.of("up", "a_table", "list", "head"), List.copyOf(model.children().keySet()));
  }

  @Test
  void aSharedParameterIsCountedAndTrainedOnce() {
    Model model = new Model();

    assertSame(
        model.namedParameters().get("a_table.weight"), model.namedParameters().get("head.weight"));
    assertFalse(model.trainedParameters().containsKey("head.weight"));
    assertEquals(7, model.trainedParameters().size());
    assertEquals(5 + 6 + 3 + 14 + 4 + 2 + 1, model.parameterCount());
    assertEquals(model.parameterCount(), model.trainedParameterCount());
  }

  @Test
  void freezingAndThawingReachTheWholeTree() {
    Model model = new Model();

    assertSame(model, model.freeze());
    assertEquals(0, model.trainedParameterCount());
    assertEquals(35, model.parameterCount());
    assertTrue(model.trainedParameters().isEmpty());

    model.list.unfreeze();
    assertEquals(
        List.of("list.0.weight", "list.1.weight", "list.1.bias"),
        List.copyOf(model.trainedParameters().keySet()));
    assertEquals(7, model.trainedParameterCount());

    assertSame(model, model.unfreeze());
    assertEquals(35, model.trainedParameterCount());
  }

  @Test
  void aFrozenSharedParameterIsFrozenInBothPlaces() {
    Model model = new Model();
    model.head.freeze();

    assertFalse(model.table.weight().isTrained());
  }

  @Test
  void whatASlotHoldsIsWhatRunsAndWhatTheTreeShows() {
    Model model = new Model();
    Tensor x = Tensor.of(new float[] {-1, 2}, 2);
    assertEquals(3, model.up.forward(x).shape().numel());
    assertSame(model.up, model.slots().get("up"));

    Gelu gelu = new Gelu();
    model.up.set(gelu);

    assertSame(gelu, model.up.layer());
    assertSame(gelu, model.children().get("up"));
    assertArrayEquals(x.gelu().data(), model.up.forward(x).data());
    assertEquals("scale", model.namedParameters().keySet().iterator().next());
    assertFalse(model.namedParameters().containsKey("up.weight"));
    assertEquals(26, model.parameterCount());
    assertTrue(model.toString().contains("(up): Gelu("));
  }

  @Test
  void onlySlotsMayBeExchanged() {
    Model model = new Model();

    assertEquals(List.of("up"), List.copyOf(model.slots().keySet()));
    assertThrows(UnsupportedOperationException.class, () -> model.slots().clear());
    assertThrows(UnsupportedOperationException.class, () -> model.parameters().clear());
  }

  @Test
  void aNameIsUsedOnce() {
    assertEquals(
        "module: a new name expected, got 'act' twice",
        assertThrows(IllegalArgumentException.class, () -> new Named("act", "act")).getMessage());
    assertThrows(
        IllegalArgumentException.class,
        () ->
            new Module() {
              {
                slot("x", new Gelu());
                parameter("x", ModuleTest.parameter(1));
              }
            });
  }

  @Test
  void aNameHasNoDotsAndIsNotEmpty() {
    assertEquals(
        "module: a name without dots expected, got 'h.0'",
        assertThrows(IllegalArgumentException.class, () -> new Named("h.0")).getMessage());
    assertThrows(IllegalArgumentException.class, () -> new Named(""));
  }

  @Test
  void aListIsReadInOrder() {
    Linear first = new Linear(1, 1, false, 1);
    Linear second = new Linear(1, 1, false, 2);
    ModuleList<Linear> list = new ModuleList<>(List.of(first, second));

    assertEquals(2, list.size());
    assertSame(second, list.get(1));
    assertSame(first, list.iterator().next());
  }
}

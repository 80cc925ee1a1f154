package io.github.lora4j.lora;

import io.github.lora4j.error.MismatchException;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.lora.PublishedModule.Place;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Origin;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.nn.Slot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The branches of a model in the formats of other programs than PEFT: mlx-lm and llama.cpp.
 *
 * <p>Both know branches of a block's linear modules and nothing else. A head, a trained bias, a
 * magnitude (DoRA) and what is trained whole have no place in them: a model that has any is
 * refused, since what would be written answers otherwise. {@link Merge} carries all of it.
 *
 * <p>Where several Linear hold rows of one published weight, as query, key and value do, their
 * branches become one beside the whole weight.
 */
public final class AdapterExport {

  private AdapterExport() {}

  /**
   * Writes the branches of a model as llama.cpp reads them ({@code --lora}), one GGUF file. The
   * same branches and name give the same bytes. Where modules have different alphas, the numbers of
   * some B are rounded once.
   *
   * @param model the root of a tree with branches; not modified
   * @param file its path, in an existing folder; an older file is replaced
   * @param name what programs show as the adapter's name, or null
   * @throws IllegalArgumentException if nothing is adapted, or there is anything in the model that
   *     the format cannot carry; it names all of that
   * @throws NonFiniteException if a number is NaN or infinite
   * @throws IOException if it cannot be written; an older file is then as it was
   */
  public static void writeGguf(Module model, Path file, @Nullable String name) throws IOException {
    GgufAdapter.write(file, branches("save as GGUF", model), name);
  }

  /**
   * Writes the branches of a model as mlx-lm keeps them ({@code --adapter-path}). The same branches
   * give the same bytes. The model has {@code 1 + b} blocks, b the highest number of a block among
   * its published modules. Its dropout is the highest of a branch.
   *
   * @param model the root of a tree with branches; not modified
   * @param folder where to; made if there is none, an adapter of this kind in it is replaced
   * @throws IllegalArgumentException as {@link #writeGguf}
   * @throws NonFiniteException if a number is NaN or infinite
   * @throws IOException if it cannot be written, or the folder holds an adapter of another kind; an
   *     adapter that was there is still there then
   */
  public static void writeMlx(Module model, Path folder) throws IOException {
    Map<String, PublishedBranch> branches = branches("save for mlx-lm", model);
    List<Place> places = PublishedModule.places(model);
    int blocks = 0;
    for (String name : PublishedModule.published(places).keySet()) {
      BlockModule module = BlockModule.ofPublished(name);
      blocks = Math.max(blocks, module == null ? 0 : module.block() + 1);
    }
    float dropout = 0;
    for (Place place : places) {
      LinearWithLoRA adapted = place.adapted();
      dropout = Math.max(dropout, adapted == null ? 0 : adapted.lora().dropout());
    }
    MlxAdapter.write(folder, branches, blocks, dropout);
  }

  /**
   * Puts the branches of an adapter of mlx-lm into a model, fused or split; they are trained
   * afterwards and have no dropout. A module that has a branch gets this one in its place; a model
   * that has branches elsewhere does not fit.
   *
   * @param model a model of the published layout; modified
   * @param folder what {@link #writeMlx} or mlx-lm wrote
   * @throws MismatchException if adapter and model do not fit together; it lists all that does not,
   *     and the model is as it was
   * @throws io.github.lora4j.error.UnsupportedFeatureException if the folder holds another kind of
   *     adapter
   * @throws NonFiniteException if a number is NaN or infinite
   * @throws IOException if a file is missing or damaged
   */
  public static void readMlx(Module model, Path folder) throws IOException {
    SortedMap<String, PublishedBranch> branches = MlxAdapter.read(folder);
    Map<String, Slot> slots = Lora.slots(model.namedModules());
    List<Place> places = PublishedModule.places(model);
    Map<String, List<Place>> published = PublishedModule.published(places);
    AdapterFaults faults =
        new AdapterFaults(folder.resolve(MlxAdapter.TENSORS), null, published.keySet());
    branches.forEach(
        (name, branch) -> {
          List<Place> rows = published.get(name);
          if (rows == null) {
            faults.addNearest("AD-10", "tensors", "the model has no Linear", name);
            return;
          }
          int in = rows.get(0).linear().inFeatures();
          int out = rows.stream().mapToInt(place -> place.linear().outFeatures()).sum();
          faults.compareShape("AD-18", name + " A (r, in)", branch.loraA(), branch.rank(), in);
          faults.compareShape("AD-18", name + " B (out, r)", branch.loraB(), out, branch.rank());
          for (Place place : rows) {
            if (!slots.containsKey(place.path())) {
              faults.add("AD-06", place.path(), "a Linear in a slot expected, this one is fixed");
            } else if (place.hasMagnitude()) {
              faults.add("AD-10", place.path(), "a magnitude, which this adapter does not have");
            }
          }
        });
    for (Place place : places) {
      Origin origin = place.linear().origin();
      if (place.adapted() != null && (origin == null || !branches.containsKey(origin.name()))) {
        faults.addedInModel(place.path());
      }
    }
    faults.throwIfAny();
    branches.forEach(
        (name, branch) -> {
          for (Place place : Objects.requireNonNull(published.get(name))) {
            Objects.requireNonNull(slots.get(place.path()))
                .set(new LinearWithLoRA(place.linear(), branch.beside(place, 0)));
          }
        });
  }

  /** The branches by published name, if they are all that an adapter of the model must hold. */
  private static Map<String, PublishedBranch> branches(String operation, Module model) {
    List<Place> places = PublishedModule.places(model);
    Map<String, PublishedBranch> branches = new TreeMap<>();
    PublishedModule.published(places)
        .forEach(
            (name, rows) -> {
              PublishedModule module = PublishedModule.of(rows, false);
              PublishedBranch branch = module == null ? null : module.branch();
              if (branch != null) {
                branches.put(name, branch);
              }
            });
    Set<Parameter> carried = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Place place : places) {
      LinearWithLoRA adapted = place.adapted();
      if (adapted != null && place.linear().origin() != null) {
        adapted.branches().forEach(branch -> carried.addAll(branch.parameters().values()));
      }
    }
    List<String> others = new ArrayList<>();
    SavedParameters.of(model)
        .forEach(
            (name, parameter) -> {
              if (!carried.contains(parameter)) {
                others.add(name);
              }
            });
    if (!others.isEmpty()) {
      throw new IllegalArgumentException(
          "%s: a model with branches of its blocks and nothing else that is trained or new expected,"
                  .formatted(operation)
              + " got one that needs %s (merge it and write the whole model, or save as PEFT does)"
                  .formatted(String.join(", ", others)));
    }
    return branches;
  }
}

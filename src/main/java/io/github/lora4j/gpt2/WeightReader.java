package io.github.lora4j.gpt2;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.PackedMatrix;
import io.github.lora4j.kernel.Parallel;
import io.github.lora4j.kernel.WeightFormat;
import io.github.lora4j.safetensors.TensorSource;
import io.github.lora4j.tensor.Sha256;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Reads published tensors into frozen parameters, all processors at work. A weight is read in
 * pieces that go through a small buffer to their places, so there is never a second copy of it. The
 * weight of a Linear is digested on its way, see {@link io.github.lora4j.nn.Origin#sha256}.
 */
final class WeightReader {

  /** The elements of a piece: few enough to stay in a processor's cache on their way. */
  private static final int PIECE = 1 << 18;

  /** From here on a float32 rounds to infinity in bfloat16. */
  private static final float BFLOAT_OVERFLOW = 0x1.ffp127f;

  private final TensorSource source;
  private final Map<String, String> names;
  private final LoadOptions options;
  private final Queue<float[]> buffers = new ConcurrentLinkedQueue<>();

  /**
   * Prepares to read; reads nothing.
   *
   * @param source the tensors of the file
   * @param names the name in the file of each tensor, by its published name
   * @param options the layout, the format, and what to accept
   */
  WeightReader(TensorSource source, Map<String, String> names, LoadOptions options) {
    this.source = source;
    this.names = names;
    this.options = options;
  }

  /**
   * Reads tensors whose shapes are known to be right.
   *
   * @param tensors what to read
   * @return all of it, frozen
   */
  Gpt2Weights read(List<PublishedTensor> tensors) throws IOException {
    Destination[] destinations = new Destination[tensors.size()];
    inParallel(destinations.length, i -> destinations[i] = destination(tensors.get(i)));
    List<Piece> pieces = new ArrayList<>();
    for (Destination destination : destinations) {
      pieces.addAll(destination.pieces());
    }
    inParallel(pieces.size(), i -> pieces.get(i).read());
    Gpt2Weights weights = new Gpt2Weights(options.layout());
    for (Destination destination : destinations) {
      for (int i = 0; i < destination.parts.size(); i++) {
        weights.add(destination.parts.get(i), destination.tensor(i), false);
      }
    }
    return weights;
  }

  /**
   * Compares two tensors of the file, bit by bit.
   *
   * @param name one of them
   * @param other the other, with the same number of elements
   * @return whether their elements are the same
   */
  boolean areEqual(String name, String other) throws IOException {
    long elements = Objects.requireNonNull(source.tensors().get(name)).elements();
    AtomicBoolean equal = new AtomicBoolean(true);
    inParallel(
        Math.toIntExact((elements + PIECE - 1) / PIECE),
        i -> {
          if (equal.get()) {
            long from = (long) i * PIECE;
            int count = (int) Math.min(PIECE, elements - from);
            float[] these = buffer(count);
            float[] those = buffer(count);
            source.readFloats(name, from, count, these, 0);
            source.readFloats(other, from, count, those, 0);
            if (!Arrays.equals(these, 0, count, those, 0, count)) {
              equal.set(false);
            }
            buffers.add(these);
            buffers.add(those);
          }
        });
    return equal.get();
  }

  /** A task that may fail while it reads. */
  @FunctionalInterface
  private interface Task {
    void run(int number) throws IOException;
  }

  private static void inParallel(int count, Task task) throws IOException {
    try {
      Parallel.forEach(
          count,
          i -> {
            try {
              task.run(i);
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /** An array of at least so many elements, to be given back to the queue. */
  private float[] buffer(int length) {
    float[] free = buffers.poll();
    return free != null && free.length >= length ? free : new float[Math.max(length, PIECE)];
  }

  /** Reads elements and refuses what the options refuse. */
  private void readElements(String name, long from, int count, float[] target) throws IOException {
    if (options.acceptNonFinite()) {
      source.readFloats(name, from, count, target, 0);
    } else {
      source.readFiniteFloats(name, from, count, target, 0);
    }
  }

  private Destination destination(PublishedTensor tensor) {
    String name = Objects.requireNonNull(names.get(tensor.path()), tensor.path());
    return tensor.isWeight() ? new PackedWeight(tensor, name) : new PlainTensor(tensor, name);
  }

  /** Where a published tensor goes: one part of the model, or several. */
  private abstract static class Destination {
    final PublishedTensor published;
    final String name; // in the file
    final List<PublishedTensor.Part> parts; // digests are added while reading

    Destination(PublishedTensor published, String name, QkvLayout layout) {
      this.published = published;
      this.name = name;
      this.parts = new ArrayList<>(published.parts(layout));
    }

    /** What to read, in pieces that different threads may read at once. */
    abstract List<Piece> pieces();

    /** A part that has been read. */
    abstract Tensor tensor(int part);
  }

  /** A piece of a tensor, to be read into its place. */
  @FunctionalInterface
  private interface Piece {
    void read() throws IOException;
  }

  /** A tensor that products do not use: each part is an array, read at once. */
  private final class PlainTensor extends Destination {
    private final List<float[]> values = new ArrayList<>();

    PlainTensor(PublishedTensor published, String name) {
      super(published, name, options.layout());
      parts.forEach(part -> values.add(new float[published.shape(part).numel()]));
    }

    @Override
    List<Piece> pieces() {
      return List.of(this::read);
    }

    private void read() throws IOException {
      long from = 0;
      for (float[] part : values) {
        readElements(name, from, part.length, part);
        from += part.length;
      }
    }

    @Override
    Tensor tensor(int part) {
      return Tensor.of(values.get(part), published.shape(parts.get(part)).toArray());
    }
  }

  /** A weight of products: each part is held as the kernels read it. */
  private final class PackedWeight extends Destination {
    private final int fileRows;
    private final int fileColumns;
    private final List<PackedMatrix> packed = new ArrayList<>();

    PackedWeight(PublishedTensor published, String name) {
      super(published, name, options.layout());
      int out = published.shape().dim(0);
      int in = published.shape().dim(1);
      fileRows = published.conv1d() ? in : out;
      fileColumns = published.conv1d() ? out : in;
      for (PublishedTensor.Part part : parts) {
        packed.add(ActiveKernels.get().allocate(part.origin().rows(), in, options.format()));
      }
    }

    @Override
    List<Piece> pieces() {
      if (published.conv1d()) {
        return List.of(this::readAndDigest);
      }
      List<Piece> pieces = new ArrayList<>();
      for (int first = 0; first < fileRows; first += step()) {
        int row = first;
        int rows = Math.min(step(), fileRows - first);
        pieces.add(() -> read(row, rows, null));
      }
      return pieces;
    }

    /** The rows of a piece. */
    private int step() {
      return Math.max(1, PIECE / fileColumns);
    }

    /** A digest needs the elements in their order, so one thread reads them all. */
    private void readAndDigest() throws IOException {
      Sha256 digest = new Sha256();
      for (int row = 0; row < fileRows; row += step()) {
        read(row, Math.min(step(), fileRows - row), digest);
      }
      String sha256 = digest.hex();
      parts.replaceAll(part -> part.withSha256(sha256));
    }

    private void read(int row, int rows, @Nullable Sha256 digest) throws IOException {
      int count = Math.multiplyExact(rows, fileColumns);
      long from = (long) row * fileColumns;
      float[] buffer = buffer(count);
      readElements(name, from, count, buffer);
      if (digest != null) {
        digest.add(buffer, 0, count);
      }
      if (options.format() == WeightFormat.BFLOAT16) {
        requireBfloats(name, from, count, buffer);
      }
      Matrix piece = Matrix.of(buffer, rows, fileColumns);
      for (int i = 0; i < packed.size(); i++) {
        if (published.conv1d()) {
          int first = parts.get(i).origin().firstRow();
          packed.get(i).put(0, row, piece.columns(first, packed.get(i).rows()).transpose());
        } else {
          packed.get(i).put(row, 0, piece);
        }
      }
      buffers.add(buffer);
    }

    @Override
    Tensor tensor(int part) {
      return Tensor.ofPacked(packed.get(part));
    }
  }

  private void requireBfloats(String name, long from, int count, float[] values) {
    boolean isHeld = true;
    for (int i = 0; i < count; i++) {
      isHeld &= Math.abs(values[i]) < BFLOAT_OVERFLOW;
    }
    for (int i = 0; i < count && !isHeld; i++) {
      if (Float.isFinite(values[i]) && Math.abs(values[i]) >= BFLOAT_OVERFLOW) {
        throw new NonFiniteException(
            "MX-16",
            "tensor " + name,
            "%s: numbers that are finite as bfloat16, below %s in magnitude, expected, got %s at index %d (load it as float32)"
                .formatted(Excerpt.of(source.path(name)), BFLOAT_OVERFLOW, values[i], from + i));
      }
    }
  }
}

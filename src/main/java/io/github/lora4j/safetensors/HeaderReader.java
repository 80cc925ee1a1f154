package io.github.lora4j.safetensors;

import com.fasterxml.jackson.core.JsonToken;
import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Parses and validates one header: the JSON, the fields of every tensor, and that the tensors cover
 * the data without holes, overlaps or rest.
 */
final class HeaderReader {

  private static final String MAX_LONG = Long.toString(Long.MAX_VALUE);

  private final String path;
  private final StrictJson in;
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private final Map<String, TensorInfo> byName = new LinkedHashMap<>();
  private boolean metadataSeen;
  private int unknownFields;
  private String firstUnknownField = "";

  private HeaderReader(String path, StrictJson in) {
    this.path = path;
    this.in = in;
  }

  /**
   * Reads a header.
   *
   * @param path the file, for messages
   * @param json the header's bytes
   * @param dataBytes how many bytes follow the header in the file
   * @return the header
   * @throws SafetensorsFormatException if it breaks the format
   * @throws LimitExceededException if it is nested too deeply or holds too many tensors
   */
  static Header read(String path, byte[] json, long dataBytes) throws IOException {
    try (StrictJson in = new StrictJson(path, json, SafetensorsFile.LENGTH_BYTES)) {
      return new HeaderReader(path, in).read(dataBytes);
    }
  }

  private Header read(long dataBytes) throws IOException {
    in.enterObject("the header");
    while (in.next() == JsonToken.FIELD_NAME) {
      String name = in.text();
      if (name.equals(Header.METADATA)) {
        readMetadata();
      } else {
        readTensor(name);
      }
    }
    in.requireEnd();
    List<TensorInfo> ordered = new ArrayList<>(byName.values());
    ordered.sort(Comparator.comparingLong(TensorInfo::begin).thenComparingLong(TensorInfo::end));
    requireFullCover(ordered, dataBytes);
    Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    ordered.forEach(info -> tensors.put(info.name(), info));
    return new Header(metadata, tensors, warnings());
  }

  private void readMetadata() throws IOException {
    if (metadataSeen) {
      throw in.fault(
          "ST-17", "byte " + in.offset(), Header.METADATA + " must occur once, found a second");
    }
    metadataSeen = true;
    if (in.next() != JsonToken.START_OBJECT) {
      throw in.fault(
          "ST-18",
          Header.METADATA,
          Header.METADATA + " must be an object of strings, got " + in.found());
    }
    while (in.next() == JsonToken.FIELD_NAME) {
      String key = in.text();
      if (in.next() != JsonToken.VALUE_STRING) {
        throw in.fault(
            "ST-18",
            Header.METADATA,
            "value of key " + Excerpt.of(key) + " must be a string, got " + in.found());
      }
      if (metadata.put(key, in.text()) != null) {
        throw in.fault(
            "ST-17",
            Header.METADATA,
            "key " + Excerpt.of(key) + " must occur once, found a second");
      }
    }
  }

  private void readTensor(String name) throws IOException {
    String where = "tensor " + name;
    if (byName.size() == SafetensorsFile.MAX_TENSORS) {
      throw new LimitExceededException(
          "ST-33",
          path,
          "byte " + in.offset(),
          "a file may hold at most "
              + SafetensorsFile.MAX_TENSORS
              + " tensors, found at least "
              + (SafetensorsFile.MAX_TENSORS + 1));
    }
    if (in.next() != JsonToken.START_OBJECT) {
      String found = in.found();
      in.skipValue(); // a value nested too deeply is refused as such
      throw in.fault("ST-19", where, "a tensor's entry must be an object, got " + found);
    }
    DType dtype = null;
    List<Long> shape = null;
    List<Long> range = null;
    while (in.next() == JsonToken.FIELD_NAME) {
      String field = in.text();
      in.next();
      switch (field) {
        case "dtype":
          requireFirst(dtype, where, field);
          dtype = readDType(where);
          break;
        case "shape":
          requireFirst(shape, where, field);
          shape = readShape(where);
          break;
        case "data_offsets":
          requireFirst(range, where, field);
          range = readRange(where);
          break;
        default:
          if (unknownFields++ == 0) {
            firstUnknownField = Excerpt.of(field) + " of tensor " + Excerpt.of(name);
          }
          in.skipValue();
      }
    }
    if (dtype == null || shape == null || range == null) {
      String missing = dtype == null ? "dtype" : shape == null ? "shape" : "data_offsets";
      throw in.fault("ST-19", where, "field " + missing + " is missing");
    }
    TensorInfo info = tensor(name, where, dtype, shape, range.get(0), range.get(1));
    TensorInfo first = byName.putIfAbsent(name, info);
    if (first != null) {
      throw in.fault(
          "ST-16",
          where,
          "a name must occur once, found it with data_offsets ["
              + range(first)
              + "] and again with ["
              + range(info)
              + "]");
    }
  }

  private void requireFirst(@Nullable Object value, String where, String field)
      throws SafetensorsFormatException {
    if (value != null) {
      throw in.fault("ST-17", where, "field " + field + " must occur once, found a second");
    }
  }

  private DType readDType(String where) throws IOException {
    if (in.current() == JsonToken.VALUE_STRING) {
      String name = in.text();
      for (DType dtype : DType.values()) {
        if (dtype.name().equals(name)) {
          return dtype;
        }
      }
    }
    throw in.fault(
        "ST-21",
        where,
        "dtype must be one of " + Arrays.toString(DType.values()) + ", got " + in.found());
  }

  private List<Long> readShape(String where) throws IOException {
    return readIntegers(where, "shape", "ST-23", "ST-24", TensorInfo.MAX_RANK);
  }

  private List<Long> readRange(String where) throws IOException {
    List<Long> range = readIntegers(where, "data_offsets", "ST-26", "ST-26", 2);
    if (range.size() != 2 || range.get(0) > range.get(1)) {
      throw in.fault(
          "ST-26", where, "data_offsets must be [begin, end] with begin <= end, got " + range);
    }
    return range;
  }

  private List<Long> readIntegers(
      String where, String field, String code, String overflowCode, int most) throws IOException {
    if (in.current() != JsonToken.START_ARRAY) {
      throw in.fault(code, where, field + " must be an array of integers, got " + in.found());
    }
    List<Long> integers = new ArrayList<>(4);
    while (in.next() != JsonToken.END_ARRAY) {
      String element = field + "[" + integers.size() + "]";
      if (integers.size() == most) {
        throw in.fault(code, where, field + " may have at most " + most + " numbers, found more");
      }
      // A number is judged by its text: 2.0, 1e3 and -0 are not how the format spells an integer.
      if (in.current() != JsonToken.VALUE_NUMBER_INT || in.text().startsWith("-")) {
        throw in.fault(
            code, where, element + " must be a plain integer from 0 on, got " + in.found());
      }
      String digits = in.text();
      if (digits.length() > 19 || digits.length() == 19 && digits.compareTo(MAX_LONG) > 0) {
        throw in.fault(
            overflowCode,
            where,
            "overflow: " + element + " must be at most " + MAX_LONG + ", got " + digits);
      }
      integers.add(Long.parseLong(digits));
    }
    return integers;
  }

  private TensorInfo tensor(
      String name, String where, DType dtype, List<Long> shape, long begin, long end)
      throws SafetensorsFormatException {
    long needed;
    try {
      needed = TensorInfo.byteSize(dtype, shape);
    } catch (IllegalArgumentException e) {
      SafetensorsFormatException fault =
          in.fault("ST-24", where, "shape is impossible: " + e.getMessage());
      fault.initCause(e);
      throw fault;
    }
    if (needed != end - begin) {
      throw in.fault(
          "ST-32",
          where,
          dtype
              + " "
              + shape
              + " needs "
              + needed
              + " bytes, has "
              + (end - begin)
              + " (data_offsets ["
              + begin
              + ", "
              + end
              + "])");
    }
    return new TensorInfo(name, dtype, shape, begin, end);
  }

  private void requireFullCover(List<TensorInfo> ordered, long dataBytes)
      throws SafetensorsFormatException {
    long covered = 0;
    TensorInfo previous = null;
    for (TensorInfo info : ordered) {
      if (info.begin() < covered && previous != null) {
        throw in.fault(
            "ST-27",
            "tensor " + info.name(),
            "its bytes ["
                + range(info)
                + "] overlap with those of tensor "
                + Excerpt.of(previous.name())
                + ", ["
                + range(previous)
                + "]");
      }
      if (info.begin() > covered) {
        throw in.fault(
            "ST-28",
            "tensor " + info.name(),
            "data must have no holes, but "
                + covered
                + ".."
                + info.begin()
                + " before this tensor is not covered");
      }
      covered = info.end();
      previous = info;
    }
    if (covered < dataBytes) {
      throw in.fault(
          "ST-29",
          "",
          "expected "
              + covered
              + " bytes of tensors after the header, got "
              + dataBytes
              + ": data after the last tensor belongs to none");
    }
    if (covered > dataBytes) {
      throw in.fault(
          "ST-30",
          "",
          "expected "
              + covered
              + " bytes of tensors after the header, got "
              + dataBytes
              + " (an incomplete download? Fetch the file again)");
    }
  }

  private static String range(TensorInfo info) {
    return info.begin() + ", " + info.end();
  }

  private List<String> warnings() {
    if (unknownFields == 0) {
      return List.of();
    }
    String more = unknownFields == 1 ? "" : " and " + (unknownFields - 1) + " more";
    return List.of(Excerpt.of(path) + ": unknown field ignored: " + firstUnknownField + more);
  }
}

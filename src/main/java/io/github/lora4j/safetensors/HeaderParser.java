package io.github.lora4j.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Parses the JSON header of a file and proves that its tensors cover the data, each byte once. */
final class HeaderParser {

  /** The most tensors a file may declare. */
  static final int MAX_TENSORS = 100_000;

  /** The deepest nesting of the header's JSON. */
  static final int MAX_DEPTH = 8;

  private static final String METADATA = "__metadata__";
  private static final int BYTES_BEFORE_HEADER = 8;

  private static final JsonFactory JSON =
      new JsonFactoryBuilder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(100)
                  .maxNameLength(SafetensorsFile.MAX_HEADER_BYTES)
                  .maxStringLength(SafetensorsFile.MAX_HEADER_BYTES)
                  .build())
          // Names are untrusted and used once: interning them would only fill a global table.
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .build();

  private final String path;
  private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private boolean metadataSeen;

  private HeaderParser(String path) {
    this.path = path;
  }

  /** What a header holds. */
  record Header(Map<String, TensorInfo> tensors, Map<String, String> metadata) {}

  /**
   * Parses and validates.
   *
   * @param path the file, for messages
   * @param bytes the header
   * @param dataBytes the size of the file behind the header
   */
  static Header parse(String path, byte[] bytes, long dataBytes) throws IOException {
    HeaderParser parser = new HeaderParser(path);
    parser.read(parser.decode(bytes));
    parser.checkCoverage(dataBytes);
    return new Header(parser.tensors, parser.metadata);
  }

  private String decode(byte[] bytes) throws SafetensorsFormatException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    try {
      String text =
          StandardCharsets.UTF_8
              .newDecoder()
              .onMalformedInput(CodingErrorAction.REPORT)
              .onUnmappableCharacter(CodingErrorAction.REPORT)
              .decode(buffer)
              .toString();
      if (text.startsWith("\uFEFF")) {
        throw fault("ST-13", place(0), "JSON expected, got a byte-order mark");
      }
      return text;
    } catch (CharacterCodingException e) {
      throw fault("ST-09", place(buffer.position()), "a header in UTF-8 expected, got other bytes");
    }
  }

  private static String place(long offset) {
    return "byte " + (BYTES_BEFORE_HEADER + offset);
  }

  private SafetensorsFormatException fault(String code, String location, String problem) {
    return new SafetensorsFormatException(code, path, location, problem);
  }

  private void read(String text) throws IOException {
    try (JsonParser json = JSON.createParser(text)) {
      JsonToken start = json.nextToken();
      if (start != JsonToken.START_OBJECT) {
        throw fault("ST-11", place(0), "a JSON object expected as header, got " + start);
      }
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String name = json.currentName();
        json.nextToken();
        if (name.equals(METADATA)) {
          readMetadata(json);
        } else {
          readTensor(name, json);
        }
      }
      checkEnd(text, json.currentLocation().getCharOffset());
    } catch (StreamConstraintsException e) {
      throw new LimitExceededException(
          "ST-15",
          path,
          "header",
          "JSON of depth %d at most and numbers of 100 digits at most expected: %s"
              .formatted(MAX_DEPTH, Excerpt.of(e.getOriginalMessage())));
    } catch (JsonProcessingException e) {
      long offset = e.getLocation() == null ? 0 : e.getLocation().getCharOffset();
      throw fault(
          "ST-10",
          place(Math.max(0, offset)),
          "well-formed JSON expected as header: " + Excerpt.of(e.getOriginalMessage()));
    }
  }

  private void checkEnd(String text, long end) throws SafetensorsFormatException {
    for (int i = (int) end; i < text.length(); i++) {
      if (" \t\r\n".indexOf(text.charAt(i)) < 0) {
        throw fault("ST-12", place(i), "nothing but blanks behind the header's object expected");
      }
    }
  }

  private void readMetadata(JsonParser json) throws IOException {
    if (metadataSeen) {
      throw fault("ST-17", METADATA, "one __metadata__ expected, got two");
    }
    metadataSeen = true;
    if (json.currentToken() != JsonToken.START_OBJECT) {
      throw fault("ST-18", METADATA, "an object expected, got " + json.currentToken());
    }
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String key = json.currentName();
      if (json.nextToken() != JsonToken.VALUE_STRING) {
        throw fault(
            "ST-18",
            METADATA,
            "a string expected for key '%s', got %s"
                .formatted(Excerpt.of(key), json.currentToken()));
      }
      if (metadata.put(key, json.getText()) != null) {
        throw fault("ST-17", METADATA, "key '" + Excerpt.of(key) + "' stands twice");
      }
    }
  }

  private void readTensor(String name, JsonParser json) throws IOException {
    if (json.currentToken() != JsonToken.START_OBJECT) {
      throw fault("ST-19", name, "an object for the tensor expected, got " + json.currentToken());
    }
    DType dtype = null;
    List<Long> shape = null;
    List<Long> offsets = null;
    Set<String> seen = new HashSet<>();
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      if (!seen.add(field)) {
        throw fault("ST-17", name, "field '" + Excerpt.of(field) + "' stands twice");
      }
      json.nextToken();
      switch (field) {
        case "dtype" -> dtype = dtype(name, json);
        case "shape" -> shape = numbers("ST-23", name, "shape", json);
        case "data_offsets" -> offsets = numbers("ST-26", name, "data_offsets", json);
        default -> json.skipChildren(); // the reference reader ignores unknown fields, too
      }
    }
    add(
        name,
        required(name, "dtype", dtype),
        required(name, "shape", shape),
        required(name, "data_offsets", offsets));
  }

  private <T> T required(String name, String field, @Nullable T value)
      throws SafetensorsFormatException {
    if (value == null) {
      throw fault("ST-19", name, "field '" + field + "' expected, got none");
    }
    return value;
  }

  private DType dtype(String name, JsonParser json) throws IOException {
    String text = json.getText();
    for (DType known : DType.values()) {
      if (json.currentToken() == JsonToken.VALUE_STRING && known.name().equals(text)) {
        return known;
      }
    }
    throw fault(
        "ST-21",
        name,
        "a dtype of %s expected, got %s"
            .formatted(Arrays.toString(DType.values()), Excerpt.of(text)));
  }

  private List<Long> numbers(String code, String name, String field, JsonParser json)
      throws IOException {
    if (json.currentToken() != JsonToken.START_ARRAY) {
      throw fault(code, name, field + ": an array expected, got " + json.currentToken());
    }
    List<Long> numbers = new ArrayList<>();
    while (json.nextToken() != JsonToken.END_ARRAY) {
      String literal = json.getText();
      boolean plain = json.currentToken() == JsonToken.VALUE_NUMBER_INT && !literal.startsWith("-");
      if (!plain || literal.length() > 18) {
        boolean overflow = plain && code.equals("ST-23");
        throw fault(
            overflow ? "ST-24" : code,
            name,
            "%s: a plain whole number expected at index %d, got %s%s"
                .formatted(
                    field,
                    numbers.size(),
                    Excerpt.of(literal),
                    plain ? " (overflow)" : ""));
      }
      if (numbers.size() == TensorInfo.MAX_RANK) {
        throw fault(code, name, field + ": at most " + TensorInfo.MAX_RANK + " numbers expected");
      }
      numbers.add(Long.parseLong(literal));
    }
    return numbers;
  }

  private void add(String name, DType dtype, List<Long> shape, List<Long> offsets)
      throws IOException {
    if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
      throw fault("ST-26", name, "data_offsets [begin, end] in order expected, got " + offsets);
    }
    long needed;
    try {
      needed = TensorInfo.byteSize(dtype, shape);
    } catch (IllegalArgumentException e) {
      throw fault("ST-24", name, String.valueOf(e.getMessage()));
    }
    long has = offsets.get(1) - offsets.get(0);
    if (needed != has) {
      throw fault(
          "ST-32",
          name,
          "shape %s of %s needs %d bytes, its range [%d, %d] has %d"
              .formatted(shape, dtype, needed, offsets.get(0), offsets.get(1), has));
    }
    TensorInfo info = new TensorInfo(name, dtype, shape, offsets.get(0), offsets.get(1));
    TensorInfo twin = tensors.put(name, info);
    if (twin != null) {
      throw fault(
          "ST-16",
          name,
          "a tensor's name once expected, got it at [%d, %d] and [%d, %d]"
              .formatted(twin.begin(), twin.end(), info.begin(), info.end()));
    }
    if (tensors.size() > MAX_TENSORS) {
      throw new LimitExceededException(
          "ST-33", path, name, "at most " + MAX_TENSORS + " tensors expected, got more");
    }
  }

  private void checkCoverage(long dataBytes) throws SafetensorsFormatException {
    List<TensorInfo> byOffset = new ArrayList<>(tensors.values());
    byOffset.sort(
        (a, b) ->
            a.begin() != b.begin()
                ? Long.compare(a.begin(), b.begin())
                : Long.compare(a.end(), b.end()));
    long covered = 0;
    String before = "the header";
    for (TensorInfo info : byOffset) {
      if (info.begin() < covered) {
        throw fault(
            "ST-27",
            info.name(),
            "ranges that do not overlap expected, got %d..%d of '%s' and of '%s'"
                .formatted(info.begin(), covered, Excerpt.of(before), Excerpt.of(info.name())));
      }
      if (info.begin() > covered) {
        throw fault(
            "ST-28",
            info.name(),
            "no hole expected, got bytes %d..%d that belong to no tensor"
                .formatted(covered, info.begin()));
      }
      covered = info.end();
      before = info.name();
    }
    if (covered < dataBytes) {
      throw fault(
          "ST-29",
          "end of file",
          "%d bytes of data expected, got %d: the rest belongs to no tensor"
              .formatted(covered, dataBytes));
    }
    if (covered > dataBytes) {
      throw fault(
          "ST-30",
          "end of file",
          "%d bytes of data expected, got %d: an incomplete download?"
              .formatted(covered, dataBytes));
    }
  }
}

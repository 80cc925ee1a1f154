package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.error.BadFileException;
import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a configuration of PEFT says, and which are refused: rows AD-01 to AD-19 of the faults. */
class PeftConfigTest {

  private static final List<String> MODULES = new ArrayList<>();

  static {
    for (int layer = 0; layer < 3; layer++) {
      for (String name : List.of("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")) {
        MODULES.add("h." + layer + "." + name);
      }
    }
    MODULES.add("score");
  }

  @TempDir private Path folder;

  private Path write(String json) throws IOException {
    return Files.writeString(folder.resolve("adapter_config.json"), json);
  }

  /** Reads the smallest configuration with some more members. */
  private PeftConfig read(String members) throws IOException {
    String more = members.isEmpty() ? "" : ", " + members;
    return PeftConfigReader.read(write("{\"peft_type\": \"LORA\", \"r\": 4" + more + "}"));
  }

  private <E extends BadFileException> E refused(Class<E> type, String code, String members) {
    E e = assertThrows(type, () -> read(members), members);
    assertEquals(code, e.code(), e.getMessage());
    assertTrue(e.getMessage().startsWith(folder.toString()), e.getMessage());
    return e;
  }

  // --- what PEFT wrote ---------------------------------------------------------------------------

  static Stream<Path> adapters() throws IOException {
    return Files.list(Fixtures.folder().resolve("adapters")).filter(Files::isDirectory).sorted();
  }

  @Test
  void thereAreNineAdapters() throws IOException {
    assertEquals(9, adapters().count());
  }

  @ParameterizedTest
  @MethodSource("adapters")
  void aConfigurationOfPeftSaysWhatItsJsonSays(Path adapter) throws IOException {
    Path file = adapter.resolve("adapter_config.json");
    Map<String, Object> json = Fixtures.asMap(Fixtures.value(file));
    PeftConfig config = PeftConfigReader.read(file, Strictness.STRICT);
    assertEquals(json.get("r"), (double) config.rank());
    assertEquals(json.get("lora_alpha"), (double) config.loraAlpha());
    assertEquals(json.get("use_rslora"), config.isRsLora());
    assertEquals(json.get("use_dora"), config.isDora());
    assertEquals(json.get("lora_dropout"), (double) config.dropout());
    assertEquals(json.get("bias"), config.bias().name().toLowerCase());
    assertEquals(json.get("task_type"), String.valueOf(config.taskType()));
    assertEquals(json.get("base_model_name_or_path"), config.baseModel());
    assertEquals(String.valueOf(json.get("init_lora_weights")), config.initLoraWeights());
    Object targets = json.get("target_modules");
    assertEquals(targets instanceof String ? targets : null, config.targetModules().pattern());
    assertEquals(
        targets instanceof List<?> list ? Set.copyOf(list) : Set.of(),
        config.targetModules().names());
    Object layers = json.get("layers_to_transform");
    assertEquals(
        layers == null ? List.of() : Arrays.stream(Fixtures.ints(layers)).boxed().toList(),
        config.layersToTransform());
    assertEquals(numbers(json.get("rank_pattern")), numbers(config.rankPattern().values()));
    assertEquals(numbers(json.get("alpha_pattern")), numbers(config.alphaPattern().values()));
    Object saved = json.get("modules_to_save");
    assertEquals(saved == null ? List.of() : saved, config.modulesToSave());
    assertEquals(List.of(), config.warnings());
  }

  private static Map<String, Double> numbers(Object map) {
    return ((Map<?, ?>) map)
        .entrySet().stream()
            .collect(
                Collectors.toMap(
                    each -> (String) each.getKey(),
                    each -> ((Number) each.getValue()).doubleValue()));
  }

  /** The header of the file beside it tells which modules PEFT adapted, and with which rank. */
  @ParameterizedTest
  @MethodSource("adapters")
  void aConfigurationSelectsWhatPeftAdapted(Path adapter) throws IOException {
    PeftConfig config = PeftConfigReader.read(adapter.resolve("adapter_config.json"));
    byte[] bytes = Files.readAllBytes(adapter.resolve("adapter_model.safetensors"));
    Matcher found =
        Pattern.compile(
                "transformer\\.([^\"]*)\\.lora_A\\.weight\":\\{\"dtype\":\"F32\",\"shape\":\\[(\\d+),")
            .matcher(new String(bytes, StandardCharsets.ISO_8859_1));
    Set<String> adapted = new TreeSet<>();
    while (found.find()) {
      adapted.add(found.group(1));
      assertEquals(Integer.parseInt(found.group(2)), config.rank(found.group(1)), found.group(1));
    }
    assertFalse(adapted.isEmpty());
    Set<String> selected = new TreeSet<>();
    for (String module : MODULES) {
      if (config.selects(module)) {
        selected.add(module);
      }
    }
    assertEquals(adapted, selected);
  }

  @Test
  void missingKeysHaveTheDefaultsOfPeft() throws IOException {
    PeftConfig config = read("");
    assertEquals(4, config.rank());
    assertEquals(8, config.loraAlpha());
    assertEquals(0, config.dropout());
    assertEquals(BiasTraining.NONE, config.bias());
    assertFalse(config.isDora());
    assertFalse(config.isRsLora());
    assertEquals("true", config.initLoraWeights());
    assertEquals(Set.of("c_attn"), config.targetModules().names());
    assertNull(config.taskType());
    assertNull(config.baseModel());
    assertEquals(List.of(), config.modulesToSave());
    assertEquals(BiasTraining.ALL, read("\"bias\": \"all\"").bias());
  }

  // --- which modules; the expected names are what PEFT 0.21's check_target_module_exists says
  // -----

  @ParameterizedTest
  @CsvSource(
      delimiter = '>',
      quoteCharacter = '`',
      value = {
        "'target_modules': ['c_attn'] > 0a 1a 2a",
        "'target_modules': ['c_proj'] > 0p 0q 1p 1q 2p 2q",
        "'target_modules': ['attn.c_proj', 'h.2.mlp.c_fc'] > 0p 1p 2p 2f",
        "'target_modules': ['transformer.h.0.attn.c_attn', 'c_fc'], 'layers_to_transform': [1] > 0a 1f",
        "'target_modules': ['attn'] > -",
        "'target_modules': ['_attn'] > -",
        "'target_modules': ['c_attn', 'score'], 'modules_to_save': ['score'] > 0a 1a 2a",
        "'target_modules': ['c_attn', 'score'] > 0a 1a 2a s",
        "'target_modules': ['c_attn', 'c_fc'], 'modules_to_save': ['attn'] > 0f 1f 2f",
        "'target_modules': ['c_attn', 'c_fc'], 'exclude_modules': ['attn.c_attn'] > 0f 1f 2f",
        "'target_modules': ['c_attn', 'c_fc'], 'exclude_modules': '.*\\\\.1\\\\..*' > 0a 0f 2a 2f",
        "'target_modules': ['c_attn'], 'layers_to_transform': 1 > 1a",
        "'target_modules': ['c_attn'], 'layers_to_transform': [0, 2] > 0a 2a",
        "'target_modules': ['c_attn'], 'layers_to_transform': [] > 0a 1a 2a",
        "'target_modules': ['c_attn'], 'layers_to_transform': [7] > -",
        "'target_modules': ['c_attn', 'score'], 'layers_to_transform': [0] > 0a s",
        "'target_modules': '.*\\\\.mlp\\\\.c_(fc|proj)' > 0f 0q 1f 1q 2f 2q",
        "'target_modules': 'transformer\\\\.h\\\\.[02]\\\\.attn\\\\.c_attn' > 0a 2a",
        "'target_modules': 'c_attn' > -",
        "'target_modules': 'transformer\\\\..*' > 0a 0p 0f 0q 1a 1p 1f 1q 2a 2p 2f 2q",
        "'target_modules': '.*c_attn' > 0a 1a 2a",
        "'target_modules': ['c_attn'], 'layers_to_transform': [0], 'layers_pattern': 'h' > 0a",
        "'target_modules': ['c_attn'], 'layers_to_transform': 0, 'layers_pattern': ['x', 'h'] > 0a",
        "'target_modules': [] > -",
        "'target_modules': 'all-linear', 'task_type': 'SEQ_CLS'"
            + " > 0a 0p 0f 0q 1a 1p 1f 1q 2a 2p 2f 2q",
        "'target_modules': 'All-Linear' > 0a 0p 0f 0q 1a 1p 1f 1q 2a 2p 2f 2q s"
      })
  void modulesAreSelectedAsPeftSelectsThem(String members, String expected) throws IOException {
    PeftConfig config = read(members.replace('\'', '"'));
    List<String> selected = new ArrayList<>();
    for (String module : MODULES) {
      if (config.selects(module)) {
        selected.add(abridged(module));
      }
    }
    assertEquals(expected, selected.isEmpty() ? "-" : String.join(" ", selected));
    assertFalse(config.selects("lm_head"));
  }

  @Test
  void anExpressionMayLeaveTransformerOut() throws IOException {
    PeftConfig config = read("\"target_modules\": \"h\\\\.1\\\\.attn\\\\.c_attn\"");
    assertTrue(config.selects("h.1.attn.c_attn"));
    assertFalse(config.selects("h.0.attn.c_attn"));
  }

  /** Block and initial of a module; q is mlp.c_proj. */
  private static String abridged(String module) {
    return module.equals("score")
        ? "s"
        : module
            .replaceFirst("h\\.(\\d)\\.", "$1")
            .replace("attn.c_attn", "a")
            .replace("attn.c_proj", "p")
            .replace("mlp.c_fc", "f")
            .replace("mlp.c_proj", "q");
  }

  // --- patterns; the expected values are the index that PEFT 0.21's get_pattern_key gives
  // ---------

  @ParameterizedTest
  @CsvSource(
      delimiter = '>',
      quoteCharacter = '`',
      value = {
        "'h.1.attn.c_attn' > 1a=1",
        "'c_attn', 'h.1.attn.c_attn' > 0a=1 1a=1 2a=1",
        "'h.1.attn.c_attn', 'c_attn' > 0a=2 1a=1 2a=2",
        "'h\\\\.[01]\\\\..*' > 0a=1 0p=1 0f=1 0q=1 1a=1 1p=1 1f=1 1q=1",
        "'^transformer.h.1.mlp.c_fc', 'c_fc' > 0f=2 1f=1 2f=2",
        "'attn' > -",
        "'attn.c_proj|mlp.c_fc' > 0p=1 0f=1 1p=1 1f=1 2p=1 2f=1",
        "'c_attn$' > 0a=1 1a=1 2a=1",
        "'c.attn' > 0a=1 1a=1 2a=1",
        "'_attn' > -",
        "'h.1.attn.c_' > -",
        "'h.1.attn.c_attn.' > -",
        "'mlp\\\\.c_fc' > 0f=1 1f=1 2f=1",
        "'mlp\\\\.c\\\\.fc' > -",
        "'transformer.h.2.attn.c_attn' > 2a=1",
        "'1.attn.c_attn' > 1a=1",
        "'.*' > 0a=1 0p=1 0f=1 0q=1 1a=1 1p=1 1f=1 1q=1 2a=1 2p=1 2f=1 2q=1 s=1"
      })
  void theFirstPatternThatFitsCounts(String keys, String expected) throws IOException {
    List<String> entries = new ArrayList<>();
    for (String key : keys.replace('\'', '"').split(", ")) {
      entries.add(key + ": " + (entries.size() + 1));
    }
    String patterns = "{" + String.join(", ", entries) + "}";
    PeftConfig config =
        read(
            "\"lora_alpha\": 99, \"alpha_pattern\": %s, \"rank_pattern\": %<s".formatted(patterns));
    List<String> found = new ArrayList<>();
    for (String module : MODULES) {
      float alpha = config.alpha(module);
      assertEquals(alpha == 99 ? 4 : alpha, (float) config.rank(module));
      if (alpha != 99) {
        found.add(abridged(module) + "=" + (int) alpha);
      }
    }
    assertEquals(expected, found.isEmpty() ? "-" : String.join(" ", found));
  }

  @Test
  void aBranchIsScaledByItsOwnAlphaAndActualRank() throws IOException {
    String members = "\"lora_alpha\": 6, \"alpha_pattern\": {\"c_fc\": 2.5}";
    assertEquals(6 / 4f, read(members).scaling("h.0.attn.c_attn", 4));
    assertEquals(2.5f / 9, read(members).scaling("h.0.mlp.c_fc", 9));
    String root = members + ", \"use_rslora\": true";
    assertEquals(3, read(root).scaling("h.0.attn.c_attn", 4));
    assertEquals((float) (2.5 / Math.sqrt(5)), read(root).scaling("h.0.mlp.c_fc", 5));
  }

  // --- AD-01 -------------------------------------------------------------------------------------

  @Test
  void aMissingConfigurationIsRefused() {
    for (Path file : List.of(folder.resolve("adapter_config.json"), folder)) {
      AdapterFormatException e =
          assertThrows(AdapterFormatException.class, () -> PeftConfigReader.read(file));
      assertEquals("AD-01", e.code());
      assertTrue(e.getMessage().startsWith(file + ": "), e.getMessage());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "[]", "null", "{", "{} {}", "LORA", "{\"r\": 1, \"r\": 1}", "\u0000"})
  void whatIsNoJsonObjectIsRefused(String text) throws IOException {
    Path file = write(text);
    AdapterFormatException e =
        assertThrows(AdapterFormatException.class, () -> PeftConfigReader.read(file));
    assertEquals("AD-01", e.code());
    assertTrue(e.getMessage().startsWith(file + ": "), e.getMessage());
  }

  @Test
  void binaryRubbishIsRefused() throws IOException {
    Path file = folder.resolve("adapter_config.json");
    for (byte[] bytes :
        List.of(new byte[64], new byte[] {0, 0, 0, '{', -1, -1, -1, -1}, new byte[] {'{', -1})) {
      Files.write(file, bytes);
      AdapterFormatException e =
          assertThrows(AdapterFormatException.class, () -> PeftConfigReader.read(file));
      assertEquals("AD-01", e.code());
    }
  }

  @Test
  void aHugeFileIsRefused() throws IOException {
    Path file = folder.resolve("adapter_config.json");
    Files.write(file, new byte[PeftConfigReader.MAX_BYTES + 1]);
    assertEquals(
        "AD-01",
        assertThrows(LimitExceededException.class, () -> PeftConfigReader.read(file)).code());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '>',
      quoteCharacter = '`',
      value = {
        "'target_modules': 4 > /target_modules",
        "'target_modules': ['c_attn', 4] > /target_modules",
        "'exclude_modules': true > /exclude_modules",
        "'layers_to_transform': -1 > got -1",
        "'layers_to_transform': [0, '1'] > /layers_to_transform",
        "'layers_to_transform': 1.5 > got 1.5",
        "'layers_to_transform': 4294967296 > got 4294967296",
        "'layers_to_transform': [0], 'target_modules': '.*' > beside a regular expression",
        "'rank_pattern': [] > /rank_pattern",
        "'alpha_pattern': 'c_attn' > /alpha_pattern",
        "'modules_to_save': 'score' > /modules_to_save",
        "'lora_dropout': 1 > /lora_dropout",
        "'lora_dropout': -0.1 > got -0.1",
        "'lora_dropout': NaN > got NaN",
        "'bias': 'some' > got `some`",
        "'use_dora': 'yes' > got `yes`",
        "'use_rslora': 1 > got 1",
        "'base_model_name_or_path': 5 > /base_model_name_or_path"
      })
  void anImpossibleValueIsRefused(String members, String said) {
    String message =
        refused(AdapterFormatException.class, "AD-01", members.replace('\'', '"')).getMessage();
    assertTrue(message.contains(said.replace('`', '"')), message);
  }

  // --- AD-02 -------------------------------------------------------------------------------------

  @Test
  void anotherMethodIsRefused() throws IOException {
    for (String[] each :
        new String[][] {
          {"{\"peft_type\": \"IA3\", \"r\": 1}", "got \"IA3\""},
          {"{\"peft_type\": null, \"r\": 1}", "got null"},
          {"{\"r\": 1}", "got none"}
        }) {
      Path file = write(each[0]);
      UnsupportedFeatureException e =
          assertThrows(UnsupportedFeatureException.class, () -> PeftConfigReader.read(file));
      assertEquals("AD-02", e.code());
      assertTrue(e.getMessage().contains(each[1]), e.getMessage());
    }
  }

  // --- AD-03 -------------------------------------------------------------------------------------

  @ParameterizedTest
  @ValueSource(strings = {"0", "-4", "2147483648", "\"8\"", "1.5", "null", "true", "40000"})
  void aBadRankIsRefused(String literal) throws IOException {
    Path file = write("{\"peft_type\": \"LORA\", \"r\": " + literal + "}");
    AdapterFormatException e =
        assertThrows(AdapterFormatException.class, () -> PeftConfigReader.read(file));
    assertEquals("AD-03", e.code());
    assertTrue(e.getMessage().contains("got " + literal + " [/r"), e.getMessage());
    String message =
        refused(
                AdapterFormatException.class,
                "AD-03",
                "\"rank_pattern\": {\"c_fc\": " + literal + "}")
            .getMessage();
    assertTrue(message.contains("got " + literal + " [/rank_pattern/c_fc"), message);
  }

  @Test
  void aMissingRankIsRefused() throws IOException {
    Path file = write("{\"peft_type\": \"LORA\"}");
    AdapterFormatException e =
        assertThrows(AdapterFormatException.class, () -> PeftConfigReader.read(file));
    assertEquals("AD-03", e.code());
    assertTrue(e.getMessage().contains("got none [/r"), e.getMessage());
  }

  // --- AD-07 -------------------------------------------------------------------------------------

  private static final String ROW = "(.*)*".repeat(50) + "$";
  private static final String HUGE = "(.*)*".repeat(20_000);

  static List<Arguments> bombs() {
    return List.of(
        Arguments.of(100, ROW),
        Arguments.of(100, "(.*)*$".repeat(50)),
        Arguments.of(100, HUGE),
        // As many steps as there may be.
        Arguments.of(3000, "(.*)*".repeat(200)),
        Arguments.of(3000, "((((((((.*)*)*)*)*)*)*)*)*$"),
        Arguments.of(3000, "(a|.|..)*(.*)*x"));
  }

  @ParameterizedTest
  @MethodSource("bombs")
  void aBombIsRefusedOrMatchedInTime(int limit, String expression) throws IOException {
    for (String place :
        List.of(
            "\"target_modules\": \"%s\"",
            "\"target_modules\": [\"c_attn\"], \"exclude_modules\": \"%s\"",
            "\"alpha_pattern\": {\"%s\": 2}")) {
      String members = place.formatted(expression);
      long fastest = Long.MAX_VALUE; // of some, not to time the loading of classes
      for (int i = 0; i < 3; i++) {
        long start = System.nanoTime();
        ask(members);
        fastest = Math.min(fastest, System.nanoTime() - start);
      }
      assertTrue(fastest < limit * 1_000_000L, fastest + " ns for " + Excerpt.of(members));
    }
  }

  /** Asks for all modules; what is refused is refused by this row. */
  private void ask(String members) throws IOException {
    try {
      PeftConfig config = read(members);
      for (String module : MODULES) {
        config.selects(module);
        config.alpha(module);
      }
    } catch (BadFileException e) {
      boolean isLongKey = members.contains("alpha_pattern") && members.contains(HUGE);
      assertEquals(isLongKey ? "AD-01" : "AD-07", e.code());
    }
  }

  @Test
  void anExpressionThatIsTooLongIsRefusedByItsLength() {
    LimitExceededException e =
        refused(LimitExceededException.class, "AD-07", "\"target_modules\": \"" + HUGE + "\"");
    assertTrue(e.getMessage().contains("1000 characters expected, got 100000"), e.getMessage());
    assertTrue(e.getMessage().length() < 600, e.getMessage());
  }

  @Test
  void anExpressionThatNeedsTooManyStepsIsRefusedWhenItIsUsed() throws IOException {
    PeftConfig config = read("\"target_modules\": \"" + "(.*)*".repeat(150) + "x\"");
    LimitExceededException e =
        assertThrows(
            LimitExceededException.class,
            () -> {
              for (int i = 0; i < 1000; i++) {
                config.selects("h.1.attn.c_attn");
              }
            });
    assertEquals("AD-07", e.code());
    assertEquals("/target_modules", e.location());
    assertTrue(e.getMessage().contains("steps"), e.getMessage());
  }

  @Test
  void manyKeysThatAreExpressionsAreRefusedTogether() throws IOException {
    List<String> keys = new ArrayList<>();
    List<String> names = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      keys.add("\"(.*)*" + i + "\": 1");
      names.add("\"transformer\\\\.h." + i + "\\\\.attn.c_attn\": 2");
    }
    String expressions = "\"rank_pattern\": {" + String.join(", ", keys) + "}";
    refused(LimitExceededException.class, "AD-07", expressions);
    PeftConfig config = read("\"rank_pattern\": {" + String.join(", ", names) + "}");
    assertEquals(2, config.rank("h.999.attn.c_attn"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"a{2}", "(?=a)b", "(a", "\\\\bc_attn"})
  void anExpressionThatIsNotUnderstoodIsRefused(String expression) {
    for (String place :
        List.of("\"target_modules\": \"%s\"", "\"rank_pattern\": {\"x\": 1, \"%s\": 1}")) {
      String message =
          refused(UnsupportedFeatureException.class, "AD-07", place.formatted(expression))
              .getMessage();
      assertTrue(message.contains(expression.replace("\\\\", "\\")), message);
    }
    refused(UnsupportedFeatureException.class, "AD-07", "\"rank_pattern\": {\"^a|b\": 1}");
  }

  // --- AD-11 -------------------------------------------------------------------------------------

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"init_lora_weights\": \"pissa\"",
        "\"init_lora_weights\": \"pissa_niter_16\"",
        "\"init_lora_weights\": \"olora\"",
        "\"init_lora_weights\": \"corda\"",
        "\"init_lora_weights\": \"loftq\"",
        "\"init_lora_weights\": \"lora_ga\"",
        "\"init_lora_weights\": \"unheard-of\"",
        "\"use_qalora\": true",
        "\"layer_replication\": [[0, 2], [1, 3]]",
        "\"target_parameters\": [\"weight\"]",
        "\"alora_invocation_tokens\": [1, 2]",
        "\"arrow_config\": {\"top_k\": 3}",
        "\"kasa_config\": {\"beta\": 1}",
        "\"monteclora_config\": {\"n\": 1}",
        "\"use_bdlora\": {\"nblocks\": 2}",
        "\"trainable_token_indices\": [5]",
        "\"lora_bias\": true",
        "\"megatron_config\": {\"a\": 1}",
        "\"loftq_config\": {\"loftq_bits\": 4}",
        "\"corda_config\": {\"a\": 1}",
        "\"velora_config\": {\"a\": 1}",
        "\"lora_ga_config\": {\"a\": 1}",
        "\"layers_pattern\": \"layers\"",
        "\"task_type\": \"TOKEN_CLS\""
      })
  void whatIsNotSupportedIsRefusedByName(String member) throws IOException {
    UnsupportedFeatureException e = refused(UnsupportedFeatureException.class, "AD-11", member);
    String key = member.substring(1, member.indexOf('"', 1));
    assertEquals("/" + key, e.location());
    assertTrue(e.getMessage().contains(key + " "), e.getMessage());
    String value = member.substring(member.indexOf(": ") + 2);
    if (!value.startsWith("{")) {
      assertTrue(
          e.getMessage().contains(value.replace("[\"weight\"]", "[weight]")), e.getMessage());
    }
    for (String unset : List.of("null", "false", "[]", "{}")) {
      boolean isName = List.of("task_type", "init_lora_weights").contains(key);
      if (!isName || unset.equals("null")) {
        assertEquals(4, read("\"" + key + "\": " + unset).rank());
      }
    }
  }

  @Test
  void allThatIsNotSupportedIsNamedAtOnce() {
    String message =
        refused(
                UnsupportedFeatureException.class,
                "AD-11",
                "\"lora_bias\": true, \"use_qalora\": true, \"init_lora_weights\": \"pissa\","
                    + " \"loftq_config\": {\"loftq_bits\": 4}, \"task_type\": \"QUESTION_ANS\"")
            .getMessage();
    for (String each :
        List.of(
            "lora_bias true",
            "use_qalora true",
            "init_lora_weights \"pissa\"",
            "loftq_config {loftq_bits=4}",
            "task_type \"QUESTION_ANS\"")) {
      assertTrue(message.contains(each), message);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"true", "false", "null", "\"gaussian\"", "\"orthogonal\"", "\"eva\"", "\"MiCA\""})
  void aPlainBeginningIsAccepted(String literal) throws IOException {
    PeftConfig config = read("\"eva_config\": {\"rho\": 2}, \"init_lora_weights\": " + literal);
    String expected = literal.equals("null") ? "true" : literal.replace("\"", "").toLowerCase();
    assertEquals(expected, config.initLoraWeights());
    assertEquals(List.of(), config.warnings());
  }

  @Test
  void theFlagForTransposedWeightsIsNotLookedAt() throws IOException {
    for (String literal : List.of("true", "false", "null")) {
      assertEquals(4, read("\"fan_in_fan_out\": " + literal).rank());
    }
  }

  // --- AD-12, AD-13 ------------------------------------------------------------------------------

  @ParameterizedTest
  @ValueSource(strings = {"null", "false", "\"\"", "[]", "{}"})
  void anUnknownKeyThatSaysNothingIsAccepted(String literal) throws IOException {
    assertEquals(List.of(), read("\"use_new\": " + literal).warnings());
    Path file = folder.resolve("adapter_config.json");
    assertEquals(4, PeftConfigReader.read(file, Strictness.STRICT).rank());
  }

  @Test
  void anUnknownKeyThatSaysSomethingIsAWarningOrAFault() throws IOException {
    List<String> warnings = read("\"use_new\\u001b\": [3], \"newer\": \"yes\"").warnings();
    assertEquals(2, warnings.size());
    assertTrue(warnings.get(0).contains("got use_new\\u001b [3] ("), warnings.get(0));
    assertTrue(warnings.get(1).contains("got newer \"yes\" ("), warnings.get(1));
    Path file = folder.resolve("adapter_config.json");
    UnsupportedFeatureException e =
        assertThrows(
            UnsupportedFeatureException.class,
            () -> PeftConfigReader.read(file, Strictness.STRICT));
    assertEquals("AD-13", e.code());
    assertTrue(e.getMessage().contains("use_new\\u001b [3], newer \"yes\""), e.getMessage());
  }

  // --- AD-14 -------------------------------------------------------------------------------------

  @ParameterizedTest
  @ValueSource(strings = {"NaN", "Infinity", "-Infinity", "\"16\"", "-2", "null", "1.0E99", "true"})
  void aBadAlphaIsRefused(String literal) {
    for (String place : List.of("\"lora_alpha\": ", "\"alpha_pattern\": {\"c_fc\": ")) {
      String members = place + literal + (place.endsWith("fc\": ") ? "}" : "");
      AdapterFormatException e = refused(AdapterFormatException.class, "AD-14", members);
      assertTrue(e.getMessage().contains("got " + literal), e.getMessage());
    }
  }

  @Test
  void anAlphaOfZeroIsAWarning() throws IOException {
    PeftConfig config = read("\"lora_alpha\": 0, \"alpha_pattern\": {\"c_fc\": 0.0}");
    assertEquals(0, config.scaling("h.0.attn.c_attn", 4));
    assertEquals(2, config.warnings().size());
    assertTrue(config.warnings().get(0).contains("lora_alpha, got 0"), config.warnings().get(0));
    assertTrue(config.warnings().get(1).contains("c_fc, got 0"), config.warnings().get(1));
  }

  // --- AD-19 -------------------------------------------------------------------------------------

  @ParameterizedTest
  @ValueSource(strings = {"http://127.0.0.1:9/x", "../x", "/etc/passwd", "a\\u0000b", "C:\\\\x|?*"})
  void theNameOfTheBaseIsNeverOpened(String name) throws IOException {
    String expected = name.replace("\\u0000", "\0").replace("\\\\", "\\");
    assertEquals(expected, read("\"base_model_name_or_path\": \"" + name + "\"").baseModel());
  }
}

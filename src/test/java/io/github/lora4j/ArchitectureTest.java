package io.github.lora4j;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.AccessTarget.CodeUnitAccessTarget;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Holds the arrows between the packages and keeps out what the library promises not to do. */
class ArchitectureTest {
  private static final String ROOT = "io.github.lora4j";

  /** Each package and the packages it may use; the root and cli, which see all, are not listed. */
  private static final Map<String, Set<String>> ARROWS =
      Map.of(
          "error", Set.of(),
          "kernel", Set.of("error"),
          "tensor", Set.of("error", "kernel"),
          "nn", Set.of("error", "kernel", "tensor"),
          "safetensors", Set.of("error"),
          "text", Set.of("error"),
          "lora", Set.of("error", "kernel", "tensor", "nn", "safetensors"),
          "gpt2", Set.of("error", "kernel", "tensor", "nn", "safetensors"),
          "train", Set.of("error", "kernel", "tensor", "nn", "safetensors", "text"));

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages(ROOT);

  private static void check(ArchRule rule) {
    rule.allowEmptyShould(true).check(CLASSES);
  }

  private static String within(String name) {
    return ROOT + "." + name + "..";
  }

  static Stream<String> packagesWithArrows() {
    return ARROWS.keySet().stream().sorted();
  }

  @ParameterizedTest
  @MethodSource("packagesWithArrows")
  void packageUsesOnlyThePackagesItsArrowsName(String name) {
    String[] allowed =
        Stream.concat(Stream.of(name), ARROWS.get(name).stream())
            .map(ArchitectureTest::within)
            .toArray(String[]::new);
    check(
        classes()
            .that()
            .resideInAPackage(within(name))
            .should()
            .onlyDependOnClassesThat(
                resideInAnyPackage(allowed).or(not(resideInAPackage(ROOT + "..")))));
  }

  @Test
  void everyPackageHasItsArrowsDeclared() {
    Set<String> unknown = new TreeSet<>();
    for (JavaClass each : CLASSES) {
      String name = each.getPackageName().substring(ROOT.length()).replaceFirst("^\\.", "");
      String top = name.replaceFirst("\\..*", "");
      if (!top.isEmpty() && !top.equals("cli") && !ARROWS.containsKey(top)) {
        unknown.add(each.getPackageName());
      }
    }
    assertEquals(Set.of(), unknown);
  }

  @Test
  void everyPackageIsDescribedAndNullMarked() {
    Set<String> packages = packageNames(CLASSES.stream());
    Set<String> marked =
        packageNames(
            CLASSES.stream()
                .filter(each -> each.getSimpleName().equals("package-info"))
                .filter(each -> each.isAnnotatedWith(NullMarked.class)));
    assertEquals(packages, marked);
  }

  private static Set<String> packageNames(Stream<JavaClass> classes) {
    return classes.map(JavaClass::getPackageName).collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  void nothingDependsOnTheCommandLine() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackage(within("cli"))
            .should()
            .dependOnClassesThat()
            .resideInAPackage(within("cli")));
  }

  @Test
  void onlyTheCommandLineUsesItsLibraries() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackage(within("cli"))
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("picocli..", "me.tongfei.progressbar..", "org.jline.."));
  }

  @Test
  void onlyTheVectorKernelsUseTheIncubatorModule() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackage(within("kernel.vector"))
            .should()
            .dependOnClassesThat()
            .resideInAPackage("jdk.incubator.."));
  }

  @Test
  void onlyTheKernelsUseEjml() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackage(within("kernel"))
            .should()
            .dependOnClassesThat()
            .resideInAPackage("org.ejml.."));
  }

  @Test
  void arithmeticAndFileFormatDoNotLog() {
    check(
        noClasses()
            .that()
            .resideInAnyPackage(
                within("kernel"), within("tensor"), within("nn"), within("safetensors"))
            .and()
            .doNotHaveFullyQualifiedName(ROOT + ".kernel.ActiveKernels")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("org.slf4j..")
            .as("only the choice of the kernels is logged"));
  }

  @Test
  void noLoggingImplementationIsNamed() {
    check(
        noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("ch.qos.logback..", "java.util.logging..")
            .orShould()
            .accessTargetWhere(member("java.lang.Throwable", "printStackTrace")));
  }

  @Test
  void onlyMainPrintsAndExits() {
    check(
        noClasses()
            .that()
            .doNotHaveFullyQualifiedName(ROOT + ".cli.Main")
            .should()
            .accessTargetWhere(member("java.lang.System", "out", "err", "exit"))
            .orShould()
            .accessTargetWhere(member("java.lang.Runtime", "exit", "halt")));
  }

  @Test
  void kernelsUseOnlyMathThatGivesTheSameBitsEverywhere() {
    check(
        noClasses()
            .that()
            .resideInAPackage(within("kernel"))
            .should()
            .accessTargetWhere(
                member(
                    "java.lang.Math",
                    "exp",
                    "expm1",
                    "log",
                    "log10",
                    "log1p",
                    "pow",
                    "cbrt",
                    "hypot",
                    "sin",
                    "cos",
                    "tan",
                    "sinh",
                    "cosh",
                    "tanh")));
  }

  @Test
  void portableKernelsDoNotUseFusedMultiplyAdd() {
    check(
        noClasses()
            .that()
            .resideInAPackage(within("kernel.portable"))
            .should()
            .accessTargetWhere(member("java.lang.Math", "fma"))
            .because("without the instruction it is a thousand times slower"));
  }

  @Test
  void noSerializationMappingArchivesOrProcesses() {
    check(
        noClasses()
            .should()
            .dependOnClassesThat()
            .haveNameMatching(
                "java\\.io\\.Object(In|Out)putStream|java\\.util\\.zip\\.Zip.*|java\\.util\\.jar\\..*"
                    + "|java\\.nio\\.channels\\.FileChannel|java\\.nio\\.MappedByteBuffer"
                    + "|java\\.lang\\.ProcessBuilder|sun\\.misc\\.Unsafe")
            .orShould()
            .accessTargetWhere(member("java.lang.Runtime", "exec", "load", "loadLibrary"))
            .orShould()
            .accessTargetWhere(member("java.lang.System", "load", "loadLibrary")));
  }

  @Test
  void classesAreLookedUpByNameOnlyToChooseTheKernels() {
    check(
        noClasses()
            .that()
            .doNotHaveFullyQualifiedName(ROOT + ".kernel.ActiveKernels")
            .should()
            .accessTargetWhere(member("java.lang.Class", "forName"))
            .orShould()
            .accessTargetWhere(member("java.lang.ClassLoader", "loadClass")));
  }

  @Test
  void noHiddenRandomness() {
    check(
        noClasses()
            .should()
            .accessTargetWhere(member("java.lang.Math", "random"))
            .orShould()
            .callConstructor(Random.class)
            .orShould()
            .dependOnClassesThat()
            .haveNameMatching(
                "java\\.util\\.concurrent\\.ThreadLocalRandom|java\\.security\\.SecureRandom"));
  }

  /** Methods that silently take the character set or the language of the machine. */
  @Test
  void noDefaultCharsetOrLocale() {
    DescribedPredicate<JavaAccess<?>> implicit =
        describe(
            "uses the default character set or locale",
            access -> {
              if (!(access.getTarget() instanceof CodeUnitAccessTarget target)) {
                return false;
              }
              String owner = target.getOwner().getName();
              String name = target.getName();
              List<String> parameters =
                  target.getRawParameterTypes().stream().map(JavaClass::getName).toList();
              boolean locale = parameters.contains(Locale.class.getName());
              boolean charset =
                  parameters.contains("java.nio.charset.Charset")
                      || parameters.contains("java.nio.charset.CharsetDecoder")
                      || parameters.contains("java.nio.charset.CharsetEncoder");
              return switch (owner) {
                case "java.lang.String" ->
                    Set.of("format", "toLowerCase", "toUpperCase").contains(name) && !locale
                        || name.equals("getBytes") && !charset
                        || name.equals("<init>") && parameters.contains("[B") && !charset;
                case "java.io.InputStreamReader",
                    "java.io.OutputStreamWriter",
                    "java.io.FileReader",
                    "java.io.FileWriter" ->
                    name.equals("<init>") && !charset;
                default -> false;
              };
            });
    check(noClasses().should().accessTargetWhere(implicit));
  }

  /** Calls of, references to and accesses of the named members of a class. */
  private static DescribedPredicate<JavaAccess<?>> member(String owner, String... names) {
    Set<String> all = Set.of(names);
    return describe(
        "uses " + owner + " " + String.join(", ", names),
        access ->
            access.getTarget().getOwner().isAssignableTo(owner)
                && all.contains(access.getTarget().getName()));
  }
}

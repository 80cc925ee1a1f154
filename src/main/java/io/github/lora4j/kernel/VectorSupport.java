package io.github.lora4j.kernel;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Whether this virtual machine runs the vector kernels, and runs them well. */
final class VectorSupport {

  private static final String MODULE = "jdk.incubator.vector";

  private VectorSupport() {}

  /**
   * Makes the incubator module readable, if Java was started with it.
   *
   * @return whether its classes can be used
   */
  static boolean moduleReadable() {
    Module own = VectorSupport.class.getModule();
    ModuleLayer layer = own.getLayer() != null ? own.getLayer() : ModuleLayer.boot();
    Optional<Module> incubator = layer.findModule(MODULE);
    incubator.ifPresent(own::addReads);
    return incubator.isPresent();
  }

  /**
   * Looks for what would make the vector kernels slow: machines other than HotSpot run them up to a
   * hundred times slower than plain loops, and without the processor's fused multiply-add each
   * {@code fma} is computed with big decimals.
   *
   * @param insist whether to accept interpreter and C1, where they are slow but right
   * @return the reason against them, or null for none
   */
  static @Nullable String refusal(boolean insist) {
    String machine = System.getProperty("java.vm.name", "").toLowerCase(Locale.ROOT);
    if (!machine.contains("hotspot") && !machine.contains("openjdk")) {
      return "untried virtual machine " + System.getProperty("java.vm.name");
    }
    if ("true".equals(option("UseJVMCICompiler")) && Runtime.version().feature() < 25) {
      return "the JVMCI compiler before Java 25 lacks the intrinsics";
    }
    if ("false".equals(option("UseFMA"))) {
      return "no fused multiply-add, UseFMA is off";
    }
    if (insist) {
      return null;
    }
    String mode = System.getProperty("java.vm.info", "");
    if (mode.contains("interpreted")) {
      return "interpreted mode";
    }
    String level = option("TieredStopAtLevel");
    if (mode.contains("emulated-client") || (level != null && !level.equals("4"))) {
      return "the C2 compiler is off";
    }
    return null;
  }

  /**
   * Looks for what costs the vector kernels some speed but is no reason against them: before Java
   * 25 the compiler leaves checks of indices in their loops if it does not split long loops, which
   * it does by default with G1 alone.
   *
   * @return what to do about it, or null for nothing
   */
  static @Nullable String advice() {
    return Runtime.version().feature() < 25 && "false".equals(option("UseCountedLoopSafepoints"))
        ? "With this garbage collector products run at three quarters of the speed. Remedy:"
            + " -XX:+UseCountedLoopSafepoints -XX:LoopStripMiningIter=1000, or -XX:+UseG1GC"
        : null;
  }

  /** The value of an option of the virtual machine, or null if it has no such option. */
  private static @Nullable String option(String name) {
    try {
      return ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
          .getVMOption(name)
          .getValue();
    } catch (RuntimeException | LinkageError e) {
      return null; // another machine, or an image without the module jdk.management
    }
  }
}

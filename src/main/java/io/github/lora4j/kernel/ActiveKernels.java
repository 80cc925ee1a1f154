package io.github.lora4j.kernel;

import io.github.lora4j.kernel.portable.PortableKernels;
import java.lang.reflect.InvocationTargetException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses the kernels of this process, once, at the first use, by properties of the virtual machine
 * and never by a timing: the choice decides the last bits of every result.
 *
 * <p>The vector kernels serve if Java was started with {@code --add-modules jdk.incubator.vector}
 * and the machine runs them well; otherwise the portable ones do. {@code
 * -Dlora4j.kernels=vector|portable} asks for one of them. The choice is logged with its reason.
 */
public final class ActiveKernels {

  /** The name of the property that asks for kernels by name. */
  public static final String PROPERTY = "lora4j.kernels";

  private static final Logger LOG = LoggerFactory.getLogger(ActiveKernels.class);
  private static final String VECTOR_CLASS = "io.github.lora4j.kernel.vector.VectorKernels";

  private static volatile @Nullable Kernels chosen;

  private ActiveKernels() {}

  /**
   * The kernels of this process.
   *
   * @return always the same
   * @throws IllegalArgumentException if {@code -Dlora4j.kernels} is neither {@code vector} nor
   *     {@code portable}
   */
  public static Kernels get() {
    Kernels kernels = chosen;
    return kernels != null ? kernels : choose();
  }

  /**
   * Counts from now on what the kernels do in all threads, until the profile is closed. Results
   * stay the same.
   *
   * @return the counts
   */
  public static synchronized KernelProfile profile() {
    Kernels before = get();
    KernelProfile profile = new KernelProfile(() -> chosen = before);
    chosen = new ProfiledKernels(before, profile);
    return profile;
  }

  private static synchronized Kernels choose() {
    Kernels kernels = chosen;
    if (kernels == null) {
      kernels = choose(System.getProperty(PROPERTY));
      chosen = kernels;
    }
    return kernels;
  }

  private static Kernels choose(@Nullable String asked) {
    if (asked != null && !asked.equals("vector") && !asked.equals("portable")) {
      throw new IllegalArgumentException(
          "kernels: vector or portable expected, got %s (-D%s)".formatted(asked, PROPERTY));
    }
    if ("portable".equals(asked)) {
      return portable("asked for by -D" + PROPERTY);
    }
    if (!VectorSupport.moduleReadable()) {
      LOG.warn(
          "The Vector API is not loaded, so products run at a fraction of the speed. Remedy: start"
              + " Java with --add-modules jdk.incubator.vector");
      return portable("module jdk.incubator.vector is not readable");
    }
    String reason = VectorSupport.refusal(asked != null);
    if (reason == null) {
      try {
        Kernels kernels =
            (Kernels) Class.forName(VECTOR_CLASS).getDeclaredConstructor().newInstance();
        String why = asked == null ? "this machine runs them well" : "asked for by -D" + PROPERTY;
        LOG.info("Kernels: {} ({})", kernels.description(), why);
        String advice = VectorSupport.advice();
        if (advice != null) {
          LOG.warn("{}", advice);
        }
        if (kernels instanceof SelfChecking check && check.complaint() != null) {
          LOG.warn("{}", check.complaint());
        }
        return kernels;
      } catch (InvocationTargetException e) {
        reason = String.valueOf(e.getCause());
      } catch (ReflectiveOperationException | LinkageError e) {
        reason = e.toString();
      }
    }
    if (asked != null) {
      LOG.warn("The vector kernels cannot serve although -D{}=vector asks for them", PROPERTY);
    }
    return portable(reason);
  }

  private static Kernels portable(String reason) {
    Kernels kernels = new PortableKernels();
    LOG.info("Kernels: {} ({})", kernels.description(), reason);
    return kernels;
  }
}

package io.github.lora4j;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.util.List;
import org.junit.jupiter.api.function.Executable;
import org.slf4j.LoggerFactory;

/** What a class warns of while something is done. */
public final class LoggedWarnings {

  private LoggedWarnings() {}

  /** The texts of the warnings, in their order. */
  public static List<String> of(Class<?> logging, Executable action) {
    Logger logger = (Logger) LoggerFactory.getLogger(logging);
    ListAppender<ILoggingEvent> appender = new ListAppender<>();
    appender.start();
    logger.addAppender(appender);
    try {
      action.execute();
    } catch (Throwable e) {
      throw new AssertionError(e);
    } finally {
      logger.detachAppender(appender);
    }
    return appender.list.stream()
        .filter(event -> event.getLevel() == Level.WARN)
        .map(ILoggingEvent::getFormattedMessage)
        .toList();
  }
}

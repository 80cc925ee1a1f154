package io.github.lora4j.lora;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.io.IOException;
import java.util.List;
import org.slf4j.LoggerFactory;

/** What is logged as a warning. */
final class Warnings {

  /** Something that reads or writes. */
  interface Action {
    void run() throws IOException;
  }

  private Warnings() {}

  /** The warnings of this package while something runs. */
  static List<String> during(Action action) throws IOException {
    Logger logger = (Logger) LoggerFactory.getLogger(Warnings.class.getPackageName());
    ListAppender<ILoggingEvent> appender = new ListAppender<>();
    appender.start();
    logger.addAppender(appender);
    try {
      action.run();
    } finally {
      logger.detachAppender(appender);
    }
    return appender.list.stream()
        .filter(event -> event.getLevel().isGreaterOrEqual(Level.WARN))
        .map(ILoggingEvent::getFormattedMessage)
        .toList();
  }
}

package org.apache.kafka.streams;

import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Queue;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.utils.Time;

/**
 * TopologyTestDriver with commits of its own choice: that one commits after every record, which leaves nothing for
 * `emit: per_commit` to hold back. It is in Kafka's package for the task, and reaches by reflection for the rest.
 */
public final class FuzzDriver extends TopologyTestDriver {
  private final Map<String, TopicPartition> globals;
  private final Map<String, Queue<ProducerRecord<byte[], byte[]>>> outputs;
  private final Time clock;

  public FuzzDriver(Topology topology, Properties config, long now) {
    super(topology, config, Instant.ofEpochMilli(now));
    globals = field("globalPartitionsByInputTopic");
    outputs = field("outputRecordsByTopic");
    clock = field("mockWallClockTime");
  }

  @SuppressWarnings("unchecked")
  private <T> T field(String name) {
    try {
      Field field = TopologyTestDriver.class.getDeclaredField(name);
      field.setAccessible(true);
      return (T) field.get(this);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private Object call(String name, Object... arguments) {
    for (Method method : TopologyTestDriver.class.getDeclaredMethods()) {
      if (!method.getName().equals(name) || method.getParameterCount() != arguments.length) continue;
      try {
        method.setAccessible(true);
        return method.invoke(this, arguments);
      } catch (InvocationTargetException e) {
        if (e.getCause() instanceof RuntimeException cause) throw cause;
        throw new IllegalStateException(e.getCause());
      } catch (IllegalAccessException e) {
        throw new IllegalStateException(e);
      }
    }
    throw new IllegalStateException("TopologyTestDriver has no " + name);
  }

  /** Sends one record through the whole topology, repartition topics included, without a commit. */
  public void send(String topic, byte[] key, byte[] value, long timestamp, Headers headers) {
    Object partition = call("getInputTopicOrPatternPartition", topic);
    if (partition == null && !globals.containsKey(topic)) throw new IllegalArgumentException("unknown topic " + topic);
    if (partition != null) {
      call("enqueueTaskRecord", topic, partition, timestamp, key, value, headers);
      work();
    }
    if (globals.containsKey(topic)) call("processGlobalRecord", globals.get(topic), timestamp, key, value, headers);
  }

  private boolean work() {
    boolean worked = false;
    task.resumePollingForPartitionsWithAvailableSpace();
    task.updateLags();
    while (task.hasRecordsQueued() && task.isProcessable(clock.milliseconds())) {
      task.process(clock.milliseconds());
      task.maybePunctuateStreamTime();
      call("captureOutputsAndReEnqueueInternalResults");
      worked = true;
    }
    return worked;
  }

  /** Commits, and goes on until nothing moves. */
  public void commit() {
    if (task == null) return;
    do {
      call("commit", task.prepareCommit(true));
      task.postCommit(true);
      call("captureOutputsAndReEnqueueInternalResults");
    } while (work());
  }

  public void advance(Duration by) {
    clock.sleep(by.toMillis());
    if (task == null) return;
    task.maybePunctuateSystemTime();
    call("captureOutputsAndReEnqueueInternalResults");
    work();
  }

  /** What was sent since the last call, by topic, internal topics too. */
  public Map<String, List<ProducerRecord<byte[], byte[]>>> take() {
    Map<String, List<ProducerRecord<byte[], byte[]>>> taken = new HashMap<>();
    outputs.forEach((topic, records) -> {
      if (!records.isEmpty()) taken.put(topic, new ArrayList<>(records));
    });
    outputs.clear();
    return taken;
  }
}

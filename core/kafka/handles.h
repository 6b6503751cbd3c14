// RAII over librdkafka's objects. Internal to core/kafka.
#pragma once
#include <librdkafka/rdkafka.h>

#include <memory>

#include "core/base/clock.h"

namespace kstreamd::kafka {

struct Deleter {
  void operator()(rd_kafka_conf_t* p) const { rd_kafka_conf_destroy(p); }
  void operator()(rd_kafka_error_t* p) const { rd_kafka_error_destroy(p); }
  void operator()(rd_kafka_topic_partition_list_t* p) const { rd_kafka_topic_partition_list_destroy(p); }
  void operator()(rd_kafka_queue_t* p) const { rd_kafka_queue_destroy(p); }
  void operator()(rd_kafka_event_t* p) const { rd_kafka_event_destroy(p); }
  void operator()(rd_kafka_topic_t* p) const { rd_kafka_topic_destroy(p); }
  void operator()(const rd_kafka_metadata_t* p) const { rd_kafka_metadata_destroy(p); }
  void operator()(rd_kafka_consumer_group_metadata_t* p) const { rd_kafka_consumer_group_metadata_destroy(p); }
  void operator()(rd_kafka_AdminOptions_t* p) const { rd_kafka_AdminOptions_destroy(p); }
  void operator()(rd_kafka_NewTopic_t* p) const { rd_kafka_NewTopic_destroy(p); }
  void operator()(rd_kafka_DeleteTopic_t* p) const { rd_kafka_DeleteTopic_destroy(p); }
  void operator()(rd_kafka_DeleteRecords_t* p) const { rd_kafka_DeleteRecords_destroy(p); }
  void operator()(rd_kafka_ConfigResource_t* p) const { rd_kafka_ConfigResource_destroy(p); }
  void operator()(rd_kafka_ListConsumerGroupOffsets_t* p) const { rd_kafka_ListConsumerGroupOffsets_destroy(p); }
  void operator()(rd_kafka_AlterConsumerGroupOffsets_t* p) const { rd_kafka_AlterConsumerGroupOffsets_destroy(p); }
  void operator()(rd_kafka_DeleteConsumerGroupOffsets_t* p) const { rd_kafka_DeleteConsumerGroupOffsets_destroy(p); }
  void operator()(rd_kafka_headers_t* p) const { rd_kafka_headers_destroy(p); }
};
template <typename T>
using Handle = std::unique_ptr<T, Deleter>;

using PartitionList = Handle<rd_kafka_topic_partition_list_t>;
inline PartitionList make_list(int size = 1) { return PartitionList(rd_kafka_topic_partition_list_new(size)); }

// librdkafka waits in whole milliseconds; a wait that was asked for does not become none.
inline int to_ms(Duration d) {
  if (d.count() <= 0) return 0;
  return static_cast<int>((d.count() + 999) / 1000);
}

}  // namespace kstreamd::kafka

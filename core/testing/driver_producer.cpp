#include "core/testing/driver_producer.h"

#include <algorithm>

#include "core/record/murmur2.h"

namespace kstreamd {

Result<TopicHandle> DriverProducer::open_topic(const std::string& name, Duration) {
  auto* topic = &log_.topic(name);
  const auto found = std::find(topics_.begin(), topics_.end(), topic);
  if (found != topics_.end()) return static_cast<TopicHandle>(found - topics_.begin());
  topics_.push_back(topic);
  return static_cast<TopicHandle>(topics_.size() - 1);
}

int32_t DriverProducer::partition_count(TopicHandle topic) const {
  return topics_[static_cast<size_t>(topic)]->partition_count();
}

Status DriverProducer::produce(const OutgoingRecord& record) {
  DriverTopic& topic = *topics_[static_cast<size_t>(record.topic)];
  LoggedRecord logged;
  logged.partition = record.partition;
  if (record.partition < 0)
    logged.partition = record.key_null ? topic.next_partition() : partition_of_key(record.key, topic.partition_count());
  if (logged.partition >= topic.partition_count())
    return Error{Recovery::stop_topology,
                 "topic '" + topic.name() + "' has no partition " + std::to_string(logged.partition) + ", only " +
                     std::to_string(topic.partition_count()),
                 "partitions count from 0"};
  if (!record.key_null) logged.key = std::string(record.key);
  if (!record.value_null) logged.value = std::string(record.value);
  logged.timestamp = record.timestamp;
  for (const Header& header : record.headers) {
    LoggedHeader& copy = logged.headers.emplace_back();
    copy.name.assign(header.name, header.name_size);
    if (header.value) copy.value = std::string(static_cast<const char*>(header.value), header.value_size);
  }
  const LoggedRecord& kept = topic.append(std::move(logged));
  if (record.tracked) last_offsets_[{record.topic, kept.partition}] = kept.offset;
  return {};
}

int64_t DriverProducer::take_last_offset(TopicHandle topic, int32_t partition) {
  const auto found = last_offsets_.find({topic, partition});
  if (found == last_offsets_.end()) return -1;
  const int64_t offset = found->second;
  last_offsets_.erase(found);
  return offset;
}

}  // namespace kstreamd

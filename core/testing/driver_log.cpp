#include "core/testing/driver_log.h"

#include <utility>

namespace kstreamd {

const LoggedRecord& DriverTopic::append(LoggedRecord record) {
  auto& partition = partitions_[static_cast<size_t>(record.partition)];
  record.offset = static_cast<int64_t>(partition.size());
  auto& kept = records_.emplace_back(std::move(record));
  for (const auto& header : kept.headers)
    kept.abi_headers.push_back({header.name.data(), header.value ? header.value->data() : nullptr,
                                static_cast<uint32_t>(header.name.size()),
                                static_cast<uint32_t>(header.value ? header.value->size() : 0)});
  partition.push_back(&kept);
  return kept;
}

FetchedRecord DriverTopic::view(const LoggedRecord& record) const {
  FetchedRecord out{};
  out.origin.topic = name_.data();
  out.origin.topic_size = static_cast<uint32_t>(name_.size());
  out.origin.partition = record.partition;
  out.origin.offset = record.offset;
  if (record.key) {
    out.origin.raw_key = record.key->data();
    out.origin.raw_key_size = static_cast<uint32_t>(record.key->size());
  }
  if (record.value) {
    out.origin.raw_value = record.value->data();
    out.origin.raw_value_size = static_cast<uint32_t>(record.value->size());
  }
  out.timestamp = record.timestamp;
  out.headers = record.abi_headers.data();
  out.header_count = static_cast<uint32_t>(record.abi_headers.size());
  return out;
}

FetchedBatch DriverTopic::fetch(int32_t partition, int64_t from, bool committed_only) const {
  FetchedBatch batch;
  const auto& records = partitions_[static_cast<size_t>(partition)];
  for (auto i = static_cast<size_t>(from); i < records.size(); ++i)
    if (!records[i]->aborted && (records[i]->committed || !committed_only)) batch.records.push_back(view(*records[i]));
  batch.next_offset = end_offset(partition);
  batch.at_end = true;
  return batch;
}

void DriverTopic::commit() {
  for (; decided_ < records_.size(); ++decided_) records_[decided_].committed = !records_[decided_].aborted;
}

void DriverTopic::abort() {
  for (; decided_ < records_.size(); ++decided_)
    if (!records_[decided_].committed) records_[decided_].aborted = true;
}

DriverTopic& DriverLog::topic(const std::string& name) {
  auto& topic = topics_[name];
  if (!topic) {
    const auto found = partitions_.find(name);
    topic = std::make_unique<DriverTopic>(name, found == partitions_.end() ? default_partitions_ : found->second);
    topic->start_spread_at(seed_);
  }
  return *topic;
}

const DriverTopic* DriverLog::find(const std::string& name) const {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : found->second.get();
}

void DriverLog::commit() {
  for (auto& [name, topic] : topics_) topic->commit();
}

void DriverLog::abort() {
  for (auto& [name, topic] : topics_) topic->abort();
}

}  // namespace kstreamd

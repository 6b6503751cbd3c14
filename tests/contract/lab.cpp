#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/contract/contract.h"

namespace kstreamd::contract {
namespace {

using Steady = std::chrono::steady_clock;

void append(const std::vector<FetchedBatch>& batches, std::vector<Read>& out) {
  for (const auto& batch : batches)
    for (const auto& record : batch.records) {
      Read r;
      r.slot = batch.slot;
      r.offset = record.origin.offset;
      r.timestamp = record.timestamp;
      if (record.origin.raw_key) r.key = std::string(raw_key(record.origin));
      if (record.origin.raw_value) r.value = std::string(raw_value(record.origin));
      for (uint32_t i = 0; i < record.header_count; ++i) {
        const Header& h = record.headers[i];
        r.headers.emplace_back(
            std::string(h.name, h.name_size),
            h.value ? std::optional(std::string(static_cast<const char*>(h.value), h.value_size)) : std::nullopt);
      }
      out.push_back(std::move(r));
    }
}

std::vector<FetchedBatch> poll(RecordSource& source, Duration timeout) {
  std::vector<FetchedBatch> batches;
  auto status = source.poll(batches, 100, timeout);
  if (!status) FAIL("poll: " << status.error().text());
  return batches;
}

}  // namespace

std::string Lab::topic(int32_t partitions) {
  TopicSpec spec;
  spec.name = fresh_name();
  spec.partitions = partitions;
  spec.configs = {{"retention.ms", "-1"}};  // the records are of 2023 and 1970
  auto status = admin().create(std::span(&spec, 1), kPatience);
  if (!status) FAIL("create: " << status.error().text());
  return spec.name;
}

std::unique_ptr<Producer> Lab::producer(const std::string& transactional_id) {
  auto producer = cluster().make_producer({transactional_id});
  if (!producer) FAIL("make_producer: " << producer.error().text());
  auto status = persist([&] { return producer.value()->init(kPatience); });
  if (!status) FAIL("init: " << status.error().text());
  return std::move(producer).value();
}

std::unique_ptr<RecordSource> Lab::reader(bool committed_only) {
  auto reader = cluster().make_reader(committed_only);
  if (!reader) FAIL("make_reader: " << reader.error().text());
  return std::move(reader).value();
}

std::unique_ptr<GroupMember> Lab::join(const std::string& group, const std::string& topic,
                                       const std::string& instance) {
  auto member = cluster().join({group, instance, topic});
  if (!member) FAIL("join: " << member.error().text());
  return std::move(member).value();
}

TopicHandle open(Producer& producer, const std::string& topic) {
  auto handle = producer.open_topic(topic, kPatience);
  if (!handle) FAIL("open_topic: " << handle.error().text());
  return *handle;
}

void put(Producer& producer, TopicHandle topic, const std::string& key, const std::string& value, int32_t partition,
         bool tracked) {
  OutgoingRecord record;
  record.topic = topic;
  record.partition = partition;
  record.key_null = record.value_null = false;
  record.key = key;
  record.value = value;
  record.timestamp = 1700000000000;
  record.tracked = tracked;
  auto status = producer.produce(record);
  if (!status) FAIL("produce: " << status.error().text());
}

void put_transaction(Producer& producer, TopicHandle topic, const std::vector<std::string>& values, int32_t partition) {
  REQUIRE(producer.begin().ok());
  for (const auto& value : values) put(producer, topic, "k", value, partition);
  must(persist([&] { return producer.commit(); }));
}

Status persist(const std::function<Status()>& call) {
  auto deadline = Steady::now() + kPatience;
  for (;;) {
    auto status = call();
    if (status.ok() || status.error().recovery != Recovery::retry || Steady::now() > deadline) return status;
  }
}

void must(const Status& status) {
  if (!status) FAIL(status.error().text() << " (recovery " << static_cast<int>(status.error().recovery) << ")");
}

std::vector<Read> read(RecordSource& source, size_t count) {
  std::vector<Read> records;
  auto deadline = Steady::now() + kPatience;
  while (records.size() < count) {
    if (Steady::now() > deadline) FAIL("only " << records.size() << " of " << count << " records came");
    append(poll(source, std::chrono::milliseconds(100)), records);
  }
  append(poll(source, Duration(0)), records);
  REQUIRE(records.size() == count);
  return records;
}

std::vector<Read> read_to(RecordSource& source, int32_t slot, int64_t offset) {
  std::vector<Read> records;
  auto deadline = Steady::now() + kPatience;
  for (;;) {
    if (Steady::now() > deadline) FAIL("slot " << slot << " did not come to its end at " << offset);
    auto batches = poll(source, std::chrono::milliseconds(100));
    append(batches, records);
    for (const auto& batch : batches)
      if (batch.slot == slot && batch.at_end && batch.next_offset >= offset) return records;
  }
}

std::vector<Read> read_for(RecordSource& source, Duration time) {
  std::vector<Read> records;
  auto deadline = Steady::now() + time;
  while (Steady::now() < deadline) append(poll(source, std::chrono::milliseconds(20)), records);
  return records;
}

std::vector<std::string> values_of(const std::vector<Read>& records) {
  std::vector<std::string> values;
  for (const auto& record : records) values.push_back(record.value.value_or("(null)"));
  return values;
}

int64_t high_watermark(Lab& lab, const std::string& topic, int32_t partition) {
  auto watermarks = lab.admin().watermarks({topic, partition}, kPatience);
  if (!watermarks) FAIL("watermarks: " << watermarks.error().text());
  return watermarks->high;
}

void MemberDriver::turn() {
  auto event = member_->poll(std::chrono::milliseconds(20));
  if (event.type == GroupEvent::Type::none) return;
  if (event.type == GroupEvent::Type::error) {
    WARN("group: " << event.error.text());
    return;
  }
  for (int32_t partition : event.partitions) {
    if (event.type == GroupEvent::Type::assigned)
      owned_.push_back(partition);
    else
      std::erase(owned_, partition);
  }
  std::sort(owned_.begin(), owned_.end());
  auto status = member_->finish(event);
  if (!status) WARN("finish: " << status.error().text());
  history_.push_back(std::move(event));
}

void turn_until(const std::vector<MemberDriver*>& members, const std::function<bool()>& condition) {
  auto deadline = Steady::now() + kPatience;
  while (!condition()) {
    if (Steady::now() > deadline) FAIL("the group did not come to rest");
    for (auto* member : members) member->turn();
  }
}

}  // namespace kstreamd::contract

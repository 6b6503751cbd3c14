#include "tests/unit/embedded/bed.h"

#include <stdlib.h>

#include <algorithm>
#include <catch2/catch.hpp>

namespace kstreamd {

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "kstreamd-embedded-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Bed::Bed(EmbeddedOptions options) {
  auto made = make_embedded_cluster(options);
  if (!made) FAIL(made.error().text());
  cluster_ = std::move(*made);
}

void Bed::topic(const std::string& name, int32_t partitions, std::map<std::string, std::string> configs) {
  TopicSpec spec{name, partitions, -1, std::move(configs)};
  auto created = cluster_->admin().create(std::span(&spec, 1), kNow);
  if (!created) FAIL(created.error().text());
}

std::unique_ptr<Producer> Bed::producer(const std::string& id) {
  auto made = cluster_->make_producer({id});
  REQUIRE(made.ok());
  REQUIRE((*made)->init(kNow).ok());
  return std::move(*made);
}

std::unique_ptr<GroupMember> Bed::member(const std::string& instance, const std::string& group,
                                         const std::string& topic) {
  auto joined = cluster_->join({group, instance, topic});
  REQUIRE(joined.ok());
  return std::move(*joined);
}

Admin::Watermarks Bed::watermarks(const std::string& topic, int32_t partition) {
  auto found = cluster_->admin().watermarks({topic, partition}, kNow);
  if (!found) FAIL(found.error().text());
  return *found;
}

std::vector<Read> Bed::read(const std::string& topic, int32_t partition, bool committed_only, int64_t from) {
  auto reader = cluster_->make_reader(committed_only);
  REQUIRE(reader.ok());
  REQUIRE((*reader)->assign(0, {topic, partition}, from).ok());
  std::vector<Read> read;
  for (;;) {
    std::vector<FetchedBatch> batches;
    auto polled = (*reader)->poll(batches, 1000, kNow);
    if (!polled) FAIL(polled.error().text());
    for (const auto& batch : batches)
      for (const auto& record : batch.records) {
        auto bytes = [](std::string_view view, const void* at) {
          return at ? std::optional(std::string(view)) : std::nullopt;
        };
        const Origin& origin = record.origin;
        read.push_back(
            {origin.offset, bytes(raw_key(origin), origin.raw_key), bytes(raw_value(origin), origin.raw_value)});
      }
    if (batches.empty() || batches.back().at_end) return read;
  }
}

std::string Bed::text(const std::string& topic, int32_t partition, bool committed_only, int64_t from) {
  std::string text;
  for (const Read& r : read(topic, partition, committed_only, from))
    text +=
        (text.empty() ? "" : " ") + std::to_string(r.offset) + ":" + r.key.value_or("-") + "=" + r.value.value_or("-");
  return text;
}

Status put(Producer& producer, const std::string& topic, std::optional<std::string_view> key,
           std::optional<std::string_view> value, int32_t partition, int64_t timestamp) {
  auto handle = producer.open_topic(topic, kNow);
  if (!handle) return std::move(handle).error();
  OutgoingRecord record;
  record.topic = *handle;
  record.partition = partition;
  record.key_null = !key;
  record.value_null = !value;
  record.key = key.value_or("");
  record.value = value.value_or("");
  record.timestamp = timestamp;
  return producer.produce(record);
}

GroupEvent next(GroupMember& member) { return member.poll(kNow); }

void settle(std::vector<GroupMember*> members, std::map<GroupMember*, std::vector<int32_t>>& owned) {
  int quiet = 0;
  for (int turn = 0; quiet < 2; ++turn) {
    REQUIRE(turn < 1000);
    ++quiet;
    for (GroupMember* member : members) {
      GroupEvent event = next(*member);
      if (event.type == GroupEvent::Type::none) continue;
      quiet = 0;
      auto& list = owned[member];
      for (int32_t p : event.partitions) {
        if (event.type == GroupEvent::Type::assigned) {
          for (const auto& [other, others] : owned)
            if (other != member) REQUIRE(std::count(others.begin(), others.end(), p) == 0);
          list.push_back(p);
        } else {
          std::erase(list, p);
        }
      }
      std::sort(list.begin(), list.end());
      REQUIRE(member->finish(event).ok());
    }
  }
}

std::string text(std::vector<int32_t> partitions) {
  std::string text;
  for (int32_t p : partitions) text += (text.empty() ? "" : ",") + std::to_string(p);
  return text;
}

PartitionOffset at(const std::string& topic, int32_t partition, int64_t offset) { return {{topic, partition}, offset}; }

}  // namespace kstreamd

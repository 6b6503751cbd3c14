#include "core/embedded/topics.h"

#include <charconv>
#include <mutex>

namespace kstreamd::embedded {
namespace {

constexpr int32_t kMaxPartitions = 10'000;

Status check_name(const std::string& name) {
  bool good = !name.empty() && name.size() <= 249 && name != "." && name != "..";
  for (char c : name) good = good && (std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-');
  if (good) return {};
  return Error{Recovery::stop_topology, "'" + name + "' cannot be the name of a topic",
               "use up to 249 of a-z, A-Z, 0-9, '.', '_' and '-'"};
}

Result<int64_t> number_config(const StoredTopic& topic, const std::string& name, int64_t absent) {
  auto it = topic.configs.find(name);
  if (it == topic.configs.end()) return absent;
  int64_t value = 0;
  const char* end = it->second.data() + it->second.size();
  auto [stop, error] = std::from_chars(it->second.data(), end, value);
  if (error == std::errc() && stop == end && value >= -1) return value;
  return Error{Recovery::stop_topology,
               "topic " + topic.name + ": " + name + " is '" + it->second + "', which is not a number",
               "give milliseconds, or -1"};
}

Result<CleanupPolicy> policy_of(const StoredTopic& topic, CleanupPolicy policy) {
  std::string cleanup = "delete";
  if (auto it = topic.configs.find("cleanup.policy"); it != topic.configs.end()) cleanup = it->second;
  bool expires = cleanup == "delete" || cleanup == "compact,delete" || cleanup == "delete,compact";
  policy.compact = cleanup != "delete";
  if (!expires && cleanup != "compact")
    return Error{Recovery::stop_topology, "topic " + topic.name + ": cleanup.policy is '" + cleanup + "'",
                 "use delete, compact, or compact,delete"};
  auto retention = number_config(topic, "retention.ms", -1);
  if (!retention) return std::move(retention).error();
  if (expires) policy.retention_ms = *retention;
  auto delete_retention = number_config(topic, "delete.retention.ms", policy.delete_retention_ms);
  if (!delete_retention) return std::move(delete_retention).error();
  policy.delete_retention_ms = *delete_retention;
  return policy;
}

}  // namespace

Result<TopicPtr> TopicTable::make(StoredTopic info, bool stored) const {
  auto policy = policy_of(info, policy_defaults_);
  if (!policy) return std::move(policy).error();
  auto topic = std::make_shared<Topic>();
  topic->info = std::move(info);
  topic->policy = *policy;
  for (int32_t p = 0; p < topic->info.partitions; ++p) {
    LogId id{topic->info.id, p};
    StoredBounds bounds;
    if (stored) {
      auto found = storage_->bounds(id);
      if (!found) return std::move(found).error();
      bounds = *found;
    }
    topic->partitions.push_back(
        std::make_shared<PartitionLog>(TopicPartition{topic->info.name, p}, id, *policy, bounds, storage_, recent_));
  }
  return TopicPtr(topic);
}

Status TopicTable::load() {
  std::unique_lock lock(mutex_);
  for (const StoredTopic& info : storage_->topics()) {
    auto topic = make(info, true);
    if (!topic) return std::move(topic).error();
    topics_[info.name] = *topic;
  }
  return {};
}

TopicPtr TopicTable::find(const std::string& name) const {
  std::shared_lock lock(mutex_);
  auto it = topics_.find(name);
  return it == topics_.end() ? nullptr : it->second;
}

Result<std::pair<TopicPtr, PartitionLog*>> TopicTable::find(const TopicPartition& partition) const {
  TopicPtr topic = find(partition.topic);
  if (!topic) return Error{Recovery::retry_topology, "topic " + partition.topic + " does not exist", "create it"};
  if (partition.partition < 0 || partition.partition >= topic->info.partitions)
    return Error{Recovery::stop_topology, "partition " + partition.text() + " does not exist",
                 "topic " + partition.topic + " has " + std::to_string(topic->info.partitions) + " partitions"};
  PartitionLog* log = topic->partitions[static_cast<size_t>(partition.partition)].get();
  return std::pair{std::move(topic), log};
}

std::vector<TopicPtr> TopicTable::list() const {
  std::shared_lock lock(mutex_);
  std::vector<TopicPtr> all;
  for (const auto& [name, topic] : topics_) all.push_back(topic);
  return all;
}

Status TopicTable::create(const TopicSpec& spec) {
  KSTREAMD_TRY(check_name(spec.name));
  int32_t partitions = spec.partitions == -1 ? default_partitions_ : spec.partitions;
  if (partitions <= 0 || partitions > kMaxPartitions)
    return Error{Recovery::stop_topology,
                 "topic " + spec.name + " cannot have " + std::to_string(partitions) + " partitions",
                 "give 1 to " + std::to_string(kMaxPartitions)};
  std::unique_lock lock(mutex_);
  if (topics_.contains(spec.name)) return {};
  StoredTopic info{spec.name, storage_ ? storage_->take_topic_id() : next_id_++, partitions, spec.configs};
  auto topic = make(info, false);
  if (!topic) return std::move(topic).error();
  if (storage_) {
    auto batch = storage_->batch();
    batch.put_topic(info);
    KSTREAMD_TRY(storage_->write(batch, true));
  }
  topics_[spec.name] = *topic;
  return {};
}

Result<TopicPtr> TopicTable::remove(const std::string& name) {
  std::unique_lock lock(mutex_);
  auto it = topics_.find(name);
  if (it == topics_.end()) return TopicPtr();
  TopicPtr topic = it->second;
  for (const auto& partition : topic->partitions) partition->remove();
  if (storage_) {
    auto batch = storage_->batch();
    batch.delete_topic(topic->info);
    KSTREAMD_TRY(storage_->write(batch, true));
  }
  topics_.erase(it);
  return topic;
}

}  // namespace kstreamd::embedded

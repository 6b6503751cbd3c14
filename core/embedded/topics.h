// The topics of the embedded log.
//
// Life-cycle: filled from storage when the log is opened. Thread safety: any thread. A Topic is constant after its
// construction; one that was deleted lives on, marked by its partitions, for whoever holds it.
#pragma once
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "core/embedded/partition_log.h"

namespace kstreamd::embedded {

struct Topic {
  StoredTopic info;
  CleanupPolicy policy;
  std::vector<std::shared_ptr<PartitionLog>> partitions;
};
using TopicPtr = std::shared_ptr<const Topic>;

class TopicTable {
 public:
  TopicTable(LogStorage* storage, RecentRecords& recent, int32_t default_partitions, const CleanupPolicy& defaults)
      : storage_(storage), recent_(recent), default_partitions_(default_partitions), policy_defaults_(defaults) {}

  Status load();
  // Null: there is none.
  TopicPtr find(const std::string& name) const;
  // The partition, or an error that names what is missing.
  Result<std::pair<TopicPtr, PartitionLog*>> find(const TopicPartition& partition) const;
  std::vector<TopicPtr> list() const;
  Status create(const TopicSpec& spec);
  // The deleted topic, null when there was none.
  Result<TopicPtr> remove(const std::string& name);

 private:
  Result<TopicPtr> make(StoredTopic info, bool stored) const;

  LogStorage* const storage_;
  RecentRecords& recent_;
  const int32_t default_partitions_;
  const CleanupPolicy policy_defaults_;
  mutable std::shared_mutex mutex_;  // guards what follows
  std::map<std::string, TopicPtr> topics_;
  uint32_t next_id_ = 1;  // without storage
};

}  // namespace kstreamd::embedded

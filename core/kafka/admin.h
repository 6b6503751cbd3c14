// Admin on librdkafka. Internal to core/kafka.
#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/kafka/client.h"
#include "core/ports/cluster.h"

namespace kstreamd::kafka {

// Connects at the first call. The client is a consumer (without a group): asking it about a topic never creates one,
// and under read_uncommitted its watermarks are the high ones. Thread safety: as the port says; a lock guards the
// making of the client only.
class KafkaAdmin final : public Admin {
 public:
  explicit KafkaAdmin(Properties user);

  Result<std::string> cluster_id(Duration timeout) override;
  Result<std::vector<TopicInfo>> describe(std::span<const std::string> topics, Duration timeout) override;
  Result<std::vector<TopicInfo>> list(Duration timeout) override;
  Status create(std::span<const TopicSpec> topics, Duration timeout) override;
  Status remove(std::span<const std::string> topics, Duration timeout) override;
  Result<std::map<std::string, std::string>> configs(const std::string& topic, Duration timeout) override;
  Result<Watermarks> watermarks(const TopicPartition& partition, Duration timeout) override;
  Status delete_records(std::span<const PartitionOffset> before, Duration timeout) override;
  Result<std::optional<int64_t>> offset_at(const TopicPartition& partition, int64_t timestamp_ms,
                                           Duration timeout) override;
  Result<std::vector<GroupMemberInfo>> group_members(const std::string& group, Duration timeout) override;
  Result<std::vector<PartitionOffset>> group_offsets(const std::string& group,
                                                     std::span<const TopicPartition> partitions,
                                                     Duration timeout) override;
  Status set_group_offsets(const std::string& group, std::span<const PartitionOffset> offsets,
                           Duration timeout) override;
  Status expel(const GroupConfig& member, Duration timeout) override;

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  // An admin request's options and the queue of its answer.
  struct Request {
    Handle<rd_kafka_AdminOptions_t> options;
    Handle<rd_kafka_queue_t> queue;
  };

  Result<Client*> client();
  Error failed(Client& client, rd_kafka_resp_err_t code, const std::string& what, const std::string& detail = "");
  Result<Request> request(Client& client, rd_kafka_admin_op_t op, Deadline deadline);
  Result<Handle<rd_kafka_event_t>> answer(Client& client, Request& request, const std::string& what, Deadline deadline);
  Status alter_offsets(Client& client, const std::string& group, std::span<const PartitionOffset> offsets,
                       Deadline deadline);
  Status delete_offsets(Client& client, const std::string& group, std::span<const PartitionOffset> offsets,
                        Deadline deadline);
  Result<TopicInfo> describe_one(Client& client, const std::string& topic, Deadline deadline, bool& led);
  Status await_usable(Client& client, std::span<const TopicSpec> topics, Deadline deadline);
  Status await_gone(Client& client, std::span<const std::string> topics, Deadline deadline);

  const Properties properties_;
  std::mutex mutex_;
  std::optional<Client> client_;  // guarded by mutex_ until made
};

}  // namespace kstreamd::kafka

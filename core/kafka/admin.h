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

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  struct Request;  // an admin request's options and the queue of its answer

  Result<Client*> client();
  Error failed(Client& client, rd_kafka_resp_err_t code, const std::string& what, const std::string& detail = "");
  Result<Request> request(Client& client, rd_kafka_admin_op_t op, Deadline deadline);
  Result<Handle<rd_kafka_event_t>> answer(Client& client, Request& request, const std::string& what, Deadline deadline);
  Result<TopicInfo> describe_one(Client& client, const std::string& topic, Deadline deadline, bool& led);
  Status await_usable(Client& client, std::span<const TopicSpec> topics, Deadline deadline);
  Status await_gone(Client& client, std::span<const std::string> topics, Deadline deadline);

  const Properties properties_;
  std::mutex mutex_;
  std::optional<Client> client_;  // guarded by mutex_ until made
};

}  // namespace kstreamd::kafka

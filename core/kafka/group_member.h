// GroupMember on librdkafka. Internal to core/kafka.
#pragma once
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/sum_of_parts.h"
#include "core/kafka/client.h"
#include "core/kafka/group_token.h"
#include "core/ports/cluster.h"

namespace kstreamd::kafka {

// Subscribes to the tasks topic, whose partitions it is assigned and never reads. Rebalances come as events: librdkafka
// waits with its answer to the group until finish(), which is what makes the closing of tasks safe.
//
// Life-cycle: make (joins), poll and finish in turn, close. Thread safety: the control thread, but for committed() and
// commit(), which any thread may call until the destructor.
class KafkaGroupMember final : public GroupMember {
 public:
  // `source_memory`: of each of its sources, in bytes; what waits in their queues are parts of `queued`.
  static Result<std::unique_ptr<GroupMember>> make(const Properties& user, const GroupConfig& config,
                                                   uint64_t source_memory, std::shared_ptr<SumOfParts> queued);
  ~KafkaGroupMember() override;

  GroupEvent poll(Duration timeout) override;
  Status finish(const GroupEvent& event) override;
  std::shared_ptr<const GroupToken> token() const override;
  std::unique_ptr<RecordSource> make_source() override;
  Result<std::vector<PartitionOffset>> committed(std::span<const TopicPartition> partitions, Duration timeout) override;
  Status commit(std::span<const PartitionOffset> offsets, const GroupToken& token) override;
  void close() override;

 private:
  // A rebalance as librdkafka told it.
  struct Rebalance {
    GroupEvent::Type type = GroupEvent::Type::none;
    std::vector<int32_t> partitions;
    std::string member_id;  // when it came
  };

  class Context;  // of the client's callbacks

  KafkaGroupMember(Client client, std::shared_ptr<const Context> context, Properties user, GroupConfig config,
                   uint64_t source_memory, std::shared_ptr<SumOfParts> queued);
  Rebalance rebalance(rd_kafka_event_t* event);
  GroupEvent next();
  PartitionList task_partitions(const std::vector<int32_t>& partitions) const;
  Status answer_assigned(const Rebalance& rebalance);
  void answer_all();
  void leave();
  std::string member_id() const;
  std::shared_ptr<const KafkaToken> current() const;
  void set_current(std::shared_ptr<const KafkaToken> token);

  // Constant after construction.
  Client client_;
  const std::shared_ptr<const Context> context_;
  const Properties user_;
  const GroupConfig config_;
  const uint64_t source_memory_;
  const std::shared_ptr<SumOfParts> queued_;
  Handle<rd_kafka_queue_t> queue_;

  // Control thread only.
  std::deque<Rebalance> rebalances_;  // the first is the one that waits for finish(), if `unanswered_`
  bool unanswered_ = false;
  bool was_assigned_ = false;
  bool closed_ = false;

  mutable std::mutex mutex_;
  std::shared_ptr<const KafkaToken> token_;  // guarded by mutex_
};

}  // namespace kstreamd::kafka

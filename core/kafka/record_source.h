// RecordSource on a consumer of its own. Internal to core/kafka.
#pragma once
#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/arena.h"
#include "core/base/sum_of_parts.h"
#include "core/kafka/client.h"
#include "core/kafka/memory.h"
#include "core/ports/cluster.h"

namespace kstreamd::kafka {

// Fetches hand-assigned partitions. It has its own consumer, outside the group's protocol, so that a rebalance neither
// pauses its partitions nor takes an assignment of ours for the answer to its question (docs/adr/0102). Records are
// copied out of librdkafka's messages into the batch's arena (docs/adr/0103).
//
// Thread safety: the owner's thread, but for wake() and high_watermark().
class KafkaRecordSource final : public RecordSource {
 public:
  // What waits in its queue is a part of `queued`.
  static Result<std::unique_ptr<RecordSource>> make(const Properties& properties, const std::string& role,
                                                    std::shared_ptr<SumOfParts> queued);
  ~KafkaRecordSource() override;

  Status assign(int32_t slot, const TopicPartition& partition, int64_t offset) override;
  Status unassign(int32_t slot) override;
  Status seek(int32_t slot, int64_t offset) override;
  Status pause(int32_t slot) override;
  Status resume(int32_t slot) override;
  Status poll(std::vector<FetchedBatch>& out, size_t max_records, Duration timeout) override;
  void wake() override;
  int64_t high_watermark(int32_t slot) const override;

 private:
  class Context;
  struct Slot {
    bool assigned = false;
    bool paused = false;
    TopicPartition partition;
    std::shared_ptr<const std::string> topic;  // shared with the batches, whose origins point to it
    Handle<rd_kafka_queue_t> queue;
    int64_t next_offset = 0;  // records below have been delivered, or are not wanted
    int batch = -1;           // index in the poll's output, -1: none yet
    size_t usual_batch = 64;  // records in the last batch
    bool at_end = false;      // and that was shown
  };
  class Pool;
  class Hold;

  KafkaRecordSource(Client client, Properties properties, std::shared_ptr<Context> context,
                    std::shared_ptr<SumOfParts> queued);
  uint64_t queued_bytes() const;  // [any thread]
  static void on_message(rd_kafka_message_t* message, void* source);
  void take(rd_kafka_message_t& message);
  void take_error(Slot& slot, const rd_kafka_message_t& message);
  Slot* find(const rd_kafka_topic_t* topic, int32_t partition);
  FetchedBatch& batch_of(Slot& slot);
  Result<Slot*> assigned(int32_t slot);
  Status start(Slot& slot, int64_t offset);
  Status stop(Slot& slot);
  void refill();

  // Constant after construction.
  Client client_;
  const Properties properties_;
  const std::shared_ptr<Context> context_;
  const FetchLimits limits_;
  Handle<rd_kafka_queue_t> records_;  // what all partitions' queues forward to
  const std::shared_ptr<Pool> pool_;

  // Owner's thread only.
  std::map<std::string, OpenTopic> topics_;
  std::vector<Slot> slots_;
  struct Found {
    const rd_kafka_topic_t* topic;
    int32_t partition;
    Slot* slot;
  };
  std::vector<Found> found_;  // slots by librdkafka's topic objects, filled as records come
  size_t last_found_ = 0;
  FetchLimits taken_;           // since the queue was last empty
  uint64_t longest_queue_ = 0;  // that was seen since then
  // The poll that runs.
  std::vector<FetchedBatch>* out_ = nullptr;
  size_t first_batch_ = 0;
  size_t room_ = 0;
  size_t bytes_ = 0;  // taken by it
  std::optional<Error> error_;

  mutable std::mutex names_mutex_;
  std::vector<TopicPartition> names_;  // by slot; guarded by names_mutex_

  std::atomic<uint64_t> record_size_{0};  // of a record, about
  std::atomic<uint64_t> in_poll_{0};      // records that librdkafka has taken out of the queue for the poll that runs
  const SumOfParts::Entry queued_;        // last, since it asks for what lies above
};

}  // namespace kstreamd::kafka

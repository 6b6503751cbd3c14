// A producer of the embedded log.
//
// Records are gathered per partition and appended as one segment when there are enough of them, at flush, send_offsets
// and commit, and when a reader that may see them looks (ProducerTable::push_gathered). A transaction is named by the
// address of its producer; another producer that takes the same transactional id fences this one for good. A producer
// that is destroyed aborts what it left open: nobody else could end it, short of taking over its id.
//
// Thread safety: one thread at a time, as the port says; fence() and push() come from other threads, which mutex_
// allows for.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/embedded/broker.h"
#include "core/ports/cluster.h"

namespace kstreamd::embedded {

class EmbeddedProducer final : public Producer {
 public:
  EmbeddedProducer(std::shared_ptr<Broker> broker, ProducerConfig config);
  ~EmbeddedProducer() override;

  Status init(Duration timeout) override;
  Result<TopicHandle> open_topic(const std::string& name, Duration timeout) override;
  Result<std::optional<TopicHandle>> find_topic(const std::string& name, Duration timeout) override;
  int32_t partition_count(TopicHandle topic) const override;
  Status begin() override;
  Status produce(const OutgoingRecord& record) override;
  Status send_offsets(std::span<const PartitionOffset> offsets, const GroupToken& token) override;
  Status commit() override;
  Status abort() override;
  Status flush(Duration timeout) override;
  size_t open_bytes() const override;
  int64_t take_last_offset(TopicHandle topic, int32_t partition) override;

  bool transactional() const { return !config_.transactional_id.empty(); }
  void fence();          // [any thread]
  bool push(bool wait);  // false: busy [any thread]

 private:
  struct Gathered {
    PartitionLog* log = nullptr;
    Pack pack;
    int64_t last_tracked_index = -1;   // in the pack
    int64_t last_tracked_offset = -1;  // in the log
    bool touched = false;              // in this transaction, or since the last flush
  };
  struct OpenTopic {
    TopicPtr topic;
    std::vector<Gathered> partitions;
    int32_t even_partition = 0;  // where records without a key go, for a while
    int32_t even_count = 0;
  };

  // With mutex_ held:
  Status check_usable() const;
  Status check_in_transaction(const char* call) const;
  Result<Gathered*> target(const OutgoingRecord& record);
  Status append(Gathered& gathered);
  Status append_all();
  void count_gathering(bool now);
  Status end(bool commit);
  void forget_transaction();
  void request_cleaning(const std::vector<Gathered*>& touched);

  const std::shared_ptr<Broker> broker_;
  const ProducerConfig config_;
  mutable std::mutex mutex_;  // guards what follows
  std::vector<std::unique_ptr<OpenTopic>> topics_;
  std::vector<Gathered*> gathering_;
  std::vector<Gathered*> touched_;
  bool initialised_ = false;
  bool fenced_ = false;
  bool in_transaction_ = false;
  size_t open_bytes_ = 0;  // of its records, about
  bool must_abort_ = false;
  bool has_offsets_ = false;
};

}  // namespace kstreamd::embedded

// Producer on librdkafka. Internal to core/kafka.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/kafka/client.h"
#include "core/kafka/errors.h"
#include "core/ports/cluster.h"

namespace kstreamd::kafka {

// A transactional or idempotent producer; the life-cycle is that of the port.
//
// Successful deliveries cost no event: an interceptor in librdkafka's broker threads notes the offsets of tracked
// records, failures alone are reported. A second pair of interceptors counts transactional requests that were sent and
// never answered. One that was may still be under way when the next transaction is open, so the producer then declares
// itself unusable: init_transactions of its successor raises the epoch, and the stray is fenced (KAFKA-17754).
//
// Thread safety: the owner's thread.
class KafkaProducer final : public Producer {
 public:
  static Result<std::unique_ptr<Producer>> make(const Properties& properties, bool transactional);

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
  int64_t take_last_offset(TopicHandle topic, int32_t partition) override;

 private:
  struct Topic;
  class Context;

  KafkaProducer(std::shared_ptr<Context> context, Client client, Properties properties, bool transactional);
  Status after_produce(rd_kafka_resp_err_t err, const Topic& topic);
  Status finish(rd_kafka_error_t* error, TransactionCall call);
  Error stray_error() const;

  // Constant after construction.
  const std::shared_ptr<Context> context_;
  Client client_;
  const Properties properties_;
  const bool transactional_;

  std::vector<std::unique_ptr<Topic>> topics_;  // by handle; librdkafka's topics go before the client
  bool in_transaction_ = false;
};

}  // namespace kstreamd::kafka

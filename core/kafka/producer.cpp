#include "core/kafka/producer.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "core/base/log.h"
#include "core/kafka/group_token.h"
#include "core/kafka/settings.h"

namespace kstreamd::kafka {
namespace {

constexpr int kSendOffsetsTimeoutMs = 10'000;
constexpr int kQueueFullWaitMs = 10;
// A transaction that is not decided by then asks for a new producer: see docs/adr/0104.
constexpr int kDecideTimeoutMs = 15'000;

// The requests that a broker may still carry out when their transaction is over.
bool is_transactional_request(int16_t api_key) {
  constexpr int16_t kAddPartitions = 24, kAddOffsets = 25, kEndTxn = 26, kOffsetCommit = 28;
  return api_key == kAddPartitions || api_key == kAddOffsets || api_key == kEndTxn || api_key == kOffsetCommit;
}

// The greatest offset of tracked records, by partition. Written by librdkafka's broker threads.
class OffsetTracker {
 public:
  explicit OffsetTracker(int32_t partitions) : last_(partitions) {
    for (auto& last : last_) last.store(-1, std::memory_order_relaxed);
  }
  void note(int32_t partition, int64_t offset) {
    if (partition < 0 || static_cast<size_t>(partition) >= last_.size()) return;
    auto& last = last_[partition];
    int64_t seen = last.load(std::memory_order_relaxed);
    while (offset > seen && !last.compare_exchange_weak(seen, offset, std::memory_order_release)) {
    }
  }
  int64_t take(int32_t partition) { return last_[partition].exchange(-1, std::memory_order_acquire); }

 private:
  std::vector<std::atomic<int64_t>> last_;
};

}  // namespace

struct KafkaProducer::Topic {
  std::string name;
  OpenTopic open;
  std::shared_ptr<OffsetTracker> tracker;  // also the opaque of tracked records
};

// Outlives the client, and with it whatever the interceptors touch.
class KafkaProducer::Context final : public ClientContext {
 public:
  Context() : ClientContext("producer") {}

  void failed(rd_kafka_resp_err_t code, const std::string& topic) {
    std::lock_guard lock(mutex_);
    // Purged records are a consequence of an abort; of several causes the first counts.
    if (code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT || failure_) return;
    failure_ = code;
    failed_topic_ = topic;
  }
  std::pair<rd_kafka_resp_err_t, std::string> failure() const {
    std::lock_guard lock(mutex_);
    return {failure_, failed_topic_};
  }
  void forget_failure() {
    std::lock_guard lock(mutex_);
    failure_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  void keep(std::shared_ptr<OffsetTracker> tracker) {
    std::lock_guard lock(mutex_);
    trackers_.push_back(std::move(tracker));
  }

  // Transactional requests: of each kind, librdkafka has one on its way at a time. It shows an answer twice when it
  // passes it to another thread, and without a correlation id, so they cannot be counted.
  void sent(int16_t api_key) {
    std::lock_guard lock(mutex_);
    stray_ = stray_ || !under_way_.insert(api_key).second;
  }
  void answered(int16_t api_key) {
    std::lock_guard lock(mutex_);
    under_way_.erase(api_key);
  }
  void given_up(int16_t api_key) {
    std::lock_guard lock(mutex_);
    stray_ = stray_ || under_way_.erase(api_key) > 0;
  }
  // Whether one was sent whose answer never came.
  bool has_stray() const {
    std::lock_guard lock(mutex_);
    return stray_ || !under_way_.empty();
  }
  void forget_strays() {
    std::lock_guard lock(mutex_);
    stray_ = false;
    under_way_.clear();
  }

  static void configure(rd_kafka_conf_t* conf, Context* context);

 private:
  static rd_kafka_resp_err_t on_new(rd_kafka_t* rk, const rd_kafka_conf_t*, void* context, char*, size_t);

  mutable std::mutex mutex_;
  rd_kafka_resp_err_t failure_ = RD_KAFKA_RESP_ERR_NO_ERROR;  // of the transaction, or since the last flush
  std::string failed_topic_;
  std::vector<std::shared_ptr<OffsetTracker>> trackers_;
  std::set<int16_t> under_way_;  // API keys
  bool stray_ = false;
};

void KafkaProducer::Context::configure(rd_kafka_conf_t* conf, Context* context) {
  rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* m, void* opaque) {
    if (m->err) static_cast<Context*>(static_cast<ClientContext*>(opaque))->failed(m->err, rd_kafka_topic_name(m->rkt));
  });
  rd_kafka_conf_interceptor_add_on_new(conf, "kstreamd", on_new, context);
}

rd_kafka_resp_err_t KafkaProducer::Context::on_new(rd_kafka_t* rk, const rd_kafka_conf_t*, void* context, char*,
                                                   size_t) {
  rd_kafka_interceptor_add_on_acknowledgement(
      rk, "kstreamd",
      [](rd_kafka_t*, rd_kafka_message_t* m, void*) {
        // A negative offset: the broker had the record already and no longer knows where. The last known offset stands,
        // which makes a later restoration read a little more.
        if (m->_private && !m->err && m->offset >= 0)
          static_cast<OffsetTracker*>(m->_private)->note(m->partition, m->offset);
        return RD_KAFKA_RESP_ERR_NO_ERROR;
      },
      context);
  rd_kafka_interceptor_add_on_request_sent(
      rk, "kstreamd",
      [](rd_kafka_t*, int, const char*, int32_t, int16_t api_key, int16_t, int32_t, size_t, void* opaque) {
        if (is_transactional_request(api_key)) static_cast<Context*>(opaque)->sent(api_key);
        return RD_KAFKA_RESP_ERR_NO_ERROR;
      },
      context);
  rd_kafka_interceptor_add_on_response_received(
      rk, "kstreamd",
      [](rd_kafka_t*, int, const char*, int32_t, int16_t api_key, int16_t, int32_t, size_t size, int64_t,
         rd_kafka_resp_err_t, void* opaque) {
        if (!is_transactional_request(api_key)) return RD_KAFKA_RESP_ERR_NO_ERROR;
        auto* context = static_cast<Context*>(opaque);
        if (size > 0)
          context->answered(api_key);
        else
          context->given_up(api_key);
        return RD_KAFKA_RESP_ERR_NO_ERROR;
      },
      context);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

Result<std::unique_ptr<Producer>> KafkaProducer::make(const Properties& properties, bool transactional) {
  auto context = std::make_shared<Context>();
  auto client = Client::make(RD_KAFKA_PRODUCER, properties, context,
                             [&](rd_kafka_conf_t* conf) { Context::configure(conf, context.get()); });
  if (!client) return std::move(client).error();
  return std::unique_ptr<Producer>(
      new KafkaProducer(std::move(context), std::move(client).value(), properties, transactional));
}

KafkaProducer::KafkaProducer(std::shared_ptr<Context> context, Client client, Properties properties, bool transactional)
    : context_(std::move(context)),
      client_(std::move(client)),
      properties_(std::move(properties)),
      transactional_(transactional) {}

Status KafkaProducer::finish(rd_kafka_error_t* raw, TransactionCall call) {
  Handle<rd_kafka_error_t> error(raw);
  rd_kafka_poll(client_.get(), 0);
  if (!error) return {};
  auto [failure, topic] = context_->failure();
  return transaction_error(std::move(error), call, failure, topic);
}

Error KafkaProducer::stray_error() const {
  return {Recovery::recreate_producer,
          "a transactional request was sent and never answered; it could still take effect in the next transaction",
          ""};
}

Status KafkaProducer::init(Duration timeout) {
  if (!transactional_) return {};
  auto status = finish(rd_kafka_init_transactions(client_.get(), std::max(to_ms(timeout), 1)), TransactionCall::init);
  if (!status.ok() && status.error().recovery == Recovery::retry) {
    Error error = std::move(status).error();
    std::string cause = context_->last_error();
    if (!cause.empty()) error.message += "; Kafka at " + bootstrap(properties_) + ": " + cause;
    return error;
  }
  // What an earlier holder left unanswered is fenced now.
  if (status.ok()) context_->forget_strays();
  return status;
}

Result<TopicHandle> KafkaProducer::open_topic(const std::string& name, Duration timeout) {
  auto found = find_topic(name, timeout);
  if (!found) return std::move(found).error();
  if (!*found) return missing_topic(name);
  return **found;
}

Result<std::optional<TopicHandle>> KafkaProducer::find_topic(const std::string& name, Duration timeout) {
  for (size_t i = 0; i < topics_.size(); ++i)
    if (topics_[i]->name == name) return std::optional(static_cast<TopicHandle>(i));
  auto open = kafka::find_topic(client_, properties_, name, timeout);
  if (!open) return std::move(open).error();
  if (!*open) return std::optional<TopicHandle>();
  auto topic = std::make_unique<Topic>();
  topic->name = name;
  topic->open = std::move(**open);
  topic->tracker = std::make_shared<OffsetTracker>(topic->open.partitions);
  context_->keep(topic->tracker);
  topics_.push_back(std::move(topic));
  return std::optional(static_cast<TopicHandle>(topics_.size() - 1));
}

int32_t KafkaProducer::partition_count(TopicHandle topic) const { return topics_.at(topic)->open.partitions; }

Status KafkaProducer::begin() {
  if (!transactional_) return {};
  if (context_->has_stray()) return stray_error();
  context_->forget_failure();
  auto status = finish(rd_kafka_begin_transaction(client_.get()), TransactionCall::begin);
  in_transaction_ = status.ok();
  return status;
}

Status KafkaProducer::produce(const OutgoingRecord& record) {
  const Topic& topic = *topics_[record.topic];
  if (record.partition >= topic.open.partitions || record.partition < -1)
    return Error{Recovery::stop_topology,
                 "topic '" + topic.name + "' has no partition " + std::to_string(record.partition), ""};
  Handle<rd_kafka_headers_t> headers;
  if (!record.headers.empty()) {
    headers.reset(rd_kafka_headers_new(record.headers.size()));
    for (const Header& h : record.headers)
      rd_kafka_header_add(headers.get(), h.name, h.name_size, h.value, h.value ? h.value_size : 0);
  }
  // A null pointer is a null key or value; an empty one needs an address.
  const void* key = record.key_null ? nullptr : record.key.data() ? record.key.data() : "";
  const void* value = record.value_null ? nullptr : record.value.data() ? record.value.data() : "";
  size_t key_size = record.key_null ? 0 : record.key.size();
  size_t value_size = record.value_null ? 0 : record.value.size();
  // librdkafka takes 0 for "now", and cannot be told otherwise; a millisecond later is nearer.
  int64_t timestamp = record.timestamp == 0 ? 1 : record.timestamp;
  void* opaque = record.tracked ? topic.tracker.get() : nullptr;
  for (;;) {
    rd_kafka_resp_err_t err;
    if (headers) {
      err = rd_kafka_producev(client_.get(), RD_KAFKA_V_RKT(topic.open.topic.get()),
                              RD_KAFKA_V_PARTITION(record.partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_VALUE(const_cast<void*>(value), value_size),
                              RD_KAFKA_V_TIMESTAMP(timestamp), RD_KAFKA_V_OPAQUE(opaque),
                              RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_END);
      if (!err) headers.release();
    } else {
      err = rd_kafka_producev(client_.get(), RD_KAFKA_V_RKT(topic.open.topic.get()),
                              RD_KAFKA_V_PARTITION(record.partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_VALUE(const_cast<void*>(value), value_size),
                              RD_KAFKA_V_TIMESTAMP(timestamp), RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
    }
    if (!err) [[likely]]
      return {};
    // Full: records leave as they are acknowledged, or time out; either way this ends.
    if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL) return after_produce(err, topic);
    rd_kafka_poll(client_.get(), kQueueFullWaitMs);
  }
}

// A refused record. Within a transaction that has failed already (a delivery, the group, a fence) the refusal says
// `_STATE` or `_FATAL` only: the cause is elsewhere.
Status KafkaProducer::after_produce(rd_kafka_resp_err_t err, const Topic& topic) {
  rd_kafka_poll(client_.get(), 0);
  auto [failure, failed_topic] = context_->failure();
  char text[512];
  if (rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(client_.get(), text, sizeof text))
    return Error{Recovery::recreate_producer,
                 std::string("the producer is unusable: ") + text + " [" + rd_kafka_err2name(fatal) + "]", ""};
  if (failure) return delivery_error(failure, failed_topic);
  if (err == RD_KAFKA_RESP_ERR__STATE && in_transaction_)
    return Error{Recovery::abort_transaction, "the transaction has failed: " + context_->last_error(), ""};
  if (err == RD_KAFKA_RESP_ERR__STATE) {
    log(LogLevel::error, "a record was produced outside of a transaction: a defect of kstreamd, please report it",
        {{"topic", topic.name}});
    return Error{Recovery::recreate_producer, "a record was produced outside of a transaction", ""};
  }
  return delivery_error(err, topic.name);
}

Status KafkaProducer::send_offsets(std::span<const PartitionOffset> offsets, const GroupToken& token) {
  const KafkaToken* ours = KafkaToken::of(token);
  if (!ours || !ours->usable())
    return Error{Recovery::abort_transaction, "the group membership has no generation: offsets would not be fenced",
                 "wait for the next assignment"};
  auto list = make_offsets(offsets);
  return finish(
      rd_kafka_send_offsets_to_transaction(client_.get(), list.get(), ours->metadata(), kSendOffsetsTimeoutMs),
      TransactionCall::send_offsets);
}

Status KafkaProducer::commit() {
  if (!transactional_) return flush(std::chrono::seconds(30));
  auto status = finish(rd_kafka_commit_transaction(client_.get(), kDecideTimeoutMs), TransactionCall::commit);
  if (status.ok() || status.error().recovery != Recovery::retry) in_transaction_ = false;
  return status;
}

Status KafkaProducer::abort() {
  if (!transactional_) return {};
  auto status = finish(rd_kafka_abort_transaction(client_.get(), kDecideTimeoutMs), TransactionCall::abort);
  if (status.ok() || status.error().recovery != Recovery::retry) in_transaction_ = false;
  for (auto& topic : topics_)
    for (int32_t p = 0; p < topic->open.partitions; ++p) topic->tracker->take(p);
  return status;
}

Status KafkaProducer::flush(Duration timeout) {
  auto err = rd_kafka_flush(client_.get(), to_ms(timeout));
  auto [failure, topic] = context_->failure();
  if (failure) {
    Error error = delivery_error(failure, topic);
    if (transactional_) return error;  // the transaction keeps its failure until it is aborted
    context_->forget_failure();
    if (error.recovery == Recovery::abort_transaction) error.recovery = Recovery::recreate_producer;
    return error;
  }
  if (err == RD_KAFKA_RESP_ERR__TIMED_OUT)
    return Error{Recovery::retry,
                 std::to_string(rd_kafka_outq_len(client_.get())) + " records are not acknowledged yet; Kafka at " +
                     bootstrap(properties_) + ": " + context_->last_error(),
                 ""};
  if (err) return plain_error(err, "flush");
  return {};
}

int64_t KafkaProducer::take_last_offset(TopicHandle topic, int32_t partition) {
  return topics_.at(topic)->tracker->take(partition);
}

}  // namespace kstreamd::kafka

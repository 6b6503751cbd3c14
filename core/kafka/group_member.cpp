#include "core/kafka/group_member.h"

#include <atomic>
#include <chrono>
#include <cstring>

#include "core/base/log.h"
#include "core/kafka/errors.h"
#include "core/kafka/record_source.h"
#include "core/kafka/settings.h"

namespace kstreamd::kafka {
namespace {

constexpr auto kCloseDeadline = std::chrono::seconds(5);
constexpr auto kCommitTimeout = std::chrono::seconds(10);

using Steady = std::chrono::steady_clock;

// Stands for a source that could not be made: whoever uses it learns why.
class BrokenSource final : public RecordSource {
 public:
  explicit BrokenSource(Error error) : error_(std::move(error)) {}
  Status assign(int32_t, const TopicPartition&, int64_t) override { return error_; }
  Status unassign(int32_t) override { return error_; }
  Status seek(int32_t, int64_t) override { return error_; }
  Status pause(int32_t) override { return error_; }
  Status resume(int32_t) override { return error_; }
  Status poll(std::vector<FetchedBatch>&, size_t, Duration) override { return error_; }
  void wake() override {}
  int64_t high_watermark(int32_t) const override { return -1; }

 private:
  const Error error_;
};

}  // namespace

// Knows, too, whether the group's coordinator has ever answered to a wish to join.
class KafkaGroupMember::Context final : public ClientContext {
 public:
  Context() : ClientContext("member") {}
  bool join_answered() const { return join_answered_; }

  static void watch_joining(rd_kafka_conf_t* conf, Context* context) {
    rd_kafka_conf_interceptor_add_on_new(conf, kInterceptor, on_new, context);
  }

 private:
  static constexpr const char* kInterceptor = "kstreamd-joining";
  static constexpr int16_t kJoinGroup = 11;  // its key in Kafka's protocol

  static rd_kafka_resp_err_t on_new(rd_kafka_t* rk, const rd_kafka_conf_t*, void* context, char*, size_t) {
    return rd_kafka_interceptor_add_on_response_received(rk, kInterceptor, on_response, context);
  }
  // In a thread of librdkafka, before librdkafka itself looks at the response.
  static rd_kafka_resp_err_t on_response(rd_kafka_t*, int, const char*, int32_t, int16_t api_key, int16_t, int32_t,
                                         size_t, int64_t, rd_kafka_resp_err_t, void* context) {
    if (api_key == kJoinGroup) static_cast<Context*>(context)->join_answered_ = true;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  std::atomic<bool> join_answered_ = false;
};

// librdkafka 2.0.2 has no getters for the metadata, but writes it: "CGMDv2:", the generation, the group id and the
// member id, the two with a zero byte each.
std::shared_ptr<const KafkaToken> KafkaToken::take(rd_kafka_t* consumer) {
  auto token = std::make_shared<KafkaToken>();
  token->metadata_.reset(rd_kafka_consumer_group_metadata(consumer));
  if (!token->metadata_) return nullptr;
  void* raw = nullptr;
  size_t size = 0;
  if (Handle<rd_kafka_error_t> error{rd_kafka_consumer_group_metadata_write(token->metadata_.get(), &raw, &size)})
    return nullptr;
  std::string text(static_cast<char*>(raw), size);
  rd_kafka_mem_free(nullptr, raw);
  constexpr std::string_view kMagic = "CGMDv2:";
  size_t group = kMagic.size() + sizeof token->generation_;
  if (text.compare(0, kMagic.size(), kMagic) != 0 || text.size() < group) {
    log(LogLevel::error, "this librdkafka writes group metadata in a format that kstreamd does not know",
        {{"librdkafka", rd_kafka_version_str()}});
    return nullptr;
  }
  std::memcpy(&token->generation_, text.data() + kMagic.size(), sizeof token->generation_);
  size_t member = text.find('\0', group);
  if (member == std::string::npos) return nullptr;
  token->member_id_ = text.substr(member + 1).c_str();
  return token;
}

PartitionList make_offsets(std::span<const PartitionOffset> offsets) {
  auto list = make_list(static_cast<int>(offsets.size()));
  for (const auto& o : offsets) {
    auto* entry = rd_kafka_topic_partition_list_add(list.get(), o.partition.topic.c_str(), o.partition.partition);
    entry->offset = o.offset;
    if (o.metadata.empty()) continue;
    // Freed with the list, by free().
    entry->metadata = strdup(o.metadata.c_str());
    entry->metadata_size = o.metadata.size();
  }
  return list;
}

Result<std::unique_ptr<GroupMember>> KafkaGroupMember::make(const Properties& user, const GroupConfig& config,
                                                            uint64_t source_memory,
                                                            std::shared_ptr<SumOfParts> queued) {
  auto context = std::make_shared<Context>();
  auto client =
      Client::make(RD_KAFKA_CONSUMER, member_properties(user, config), context, [&context](rd_kafka_conf_t* conf) {
        rd_kafka_conf_set_error_cb(conf, nullptr);  // errors come as events
        rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR);
        Context::watch_joining(conf, context.get());
      });
  if (!client) return std::move(client).error();
  std::unique_ptr<KafkaGroupMember> member(new KafkaGroupMember(std::move(client).value(), std::move(context), user,
                                                                config, source_memory, std::move(queued)));
  auto topics = make_list();
  rd_kafka_topic_partition_list_add(topics.get(), config.topic.c_str(), RD_KAFKA_PARTITION_UA);
  if (auto err = rd_kafka_subscribe(member->client_.get(), topics.get()))
    return plain_error(err, "subscribe to '" + config.topic + "'");
  return std::unique_ptr<GroupMember>(std::move(member));
}

KafkaGroupMember::KafkaGroupMember(Client client, std::shared_ptr<const Context> context, Properties user,
                                   GroupConfig config, uint64_t source_memory, std::shared_ptr<SumOfParts> queued)
    : client_(std::move(client)),
      context_(std::move(context)),
      user_(std::move(user)),
      config_(std::move(config)),
      source_memory_(source_memory),
      queued_(std::move(queued)) {
  rd_kafka_poll_set_consumer(client_.get());
  queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
}

KafkaGroupMember::~KafkaGroupMember() { close(); }

std::string KafkaGroupMember::member_id() const {
  char* id = rd_kafka_memberid(client_.get());
  if (!id) return "";
  std::string copy(id);
  rd_kafka_mem_free(client_.get(), id);
  return copy;
}

KafkaGroupMember::Rebalance KafkaGroupMember::rebalance(rd_kafka_event_t* event) {
  Rebalance r;
  if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
    r.type = GroupEvent::Type::assigned;
  else
    r.type = rd_kafka_assignment_lost(client_.get()) ? GroupEvent::Type::lost : GroupEvent::Type::revoked;
  was_assigned_ = was_assigned_ || r.type == GroupEvent::Type::assigned;
  if (const auto* list = rd_kafka_event_topic_partition_list(event))
    for (int i = 0; i < list->cnt; ++i) r.partitions.push_back(list->elems[i].partition);
  r.member_id = member_id();
  return r;
}

GroupEvent KafkaGroupMember::next() {
  GroupEvent event;
  if (unanswered_ || rebalances_.empty()) return event;
  unanswered_ = true;
  event.type = rebalances_.front().type;
  event.partitions = rebalances_.front().partitions;
  if (event.type == GroupEvent::Type::lost) set_current(nullptr);
  return event;
}

GroupEvent KafkaGroupMember::poll(Duration timeout) {
  if (closed_) return {};
  if (GroupEvent waiting = next(); waiting.type != GroupEvent::Type::none) return waiting;
  Handle<rd_kafka_event_t> event(rd_kafka_queue_poll(queue_.get(), to_ms(timeout)));
  if (!event) return {};
  switch (rd_kafka_event_type(event.get())) {
    case RD_KAFKA_EVENT_REBALANCE:
      rebalances_.push_back(rebalance(event.get()));
      return next();
    case RD_KAFKA_EVENT_ERROR: {
      bool fatal = rd_kafka_event_error_is_fatal(event.get());
      rd_kafka_resp_err_t code = rd_kafka_event_error(event.get());
      char text[512] = "";
      if (fatal) {
        code = rd_kafka_fatal_error(client_.get(), text, sizeof text);
        set_current(nullptr);
      }
      GroupEvent result;
      result.type = GroupEvent::Type::error;
      result.error = member_error(code, fatal, fatal ? text : rd_kafka_event_error_string(event.get()));
      return result;
    }
    default:
      return {};
  }
}

PartitionList KafkaGroupMember::task_partitions(const std::vector<int32_t>& partitions) const {
  auto list = make_list(static_cast<int>(partitions.size()) + 1);
  // An explicit offset: nobody reads the topic, so nobody needs its committed ones.
  for (int32_t p : partitions) rd_kafka_topic_partition_list_add(list.get(), config_.topic.c_str(), p)->offset = 0;
  return list;
}

Status KafkaGroupMember::finish(const GroupEvent& event) {
  if (closed_ || event.type == GroupEvent::Type::none || event.type == GroupEvent::Type::error) return {};
  if (!unanswered_) return Error{Recovery::stop_topology, "the group's event was answered already", ""};
  Rebalance r = std::move(rebalances_.front());
  rebalances_.pop_front();
  unanswered_ = false;
  if (r.type == GroupEvent::Type::assigned) return answer_assigned(r);
  auto list = task_partitions(r.partitions);
  if (Handle<rd_kafka_error_t> error{rd_kafka_incremental_unassign(client_.get(), list.get())})
    return plain_error(rd_kafka_error_code(error.get()), "give up tasks", rd_kafka_error_string(error.get()));
  return {};
}

Status KafkaGroupMember::answer_assigned(const Rebalance& r) {
  auto list = task_partitions(r.partitions);
  if (Handle<rd_kafka_error_t> error{rd_kafka_incremental_assign(client_.get(), list.get())})
    return plain_error(rd_kafka_error_code(error.get()), "take tasks", rd_kafka_error_string(error.get()));
  // Paused: the topic is empty, and asking the broker for nothing costs too.
  if (list->cnt > 0) rd_kafka_pause_partitions(client_.get(), list.get());
  auto token = KafkaToken::take(client_.get());
  // A member id that has moved since the event belongs to a membership under which nothing was opened. With it, the
  // broker would accept what a successor has committed already.
  if (!token || !token->usable() || token->member_id() != r.member_id) {
    set_current(nullptr);
    return Error{Recovery::rejoin, "the group membership was lost while tasks were being taken",
                 "it joins again by itself"};
  }
  set_current(std::move(token));
  return {};
}

std::shared_ptr<const KafkaToken> KafkaGroupMember::current() const {
  std::lock_guard lock(mutex_);
  return token_;
}

void KafkaGroupMember::set_current(std::shared_ptr<const KafkaToken> token) {
  std::lock_guard lock(mutex_);
  token_ = std::move(token);
}

std::shared_ptr<const GroupToken> KafkaGroupMember::token() const { return current(); }

std::unique_ptr<RecordSource> KafkaGroupMember::make_source() {
  auto source = KafkaRecordSource::make(source_properties(user_, config_.group_id, true, false, source_memory_),
                                        "source", queued_);
  if (source) return std::move(source).value();
  // The same properties made this member, so what is left as a reason are the process' limits (threads, files).
  return std::make_unique<BrokenSource>(std::move(source).error());
}

Result<std::vector<PartitionOffset>> KafkaGroupMember::committed(std::span<const TopicPartition> partitions,
                                                                 Duration timeout) {
  auto list = make_list(static_cast<int>(partitions.size()));
  for (const auto& p : partitions) rd_kafka_topic_partition_list_add(list.get(), p.topic.c_str(), p.partition);
  auto err = rd_kafka_committed(client_.get(), list.get(), std::max(to_ms(timeout), 1));
  for (int i = 0; !err && i < list->cnt; ++i) err = list->elems[i].err;
  if (err) {
    Error error = plain_error(err, "committed offsets of group '" + config_.group_id + "'");
    if (error.recovery == Recovery::retry_topology) error.recovery = Recovery::retry;
    if (err == RD_KAFKA_RESP_ERR__TIMED_OUT || err == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT)
      error.hint =
          "a transaction on them may be open; when this lasts for over half a minute, look for hanging ones "
          "with kafka-transactions.sh find-hanging";
    return error;
  }
  std::vector<PartitionOffset> result;
  for (int i = 0; i < list->cnt; ++i) {
    const auto& e = list->elems[i];
    PartitionOffset& o = result.emplace_back();
    o.partition = {e.topic, e.partition};
    o.offset = e.offset >= 0 ? e.offset : -1;
    if (e.metadata) o.metadata.assign(static_cast<const char*>(e.metadata), e.metadata_size);
  }
  return result;
}

Status KafkaGroupMember::commit(std::span<const PartitionOffset> offsets, const GroupToken& token) {
  // librdkafka commits as the member of the moment, whatever the token; so the token has to be that member's.
  auto now = current();
  if (!now || now->member_id() != token.member_id())
    return Error{Recovery::abort_transaction, "the group membership has changed since the token was taken",
                 "wait for the next assignment"};
  auto list = make_offsets(offsets);
  Handle<rd_kafka_queue_t> answer(rd_kafka_queue_new(client_.get()));
  if (auto err = rd_kafka_commit_queue(client_.get(), list.get(), answer.get(), nullptr, nullptr))
    return plain_error(err, "commit offsets");
  auto deadline = Steady::now() + kCommitTimeout;
  while (Steady::now() < deadline) {
    Handle<rd_kafka_event_t> event(rd_kafka_queue_poll(answer.get(), 100));
    if (!event || rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_OFFSET_COMMIT) continue;
    auto err = rd_kafka_event_error(event.get());
    const auto* result = rd_kafka_event_topic_partition_list(event.get());
    for (int i = 0; !err && result && i < result->cnt; ++i) err = result->elems[i].err;
    if (err) return plain_error(err, "commit offsets");
    return {};
  }
  return Error{Recovery::abort_transaction, "the group's coordinator did not answer a commit within 10 s", ""};
}

// Answers what waits for an answer without taking or giving up anything: closing gives up all of it.
void KafkaGroupMember::answer_all() {
  while (Handle<rd_kafka_event_t> event{rd_kafka_queue_poll(queue_.get(), 0)})
    if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE) rebalances_.push_back(rebalance(event.get()));
  auto nothing = make_list();
  for (const auto& r : rebalances_) {
    auto answer = r.type == GroupEvent::Type::assigned ? rd_kafka_incremental_assign : rd_kafka_incremental_unassign;
    // A refusal leaves the rebalance to the answer that close() gives.
    Handle<rd_kafka_error_t> refused{answer(client_.get(), nothing.get())};
  }
  rebalances_.clear();
}

void KafkaGroupMember::close() {
  if (closed_) return;
  closed_ = true;
  set_current(nullptr);
  leave();
  // From the answer to its joining to its first assignment librdkafka 2.0.2 has an assignor without a state, and aborts
  // the process when it is destroyed then. Asked after leaving, when it takes no more answers.
  if (!was_assigned_ && context_->join_answered()) client_.keep_for_good();
}

void KafkaGroupMember::leave() {
  // librdkafka waits for one answer before it ends the membership, and then throws away what it was sent meanwhile: who
  // answers a second event waits for ever. So older ones are answered before, and of those that closing brings the
  // first.
  answer_all();
  if (Handle<rd_kafka_error_t> error{rd_kafka_consumer_close_queue(client_.get(), queue_.get())}) {
    log(LogLevel::warn, "closing the group member", {{"error", rd_kafka_error_string(error.get())}});
    return;
  }
  bool answered = false;
  auto deadline = Steady::now() + kCloseDeadline;
  while (!rd_kafka_consumer_closed(client_.get())) {
    if (Steady::now() > deadline) {
      log(LogLevel::warn, "the group member does not close in time; it is left to its session time-out",
          {{"group", config_.group_id}});
      return;
    }
    Handle<rd_kafka_event_t> event(rd_kafka_queue_poll(queue_.get(), 50));
    if (!event || answered || rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_REBALANCE) continue;
    answered = true;
    rd_kafka_assign(client_.get(), nullptr);
  }
}

}  // namespace kstreamd::kafka

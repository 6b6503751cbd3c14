// A producer whose calls fail as a broker's would.
#include <deque>
#include <vector>

#include "core/record/murmur2.h"
#include "tests/sim/cluster.h"
#include "tests/sim/shapes.h"

namespace kstreamd::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration call_time = milliseconds(2);
constexpr Duration repeat_time = seconds(2);  // until a call says that it wants to be repeated

Error again(const char* call) { return {Recovery::retry, std::string(call) + ": simulated, to be repeated", ""}; }
Error aborted(const char* call) {
  return {Recovery::abort_transaction, std::string(call) + ": simulated, the transaction has failed", ""};
}
Error unknown(const char* call) {
  return {Recovery::recreate_producer, std::string(call) + ": simulated, the outcome is unknown", ""};
}

// A record in the queue of a producer without transactions.
class QueuedRecord {
 public:
  explicit QueuedRecord(const OutgoingRecord& record) : record_(record), key_(record.key), value_(record.value) {
    for (const Header& header : record.headers)
      headers_.emplace_back(std::string(header.name, header.name_size),
                            std::string(static_cast<const char*>(header.value), header.value_size));
  }
  Status produce(Producer& producer) const {
    std::vector<Header> headers;
    for (const auto& [name, value] : headers_)
      headers.push_back(
          {name.data(), value.data(), static_cast<uint32_t>(name.size()), static_cast<uint32_t>(value.size())});
    OutgoingRecord record = record_;
    record.key = key_;
    record.value = value_;
    record.headers = headers;
    return producer.produce(record);
  }

 private:
  const OutgoingRecord record_;  // but for what it borrows
  const std::string key_, value_;
  std::vector<std::pair<std::string, std::string>> headers_;
};

// Without transactions records wait in a queue, some of them until the flush: a crash loses those. A record that the
// broker refuses shows only at the flush; those behind it are lost with it, so that what is there has no gaps.
class SimProducer final : public Producer {
 public:
  SimProducer(Network& network, int process, const std::string& id, std::unique_ptr<Producer> real)
      : network_(network),
        chaos_(network.chaos),
        process_(process),
        session_(*network.transactions.add(id, process, std::move(real))) {}
  ~SimProducer() override { network_.transactions.abandon(session_); }

  Status init(Duration timeout) override {
    chaos_.pass(call_time);
    if (chaos_.strikes(Event::init_again, process_)) return chaos_.pass(repeat_time), again("init");
    if (chaos_.strikes(Event::init_failed, process_))
      return Error{Recovery::retry_topology, "init: simulated, no broker answers", ""};
    if (chaos_.plan.sabotage == Sabotage::kept_epoch && network_.transactions.inherit(session_)) {
      chaos_.trace.add(process_, "SABOTAGE", "kept_epoch");
      return {};
    }
    auto done = session_.producer->init(timeout);
    if (done) network_.transactions.taken_over(session_);
    return done;
  }
  Result<TopicHandle> open_topic(const std::string& name, Duration timeout) override {
    auto opened = session_.producer->open_topic(name, timeout);
    if (opened && name == dead_letter_topic) dead_letters_ = *opened;
    if (opened && name.ends_with("-subscription-response-topic")) answers_ = *opened;
    return opened;
  }
  int32_t partition_count(TopicHandle topic) const override { return session_.producer->partition_count(topic); }

  Status begin() override {
    auto begun = session_.producer->begin();
    if (!begun) return refused(std::move(begun));
    session_.open_since = chaos_.clock.now();
    failed_ = false;
    return begun;
  }

  Status produce(const OutgoingRecord& record) override {
    chaos_.crash_point(Event::crash_before_produce, process_);
    if (failed_ && transactional()) return aborted("produce");
    if (chaos_.strikes(Event::produce_failed, process_)) {
      failed_ = true;
      return transactional() ? aborted("produce") : Status();
    }
    if (chaos_.strikes(Event::produce_fenced, process_)) return unknown("produce");
    auto done = produce_perhaps_wrong(record);
    chaos_.crash_point(Event::crash_after_produce, process_);
    return refused(std::move(done));
  }

  Status send_offsets(std::span<const PartitionOffset> offsets, const GroupToken& token) override {
    chaos_.crash_point(Event::crash_before_offsets, process_);
    chaos_.pass(call_time);
    if (failed_) return aborted("send_offsets");
    if (chaos_.strikes(Event::offsets_refused, process_)) {
      failed_ = true;
      return aborted("send_offsets");
    }
    const bool repeat = chaos_.strikes(Event::offsets_again, process_);
    const bool unheard = !repeat && chaos_.strikes(Event::offsets_unknown, process_);
    const bool arrives = !(repeat || unheard) || chaos_.random.coin();
    Status done;
    if (arrives) done = send(offsets, token);
    chaos_.crash_point(Event::crash_after_offsets, process_);
    if (repeat && done) return chaos_.pass(repeat_time), again("send_offsets");
    if (unheard) return unknown("send_offsets");
    return refused(std::move(done));
  }

  Status commit() override {
    chaos_.crash_point(Event::crash_before_commit, process_);
    chaos_.pass(call_time);
    if (failed_) return aborted("commit");
    if (chaos_.strikes(Event::commit_refused, process_)) {
      failed_ = true;
      return aborted("commit");
    }
    if (chaos_.strikes(Event::commit_again, process_)) return chaos_.pass(repeat_time), again("commit");
    if (chaos_.strikes(Event::commit_unknown_undone, process_)) return unknown("commit");
    if (chaos_.strikes(Event::commit_in_flight, process_)) {
      session_.commit_lands_at =
          chaos_.clock.now() + chaos_.random.magnitude(Duration(milliseconds(1)), Duration(seconds(10)));
      chaos_.crash_point(Event::crash_after_commit, process_);
      return unknown("commit");
    }
    const bool deceived = chaos_.sabotages(Sabotage::unwritten_commit, 20'000, process_);
    auto done = deceived ? session_.producer->abort() : session_.producer->commit();
    if (done) session_.open_since.reset();
    chaos_.trace.add(process_, done ? "commits" : "cannot commit", session_.id);
    chaos_.crash_point(Event::crash_after_commit, process_);
    if (done && chaos_.strikes(Event::commit_unknown_done, process_)) return unknown("commit");
    return refused(std::move(done));
  }

  Status abort() override {
    chaos_.pass(call_time);
    chaos_.happened(Event::transaction_aborted, process_, session_.id);
    if (chaos_.strikes(Event::abort_failed, process_)) return unknown("abort");
    const bool deceived = chaos_.sabotages(Sabotage::committed_abort, 300'000, process_);
    auto done = deceived ? session_.producer->commit() : session_.producer->abort();
    if (done) session_.open_since.reset();
    failed_ = false;
    return done;
  }

  Status flush(Duration timeout) override {
    if (transactional()) return session_.producer->flush(timeout);
    chaos_.crash_point(Event::crash_before_commit, process_);
    chaos_.pass(call_time);
    if (std::exchange(failed_, false)) return unknown("flush");
    if (chaos_.strikes(Event::commit_again, process_)) return chaos_.pass(repeat_time), again("flush");
    if (chaos_.sabotages(Sabotage::unflushed_commit, 1'000'000, process_)) return {};
    KSTREAMD_TRY(send_queued());
    auto done = session_.producer->flush(timeout);
    chaos_.crash_point(Event::crash_after_commit, process_);
    return done;
  }
  int64_t take_last_offset(TopicHandle topic, int32_t partition) override {
    return session_.producer->take_last_offset(topic, partition);
  }

 private:
  Status produce_perhaps_wrong(OutgoingRecord record) {
    if (failed_) return {};
    if (chaos_.sabotages(Sabotage::lost_output, 3'000, process_)) return {};
    if (chaos_.sabotages(Sabotage::doubled_output, 3'000, process_)) (void)session_.producer->produce(record);
    if (chaos_.sabotages(Sabotage::shifted_time, 3'000, process_)) ++record.timestamp;
    const int32_t partitions = session_.producer->partition_count(record.topic);
    if (record.partition < 0 && partitions > 1 && chaos_.sabotages(Sabotage::wrong_partition, 3'000, process_))
      record.partition = (partition_of_key(record.key, partitions) + 1) % partitions;
    if (record.topic == dead_letters_ && chaos_.sabotages(Sabotage::lost_dead_letter, 100'000, process_)) return {};
    if (record.topic == dead_letters_ && chaos_.sabotages(Sabotage::doubled_dead_letter, 100'000, process_))
      (void)session_.producer->produce(record);
    if (record.topic == answers_ && chaos_.sabotages(Sabotage::lost_answer, 20'000, process_)) return {};
    if (record.topic == answers_ && chaos_.sabotages(Sabotage::doubled_answer, 20'000, process_))
      (void)session_.producer->produce(record);
    if (transactional()) return session_.producer->produce(record);
    queue_.emplace_back(record);
    return chaos_.random.below(8) == 0 ? send_queued() : Status();
  }
  Status send_queued() {
    for (; !queue_.empty(); queue_.pop_front()) KSTREAMD_TRY(queue_.front().produce(*session_.producer));
    return {};
  }
  // For a planted error: a transaction of their own, which is committed at once.
  void send_early(std::span<const PartitionOffset> offsets, const GroupToken& token) {
    auto other = network_.log.make_producer({session_.id + "-early"});
    if (other && (*other)->init(Duration(0)) && (*other)->begin() && (*other)->send_offsets(offsets, token))
      (void)(*other)->commit();
  }
  Status send(std::span<const PartitionOffset> offsets, const GroupToken& token) {
    const bool deceived = network_.last_token && chaos_.sabotages(Sabotage::unfenced_offsets, 1'000'000, process_);
    if (chaos_.sabotages(Sabotage::early_offsets, 500'000, process_)) send_early(offsets, token);
    auto sent = session_.producer->send_offsets(offsets, deceived ? *network_.last_token : token);
    if (sent) {
      for (const auto& offset : offsets)
        chaos_.trace.add(process_, "sends offset", offset.partition.text(), offset.offset);
      return sent;
    }
    if (sent.error().recovery != Recovery::abort_transaction) return sent;
    chaos_.happened(Event::zombie_refused, process_, sent.error().message);
    return sent;
  }
  bool transactional() const { return !session_.id.empty(); }
  // Passes an answer of the log on; a transaction that it has failed stays failed.
  Status refused(Status status) {
    if (!status && status.error().recovery == Recovery::abort_transaction) failed_ = true;
    return status;
  }

  Network& network_;
  Chaos& chaos_;
  const int process_;
  Transactions::Session& session_;
  bool failed_ = false;  // nothing but abort() is of use; without transactions: a record was refused
  std::deque<QueuedRecord> queue_;
  TopicHandle dead_letters_ = -1;
  TopicHandle answers_ = -1;
};

}  // namespace

std::unique_ptr<Producer> make_sim_producer(Network& network, int process, const std::string& id,
                                            std::unique_ptr<Producer> real) {
  return std::make_unique<SimProducer>(network, process, id, std::move(real));
}

}  // namespace kstreamd::sim

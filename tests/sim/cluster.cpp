#include "tests/sim/cluster.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "tests/sim/source.h"

namespace kstreamd::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A member whose events come late, come again, or are overtaken by its expulsion. It may also be replaced: expelled,
// and a member again under another id, before the engine hears of either. What it did not get back by then is lost.
class SimMember final : public GroupMember {
 public:
  SimMember(SimCluster& cluster, std::unique_ptr<GroupMember> real)
      : cluster_(cluster),
        network_(cluster.network_),
        chaos_(network_.chaos),
        process_(cluster.process_),
        real_(std::move(real)) {}
  ~SimMember() override { cluster_.heard_at_.reset(); }

  GroupEvent poll(Duration) override {
    chaos_.crash_point(Event::crash_in_group, process_);
    const Duration now = chaos_.clock.now();
    if (!closed_) cluster_.heard_at_ = now;
    if (held_) {
      if (now < held_until_) return {};
      return deliver(*std::exchange(held_, std::nullopt));
    }
    if (replaced_) return come_back(now);
    GroupEvent event = real_->poll(Duration(0));
    if (event.type == GroupEvent::Type::none) {
      if (answering_ || !real_->token()) return {};
      const bool taking = restoring_for_ > 0 && --restoring_for_ == 0;
      const bool restoring = taking && chaos_.strikes(Event::replaced_restoring, process_);
      if (restoring || chaos_.strikes(Event::member_replaced, process_)) {
        be_replaced(now, restoring);
        return {};
      }
      if (!chaos_.strikes(Event::assigned_again, process_)) return {};
      repeated_ = true;
      return {GroupEvent::Type::assigned, {}, {}};
    }
    if (chaos_.strikes(Event::event_delayed, process_)) {
      held_ = std::move(event);
      held_until_ = now + chaos_.random.magnitude(Duration(milliseconds(1)), Duration(seconds(5)));
      return {};
    }
    return deliver(std::move(event));
  }

  Status finish(const GroupEvent& event) override {
    if (std::exchange(repeated_, false)) return {};
    answering_ = false;
    if (std::exchange(own_, false)) {
      finish_own(event);
      return {};
    }
    const bool assigned = event.type == GroupEvent::Type::assigned;
    const bool lost = assigned && chaos_.strikes(Event::lost_while_taking, process_);
    if (lost) cluster_.expel();
    auto done = real_->finish(event);
    note(event, delivered_);
    if (assigned && real_->token()) network_.last_token = real_->token();
    if (!assigned || real_->token()) note(event, known_);
    if (assigned && !event.partitions.empty()) restoring_for_ = chaos_.random.between(1, 20);
    if (done && assigned && !real_->token())
      return Error{Recovery::rejoin, "simulated: the membership was lost while tasks were being taken", ""};
    return done;
  }
  std::shared_ptr<const GroupToken> token() const override { return replaced_ ? former_token_ : real_->token(); }
  std::unique_ptr<RecordSource> make_source() override {
    const bool dirty = chaos_.plan.sabotage == Sabotage::dirty_read;
    return make_sim_source(chaos_, process_, false,
                           dirty ? network_.log.make_reader(false).value() : real_->make_source());
  }
  Result<std::vector<PartitionOffset>> committed(std::span<const TopicPartition> partitions, Duration) override {
    chaos_.pass(milliseconds(2));
    if (chaos_.strikes(Event::committed_again, process_))
      return Error{Recovery::retry, "committed: simulated, no answer", ""};
    if (chaos_.strikes(Event::committed_failed, process_))
      return Error{Recovery::retry_topology, "committed: simulated, refused", ""};
    auto offsets = real_->committed(partitions, Duration(0));
    if (!offsets && offsets.error().recovery == Recovery::retry)
      chaos_.happened(Event::offsets_pending, process_, partitions.front().text());
    return offsets;
  }
  Status commit(std::span<const PartitionOffset> offsets, const GroupToken& token) override {
    chaos_.crash_point(Event::crash_before_offsets, process_);
    chaos_.pass(milliseconds(2));
    if (chaos_.strikes(Event::offsets_refused, process_))
      return Error{Recovery::abort_transaction, "commit offsets: simulated, refused", ""};
    const bool unheard = chaos_.strikes(Event::offsets_unknown, process_);
    Status done;
    if (!unheard || chaos_.random.coin()) done = real_->commit(offsets, token);
    chaos_.crash_point(Event::crash_after_offsets, process_);
    if (unheard) return Error{Recovery::abort_transaction, "commit offsets: simulated, no answer", ""};
    if (!done) chaos_.happened(Event::zombie_refused, process_, done.error().message);
    return done;
  }
  void close() override {
    closed_ = true;
    cluster_.heard_at_.reset();
    real_->close();
  }

 private:
  using Tasks = std::set<int32_t>;
  static void note(const GroupEvent& event, Tasks& tasks) {
    for (int32_t task : event.partitions)
      if (event.type == GroupEvent::Type::assigned)
        tasks.insert(task);
      else
        tasks.erase(task);
  }
  static std::vector<int32_t> without(const Tasks& all, const Tasks& some) {
    std::vector<int32_t> rest;
    std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::back_inserter(rest));
    return rest;
  }

  void be_replaced(Duration now, bool restoring) {
    former_token_ = real_->token();
    replaced_ = true;
    cluster_.expel();
    away_until_ = now + chaos_.random.magnitude(Duration(milliseconds(restoring ? 200 : 1)), Duration(seconds(5)));
    waits_until_ = away_until_ + chaos_.random.magnitude(Duration(milliseconds(1)), Duration(seconds(20)));
    // A process that is not heard of is seldom well otherwise.
    if (restoring || chaos_.random.coin()) cluster_.threads_.stall_restorer(waits_until_ - now);
  }

  // Settles everything with the group by itself. The engine is told once all that it had is back, or too much time has
  // passed for that.
  GroupEvent come_back(Duration now) {
    if (own_ || now < away_until_) return {};
    GroupEvent event = real_->poll(Duration(0));
    if (event.type == GroupEvent::Type::error) return deliver(std::move(event));
    if (event.type != GroupEvent::Type::none) {
      (void)real_->finish(event);
      note(event, delivered_);
    }
    if (!real_->token()) return {};
    auto missing = without(known_, delivered_);
    if (!missing.empty() && now < waits_until_) return {};
    own_ = true;
    if (!missing.empty()) return deliver({GroupEvent::Type::lost, std::move(missing), {}});
    if (!known_.empty()) chaos_.happened(Event::came_back_unnoticed, process_, std::to_string(known_.size()));
    return deliver({GroupEvent::Type::assigned, without(delivered_, known_), {}});
  }

  void finish_own(const GroupEvent& event) {
    note(event, known_);
    former_token_.reset();
    if (event.type != GroupEvent::Type::assigned) return;
    // What it restores now was located by the former membership, and control has not seen it yet.
    cluster_.threads_.run_restorer();
    replaced_ = false;
    network_.last_token = real_->token();
  }

  GroupEvent deliver(GroupEvent event) {
    answering_ = true;
    std::string tasks;
    for (int32_t p : event.partitions) tasks += (tasks.empty() ? "" : " ") + std::to_string(p);
    switch (event.type) {
      case GroupEvent::Type::assigned:
        chaos_.happened(Event::rebalanced, process_, tasks);
        break;
      case GroupEvent::Type::revoked:
        chaos_.happened(Event::tasks_revoked, process_, tasks);
        break;
      case GroupEvent::Type::lost:
        chaos_.happened(Event::tasks_lost, process_, tasks);
        break;
      default:
        chaos_.trace.add(process_, "group error", event.error.message);
        answering_ = false;
    }
    return event;
  }

  SimCluster& cluster_;
  Network& network_;
  Chaos& chaos_;
  const int process_;
  const std::unique_ptr<GroupMember> real_;
  std::optional<GroupEvent> held_;
  Duration held_until_{0};
  bool answering_ = false;  // an event of the group waits for finish()
  bool repeated_ = false;   // an event that the group knows nothing of does
  bool own_ = false;        // an event does that stands for several of the group's, finished already
  bool replaced_ = false;   // the engine knows only of the former membership
  std::shared_ptr<const GroupToken> former_token_;
  int64_t restoring_for_ = 0;  // polls from an assignment to the moment at which it may be replaced
  Duration away_until_{0};     // replaced: does not ask the group before
  Duration waits_until_{0};    // replaced: gives up what is not back by then
  Tasks delivered_;            // by the group
  Tasks known_;                // of these, what the engine was told of
  bool closed_ = false;
};

namespace {

class SimAdmin final : public Admin {
 public:
  SimAdmin(Network& network, int process) : real_(network.log.admin()), chaos_(network.chaos), process_(process) {}

  Result<std::string> cluster_id(Duration timeout) override { return real_.cluster_id(timeout); }
  Result<std::vector<TopicInfo>> describe(std::span<const std::string> topics, Duration timeout) override {
    KSTREAMD_TRY(answer());
    return real_.describe(topics, timeout);
  }
  Result<std::vector<TopicInfo>> list(Duration timeout) override { return real_.list(timeout); }
  Status create(std::span<const TopicSpec> topics, Duration timeout) override {
    KSTREAMD_TRY(answer());
    return real_.create(topics, timeout);
  }
  Status remove(std::span<const std::string> topics, Duration timeout) override {
    return real_.remove(topics, timeout);
  }
  Result<std::map<std::string, std::string>> configs(const std::string& topic, Duration timeout) override {
    return real_.configs(topic, timeout);
  }
  Result<Watermarks> watermarks(const TopicPartition& partition, Duration timeout) override {
    KSTREAMD_TRY(answer());
    auto marks = real_.watermarks(partition, timeout);
    if (marks && partition.topic.ends_with("-changelog") && marks->high > marks->low + 3 &&
        chaos_.sabotages(Sabotage::short_restore, 1'000'000, process_))
      marks->high -= 3;
    return marks;
  }
  Status delete_records(std::span<const PartitionOffset> before, Duration timeout) override {
    KSTREAMD_TRY(answer());
    for (const auto& b : before) chaos_.happened(Event::repartition_purged, process_, b.partition.text(), b.offset);
    return real_.delete_records(before, timeout);
  }
  Result<std::optional<int64_t>> offset_at(const TopicPartition& partition, int64_t timestamp_ms,
                                           Duration timeout) override {
    return real_.offset_at(partition, timestamp_ms, timeout);
  }
  Result<std::vector<GroupMemberInfo>> group_members(const std::string& group, Duration timeout) override {
    return real_.group_members(group, timeout);
  }
  Result<std::vector<PartitionOffset>> group_offsets(const std::string& group,
                                                     std::span<const TopicPartition> partitions,
                                                     Duration timeout) override {
    return real_.group_offsets(group, partitions, timeout);
  }
  Status set_group_offsets(const std::string& group, std::span<const PartitionOffset> offsets,
                           Duration timeout) override {
    return real_.set_group_offsets(group, offsets, timeout);
  }
  Status expel(const GroupConfig& member, Duration timeout) override { return real_.expel(member, timeout); }

 private:
  Status answer() {
    chaos_.pass(milliseconds(1));
    if (!chaos_.strikes(Event::admin_failed, process_)) return {};
    return Error{Recovery::retry_topology, "admin: simulated, no broker answers", ""};
  }

  Admin& real_;
  Chaos& chaos_;
  const int process_;
};

}  // namespace

SimCluster::SimCluster(Network& network, int process, OtherThreads& threads)
    : network_(network), process_(process), threads_(threads), admin_(std::make_unique<SimAdmin>(network, process)) {}
SimCluster::~SimCluster() = default;

Result<std::unique_ptr<GroupMember>> SimCluster::join(const GroupConfig& config) {
  auto real = network_.log.join(config);
  if (!real) return real;
  instance_id_ = config.instance_id;
  heard_at_ = network_.chaos.clock.now();
  return std::unique_ptr<GroupMember>(std::make_unique<SimMember>(*this, std::move(*real)));
}

Result<std::unique_ptr<Producer>> SimCluster::make_producer(const ProducerConfig& config) {
  auto real = network_.log.make_producer(config);
  if (!real) return real;
  return make_sim_producer(network_, process_, config.transactional_id, std::move(*real));
}

Result<std::unique_ptr<RecordSource>> SimCluster::make_reader(bool committed_only) {
  auto real = network_.log.make_reader(committed_only);
  if (!real) return real;
  return make_sim_source(network_.chaos, process_, true, std::move(*real));
}

void SimCluster::expel() {
  heard_at_.reset();
  network_.chaos.zombies = true;
  if (!instance_id_.empty()) (void)embedded_levers(network_.log)->expel_member(network_.group, instance_id_);
}

}  // namespace kstreamd::sim

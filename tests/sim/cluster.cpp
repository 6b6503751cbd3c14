#include "tests/sim/cluster.h"

#include "tests/sim/source.h"

namespace kstreamd::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A member whose events come late, come again, or are overtaken by its expulsion.
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
    GroupEvent event = real_->poll(Duration(0));
    if (event.type == GroupEvent::Type::none) {
      if (answering_ || !real_->token() || !chaos_.strikes(Event::assigned_again, process_)) return {};
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
    const bool assigned = event.type == GroupEvent::Type::assigned;
    const bool lost = assigned && chaos_.strikes(Event::lost_while_taking, process_);
    if (lost) cluster_.expel();
    auto done = real_->finish(event);
    if (assigned && real_->token()) network_.last_token = real_->token();
    if (done && assigned && !real_->token())
      return Error{Recovery::rejoin, "simulated: the membership was lost while tasks were being taken", ""};
    return done;
  }
  std::shared_ptr<const GroupToken> token() const override { return real_->token(); }
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
    return real_->commit(offsets, token);
  }
  void close() override {
    closed_ = true;
    cluster_.heard_at_.reset();
    real_->close();
  }

 private:
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

SimCluster::SimCluster(Network& network, int process)
    : network_(network), process_(process), admin_(std::make_unique<SimAdmin>(network, process)) {}
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
  if (!instance_id_.empty()) (void)embedded_levers(network_.log)->expel_member(network_.group, instance_id_);
}

}  // namespace kstreamd::sim

#include "core/embedded/embedded_cluster.h"

#include <algorithm>

#include "core/embedded/broker.h"
#include "core/embedded/producer.h"
#include "core/embedded/reader.h"

namespace kstreamd {
namespace embedded {
namespace {

class EmbeddedMember final : public GroupMember {
 public:
  EmbeddedMember(std::shared_ptr<Broker> broker, const GroupConfig& config, std::shared_ptr<SumOfParts> fetched)
      : broker_(std::move(broker)), group_id_(config.group_id), fetched_(std::move(fetched)) {
    membership_.config = config;
    membership_.keeps_place = !config.instance_id.empty();
    broker_->groups->join(membership_);
  }
  ~EmbeddedMember() override { close(); }

  GroupEvent poll(Duration timeout) override { return broker_->groups->poll(membership_, timeout); }
  Status finish(const GroupEvent& event) override { return broker_->groups->finish(membership_, event); }
  std::shared_ptr<const GroupToken> token() const override { return broker_->groups->token(membership_); }
  std::unique_ptr<RecordSource> make_source() override { return std::make_unique<LogReader>(broker_, true, fetched_); }
  Result<std::vector<PartitionOffset>> committed(std::span<const TopicPartition> partitions,
                                                 Duration timeout) override {
    return broker_->groups->committed(group_id_, partitions, timeout);
  }
  Status commit(std::span<const PartitionOffset> offsets, const GroupToken& token) override {
    return broker_->groups->commit(offsets, token);
  }
  void close() override { broker_->groups->close(membership_); }

 private:
  const std::shared_ptr<Broker> broker_;
  const std::string group_id_;
  const std::shared_ptr<SumOfParts> fetched_;  // by its sources
  Membership membership_;                      // guarded by the groups' lock
};

class EmbeddedAdmin final : public Admin {
 public:
  explicit EmbeddedAdmin(Broker& broker) : broker_(broker) {}

  Result<std::string> cluster_id(Duration) override { return broker_.cluster_id; }

  Result<std::vector<TopicInfo>> describe(std::span<const std::string> topics, Duration) override {
    std::vector<TopicInfo> infos;
    for (const std::string& name : topics) {
      TopicPtr topic = broker_.topics->find(name);
      infos.push_back({name, topic != nullptr, topic ? topic->info.partitions : 0});
    }
    return infos;
  }

  Result<std::vector<TopicInfo>> list(Duration) override {
    std::vector<TopicInfo> infos;
    for (const TopicPtr& topic : broker_.topics->list())
      infos.push_back({topic->info.name, true, topic->info.partitions});
    return infos;
  }

  Status create(std::span<const TopicSpec> topics, Duration) override {
    for (const TopicSpec& spec : topics) KSTREAMD_TRY(broker_.topics->create(spec));
    broker_.groups->topics_changed();
    return {};
  }

  Status remove(std::span<const std::string> topics, Duration) override {
    for (const std::string& name : topics) {
      auto removed = broker_.topics->remove(name);
      if (!removed) return std::move(removed).error();
      if (*removed) KSTREAMD_TRY(broker_.groups->forget_topic(name));
    }
    broker_.groups->topics_changed();
    return {};
  }

  Result<std::map<std::string, std::string>> configs(const std::string& name, Duration) override {
    TopicPtr topic = broker_.topics->find(name);
    if (!topic) return missing(name);
    auto configs = topic->info.configs;
    configs.try_emplace("cleanup.policy", "delete");
    configs.try_emplace("retention.ms", "-1");
    configs.try_emplace("delete.retention.ms", std::to_string(topic->policy.delete_retention_ms));
    return configs;
  }

  Result<Watermarks> watermarks(const TopicPartition& partition, Duration) override {
    auto found = broker_.topics->find(partition);
    if (!found) return std::move(found).error();
    broker_.producers.push_gathered(true, true);
    return found->second->watermarks();
  }

  Status delete_records(std::span<const PartitionOffset> before, Duration) override {
    broker_.producers.push_gathered(true, true);
    for (const PartitionOffset& offset : before) {
      auto found = broker_.topics->find(offset.partition);
      if (!found) return std::move(found).error();
      KSTREAMD_TRY(found->second->delete_before(offset.offset));
    }
    return {};
  }

  Result<std::optional<int64_t>> offset_at(const TopicPartition& partition, int64_t timestamp_ms, Duration) override {
    auto found = broker_.topics->find(partition);
    if (!found) return std::move(found).error();
    broker_.producers.push_gathered(true, true);
    return found->second->offset_at(timestamp_ms);
  }

  Result<std::vector<GroupMemberInfo>> group_members(const std::string& group, Duration) override {
    return broker_.groups->members(group);
  }

  Result<std::vector<PartitionOffset>> group_offsets(const std::string& group,
                                                     std::span<const TopicPartition> partitions, Duration) override {
    return broker_.groups->committed_now(group, partitions);
  }

  Status set_group_offsets(const std::string& group, std::span<const PartitionOffset> offsets, Duration) override {
    return broker_.groups->set_offsets(group, offsets);
  }

  Status expel(const GroupConfig& member, Duration) override {
    (void)broker_.groups->expel(member.group_id, member.instance_id);
    return {};
  }

 private:
  static Error missing(const std::string& name) {
    return {Recovery::retry_topology, "topic " + name + " does not exist", "create it"};
  }
  Broker& broker_;
};

class EmbeddedCluster final : public Cluster, public EmbeddedLevers {
 public:
  explicit EmbeddedCluster(std::shared_ptr<Broker> broker) : broker_(std::move(broker)), admin_(*broker_) {}

  Admin& admin() override { return admin_; }

  Result<std::unique_ptr<GroupMember>> join(const GroupConfig& config) override {
    if (config.group_id.empty() || config.topic.empty())
      return Error{Recovery::stop_topology, "a group needs an id and a topic", "name them"};
    return std::unique_ptr<GroupMember>(std::make_unique<EmbeddedMember>(broker_, config, sources_));
  }
  Result<std::unique_ptr<Producer>> make_producer(const ProducerConfig& config) override {
    return std::unique_ptr<Producer>(std::make_unique<EmbeddedProducer>(broker_, config));
  }
  Result<std::unique_ptr<RecordSource>> make_reader(bool committed_only) override {
    return std::unique_ptr<RecordSource>(std::make_unique<LogReader>(broker_, committed_only, readers_));
  }
  FetchedMemory fetched_memory() const override { return {sources_->value(), readers_->value()}; }

  bool expel_member(const std::string& group, const std::string& instance_id) override {
    return broker_->groups->expel(group, instance_id);
  }
  Status clean(const std::string& name) override {
    TopicPtr topic = broker_->topics->find(name);
    if (!topic) return Error{Recovery::stop_topology, "topic " + name + " does not exist", "create it"};
    broker_->producers.push_gathered(true, true);
    for (const auto& partition : topic->partitions) KSTREAMD_TRY(partition->clean(broker_->clock->wall_ms()));
    return {};
  }
  size_t cached_bytes() const override { return broker_->recent->held_bytes(); }

 private:
  const std::shared_ptr<Broker> broker_;
  const std::shared_ptr<SumOfParts> sources_ = std::make_shared<SumOfParts>();
  const std::shared_ptr<SumOfParts> readers_ = std::make_shared<SumOfParts>();
  EmbeddedAdmin admin_;
};

}  // namespace
}  // namespace embedded

Result<std::unique_ptr<Cluster>> make_embedded_cluster(EmbeddedOptions options) {
  auto broker = embedded::Broker::open(options);
  if (!broker) return std::move(broker).error();
  return std::unique_ptr<Cluster>(std::make_unique<embedded::EmbeddedCluster>(std::move(*broker)));
}

EmbeddedLevers* embedded_levers(Cluster& cluster) { return dynamic_cast<EmbeddedLevers*>(&cluster); }

}  // namespace kstreamd

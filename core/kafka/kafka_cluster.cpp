#include "core/kafka/kafka_cluster.h"

#include "core/kafka/admin.h"
#include "core/kafka/group_member.h"
#include "core/kafka/producer.h"
#include "core/kafka/record_source.h"
#include "core/kafka/settings.h"

namespace kstreamd {
namespace kafka {
namespace {

class KafkaCluster final : public Cluster {
 public:
  KafkaCluster(Properties properties, const KafkaMemory& memory)
      : user_(std::move(properties)), memory_(memory), admin_(user_) {}

  Admin& admin() override { return admin_; }
  Result<std::unique_ptr<GroupMember>> join(const GroupConfig& config) override {
    return KafkaGroupMember::make(user_, config, memory_.source, sources_);
  }
  Result<std::unique_ptr<Producer>> make_producer(const ProducerConfig& config) override {
    return KafkaProducer::make(producer_properties(user_, config.transactional_id, memory_.producer),
                               !config.transactional_id.empty());
  }
  Result<std::unique_ptr<RecordSource>> make_reader(bool committed_only) override {
    // librdkafka assigns only with a group id; without a subscription nothing joins or commits under it.
    auto group = user_.find("group.id");
    return KafkaRecordSource::make(source_properties(user_, group == user_.end() ? "kstreamd-reader" : group->second,
                                                     committed_only, true, memory_.reader),
                                   "reader", readers_);
  }
  FetchedMemory fetched_memory() const override { return {sources_->value(), readers_->value()}; }

 private:
  const Properties user_;
  const KafkaMemory memory_;
  const std::shared_ptr<SumOfParts> sources_ = std::make_shared<SumOfParts>();
  const std::shared_ptr<SumOfParts> readers_ = std::make_shared<SumOfParts>();
  KafkaAdmin admin_;
};

}  // namespace
}  // namespace kafka

std::unique_ptr<Cluster> make_kafka_cluster(std::map<std::string, std::string> properties,
                                            const std::optional<KafkaMemory>& memory) {
  const KafkaMemory bounds = memory.value_or(most_kafka_memory(properties));
  return std::make_unique<kafka::KafkaCluster>(std::move(properties), bounds);
}

Status check_kafka_properties(const std::map<std::string, std::string>& properties) {
  return kafka::check_properties(properties);
}

}  // namespace kstreamd

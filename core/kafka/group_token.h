// The group's metadata as a GroupToken. Internal to core/kafka.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "core/kafka/handles.h"
#include "core/ports/cluster.h"

namespace kstreamd::kafka {

class KafkaToken final : public GroupToken {
 public:
  // The member's metadata of this moment; null when librdkafka has none that can be read.
  static std::shared_ptr<const KafkaToken> take(rd_kafka_t* consumer);
  // Null: the token is another cluster's.
  static const KafkaToken* of(const GroupToken& token) { return dynamic_cast<const KafkaToken*>(&token); }

  const std::string& member_id() const override { return member_id_; }
  int32_t generation() const { return generation_; }
  // A broker does not fence generation -1 with an empty member id.
  bool usable() const { return generation_ >= 0 && !member_id_.empty(); }
  const rd_kafka_consumer_group_metadata_t* metadata() const { return metadata_.get(); }

 private:
  Handle<rd_kafka_consumer_group_metadata_t> metadata_;
  std::string member_id_;
  int32_t generation_ = -1;
};

PartitionList make_offsets(std::span<const PartitionOffset> offsets);

}  // namespace kstreamd::kafka

// The producer of a test driver: appends to its log.
#pragma once
#include <map>
#include <utility>
#include <vector>

#include "core/ports/cluster.h"
#include "core/testing/driver_log.h"

namespace kstreamd {

// One endless transaction, which the driver decides through the log. Threads: one.
class DriverProducer final : public Producer {
 public:
  explicit DriverProducer(DriverLog& log) : log_(log) {}

  Status init(Duration) override { return {}; }
  Result<TopicHandle> open_topic(const std::string& name, Duration timeout) override;
  int32_t partition_count(TopicHandle topic) const override;
  Status begin() override { return {}; }
  Status produce(const OutgoingRecord& record) override;
  Status send_offsets(std::span<const PartitionOffset>, const GroupToken&) override { return {}; }
  Status commit() override { return {}; }
  Status abort() override { return {}; }
  Status flush(Duration) override { return {}; }
  int64_t take_last_offset(TopicHandle topic, int32_t partition) override;

 private:
  DriverLog& log_;
  std::vector<DriverTopic*> topics_;  // by handle
  std::map<std::pair<TopicHandle, int32_t>, int64_t> last_offsets_;
};

}  // namespace kstreamd

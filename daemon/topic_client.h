// A topic as `produce`, `consume` and the HTTP API use it: on Kafka, on an embedded log, or on one behind a daemon.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/ports/cluster.h"
#include "core/record/fetched.h"
#include "daemon/record_text.h"

namespace kstreamd {

struct PartitionRange {
  int32_t partition = 0;
  int64_t low = 0;
  int64_t high = 0;
};

// Where reading of one partition begins.
struct ReadFrom {
  int32_t partition = 0;
  int64_t offset = 0;
};

// Life-cycle: connect once; then either write... and finish, or start_reading and poll... . One thread.
class TopicClient {
 public:
  virtual ~TopicClient() = default;
  // Says whether the other side can be reached at all.
  virtual Status connect(Duration timeout) = 0;
  // Empty: there is no such topic.
  virtual Result<std::vector<PartitionRange>> ranges(const std::string& topic) = 0;
  virtual Status create(const std::string& topic, int32_t partitions) = 0;
  // Topics come into being when they are written to first.
  virtual bool creates_topics() const = 0;

  virtual Status write(const std::string& topic, std::span<const TextRecord> records) = 0;
  // Everything written is safe when this returns.
  virtual Status finish() = 0;

  // `committed`: only records of committed transactions.
  virtual Status start_reading(const std::string& topic, std::span<const ReadFrom> from, bool committed) = 0;
  // As RecordSource::poll; the slot of a batch is its place in `from`.
  virtual Status poll(std::vector<FetchedBatch>& out, size_t max_records, Duration timeout) = 0;
};

// Through the Cluster port. `create_with` > 0: topics are made at first use with this many partitions.
std::unique_ptr<TopicClient> make_cluster_topic_client(std::unique_ptr<Cluster> cluster, int32_t create_with,
                                                       const Clock& clock);

// The low and high watermarks of all partitions; empty: no such topic.
Result<std::vector<PartitionRange>> topic_ranges(Cluster& cluster, const std::string& topic, Duration timeout);
// Puts records into a producer. The topic must exist.
Status produce_all(Producer& producer, TopicHandle topic, std::span<const TextRecord> records);

}  // namespace kstreamd

#include "daemon/topic_client.h"

#include <optional>
#include <utility>

namespace kstreamd {
namespace {

constexpr Duration kTimeout = std::chrono::seconds(30);

class ClusterTopicClient final : public TopicClient {
 public:
  ClusterTopicClient(std::unique_ptr<Cluster> cluster, int32_t create_with, const Clock& clock)
      : clock_(clock), create_with_(create_with), cluster_(std::move(cluster)) {}

  Status connect(Duration timeout) override {
    const Duration deadline = clock_.now() + timeout;
    while (true) {
      auto id = cluster_->admin().cluster_id(std::max(Duration(0), deadline - clock_.now()));
      if (id) return {};
      if (id.error().recovery != Recovery::retry || clock_.now() >= deadline) return std::move(id).error();
    }
  }

  Result<std::vector<PartitionRange>> ranges(const std::string& topic) override {
    return topic_ranges(*cluster_, topic, kTimeout);
  }

  Status create(const std::string& topic, int32_t partitions) override {
    const TopicSpec spec{.name = topic, .partitions = partitions};
    return cluster_->admin().create({&spec, 1}, kTimeout);
  }

  bool creates_topics() const override { return create_with_ > 0; }

  Status write(const std::string& topic, std::span<const TextRecord> records) override {
    if (!producer_) KSTREAMD_TRY(open(topic));
    return produce_all(*producer_, *handle_, records);
  }

  Status finish() override {
    if (!producer_) return {};
    while (true) {
      auto done = producer_->flush(kTimeout);
      if (done || done.error().recovery != Recovery::retry) return done;
    }
  }

  Status start_reading(const std::string& topic, std::span<const ReadFrom> from, bool committed) override {
    auto reader = cluster_->make_reader(committed);
    if (!reader) return std::move(reader).error();
    reader_ = std::move(reader).value();
    int32_t slot = 0;
    for (const auto& start : from) KSTREAMD_TRY(reader_->assign(slot++, {topic, start.partition}, start.offset));
    return {};
  }

  Status poll(std::vector<FetchedBatch>& out, size_t max_records, Duration timeout) override {
    return reader_->poll(out, max_records, timeout);
  }

 private:
  Status open(const std::string& topic) {
    if (create_with_ > 0) KSTREAMD_TRY(create(topic, create_with_));
    auto made = cluster_->make_producer({});
    if (!made) return std::move(made).error();
    KSTREAMD_TRY((*made)->init(kTimeout));
    auto handle = (*made)->open_topic(topic, kTimeout);
    if (!handle) return std::move(handle).error();
    producer_ = std::move(made).value();
    handle_ = *handle;
    return {};
  }

  const Clock& clock_;
  const int32_t create_with_;
  const std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Producer> producer_;  // both made by the first write
  std::optional<TopicHandle> handle_;
  std::unique_ptr<RecordSource> reader_;
};

}  // namespace

Result<std::vector<PartitionRange>> topic_ranges(Cluster& cluster, const std::string& topic, Duration timeout) {
  auto described = cluster.admin().describe({&topic, 1}, timeout);
  if (!described) return std::move(described).error();
  std::vector<PartitionRange> ranges;
  if (described->empty() || !described->front().exists) return ranges;
  for (int32_t p = 0; p < described->front().partitions; ++p) {
    auto marks = cluster.admin().watermarks({topic, p}, timeout);
    if (!marks) return std::move(marks).error();
    ranges.push_back({p, marks->low, marks->high});
  }
  return ranges;
}

Status produce_all(Producer& producer, TopicHandle topic, std::span<const TextRecord> records) {
  std::vector<Header> headers;
  for (const auto& record : records) {
    headers.clear();
    for (const auto& [name, value] : record.headers)
      headers.push_back({name.data(), value ? value->data() : nullptr, static_cast<uint32_t>(name.size()),
                         static_cast<uint32_t>(value ? value->size() : 0)});
    OutgoingRecord out;
    out.topic = topic;
    out.partition = record.partition;
    out.key_null = !record.key;
    out.value_null = !record.value;
    if (record.key) out.key = *record.key;
    if (record.value) out.value = *record.value;
    out.timestamp = record.timestamp;
    out.headers = headers;
    KSTREAMD_TRY(producer.produce(out));
  }
  return {};
}

std::unique_ptr<TopicClient> make_cluster_topic_client(std::unique_ptr<Cluster> cluster, int32_t create_with,
                                                       const Clock& clock) {
  return std::make_unique<ClusterTopicClient>(std::move(cluster), create_with, clock);
}

}  // namespace kstreamd

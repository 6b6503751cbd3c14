// What a pass-through plugin adds to the way of a record through a task: source -> (plugin) -> sink, with a producer
// that takes everything, at several sizes of batches. Prints nanoseconds per record; the difference is the cost of the
// boundary.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/plugin_host/plugin_host.h"
#include "core/task/task.h"

namespace {

using namespace kstreamd;
using Steady = std::chrono::steady_clock;

constexpr size_t records_per_round = 512 * 64;
constexpr int rounds = 60;
constexpr int repetitions = 9;

// Takes what is produced, and forgets it.
class NoProducer final : public Producer {
 public:
  Status init(Duration) override { return {}; }
  Result<TopicHandle> open_topic(const std::string&, Duration) override { return 0; }
  int32_t partition_count(TopicHandle) const override { return 1; }
  Status begin() override { return {}; }
  Status produce(const OutgoingRecord& record) override {
    bytes_ += record.value.size();
    return {};
  }
  Status send_offsets(std::span<const PartitionOffset>, const GroupToken&) override { return {}; }
  Status commit() override { return {}; }
  Status abort() override { return {}; }
  Status flush(Duration) override { return {}; }
  int64_t take_last_offset(TopicHandle, int32_t) override { return -1; }

 private:
  size_t bytes_ = 0;
};

Node node(const std::string& name, NodeKind kind, std::vector<Edge> children, const std::string& type = {}) {
  Node out;
  out.name = name;
  out.kind = kind;
  out.key_serde = out.value_serde = "bytes";
  out.sub_topology = 0;
  out.processor_type = type;
  out.config = "{}";
  if (kind != NodeKind::processor) out.topics = {name};
  if (!children.empty()) out.children = {std::move(children)};
  return out;
}

Topology pass_through(const std::string& type) {
  Topology topology;
  topology.name = "cost";
  if (type.empty())
    topology.nodes = {node("in", NodeKind::source, {1}), node("out", NodeKind::sink, {})};
  else
    topology.nodes = {node("in", NodeKind::source, {1}), node("pass", NodeKind::processor, {2}, type),
                      node("out", NodeKind::sink, {})};
  SubTopology sub;
  sub.name = "in";
  for (int i = 0; i < static_cast<int>(topology.nodes.size()); ++i) sub.nodes.push_back(i);
  sub.sources = {0};
  topology.sub_topologies = {sub};
  return topology;
}

// One topology with its task, through which records are sent again and again.
class Lane {
 public:
  Lane(const std::string& type, const PluginHost& host) : topology_(pass_through(type)), topics_(topology_) {
    outputs_.producer = &producer_;
    outputs_.handles.assign(topics_.names().size(), 0);
    auto made = Task::make(topology_, topics_, {{"in", 0}, 0, {{{"in", 0}, {0}}}}, nullptr, std::vector<InputStart>{{}},
                           outputs_, {host, *metrics_, clock_});
    if (!made) {
      std::fprintf(stderr, "%s\n", made.error().text().c_str());
      std::exit(1);
    }
    task_ = std::move(*made);
  }

  // Nanoseconds per record at a size of batches.
  double run(size_t batch) {
    Steady::duration spent{0};
    for (int round = 0; round < rounds; ++round) {
      FetchedBatch fetched;
      for (size_t i = 0; i < records_per_round; ++i) {
        FetchedRecord record{};
        record.origin.topic = "in";
        record.origin.topic_size = 2;
        record.origin.raw_key = key_.data();
        record.origin.raw_key_size = static_cast<uint32_t>(key_.size());
        record.origin.raw_value = value_.data();
        record.origin.raw_value_size = static_cast<uint32_t>(value_.size());
        record.origin.offset = next_++;
        fetched.records.push_back(record);
      }
      fetched.next_offset = next_;
      fetched.at_end = true;
      task_->buffer(0, std::move(fetched));
      const auto begun = Steady::now();
      for (size_t sent = 0; sent < records_per_round; sent += batch)
        if (auto processed = task_->process(batch); !processed || *processed != batch) std::abort();
      spent += Steady::now() - begun;
    }
    return std::chrono::duration<double, std::nano>(spent).count() / (rounds * records_per_round);
  }

 private:
  const std::string key_ = "key-12345678";
  const std::string value_ = std::string(100, 'v');
  Topology topology_;
  OutputTopics topics_;
  NoProducer producer_;
  Outputs outputs_;
  std::unique_ptr<Metrics> metrics_ = make_null_metrics();
  ManualClock clock_;
  std::unique_ptr<Task> task_;
  int64_t next_ = 0;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main() {
  PluginHost host;
  for (const char* name : {"pass_batches", "pass_records"})
    if (auto loaded = host.load_file(std::string(KSTREAMD_BENCH_PLUGINS) + "/" + name + ".so"); !loaded) {
      std::fprintf(stderr, "%s\n", loaded.error().text().c_str());
      return 1;
    }
  std::printf("ns per record, source to sink; added: median of the differences (least, greatest) of %d repetitions\n",
              repetitions);
  std::printf("%6s %10s  %-24s %-24s %s\n", "batch", "no plugin", "C, batches", "C++, by record", "C++, typed");
  for (const size_t batch : {1, 8, 64, 512}) {
    Lane none("", host), batches("pass_batches", host), records("pass_records", host), typed("pass_typed", host);
    std::vector<double> bare, by_batch, by_record, by_type;
    for (int i = 0; i < repetitions; ++i) {
      bare.push_back(none.run(batch));
      by_batch.push_back(batches.run(batch) - bare.back());
      by_record.push_back(records.run(batch) - bare.back());
      by_type.push_back(typed.run(batch) - bare.back());
    }
    const auto text = [](const std::vector<double>& added) {
      char out[64];
      std::snprintf(out, sizeof out, "%.1f (%.1f, %.1f)", median(added), *std::min_element(added.begin(), added.end()),
                    *std::max_element(added.begin(), added.end()));
      return std::string(out);
    };
    std::printf("%6zu %10.1f  %-24s %-24s %s\n", batch, median(bare), text(by_batch).c_str(), text(by_record).c_str(),
                text(by_type).c_str());
  }
  return 0;
}

#include "tests/sim/source.h"

#include "tests/sim/shapes.h"

namespace kstreamd::sim {
namespace {

class SimSource final : public RecordSource {
 public:
  SimSource(Chaos& chaos, int process, bool restores, std::unique_ptr<RecordSource> real)
      : chaos_(chaos), process_(process), restores_(restores), real_(std::move(real)) {}

  Status assign(int32_t slot, const TopicPartition& partition, int64_t offset) override {
    chaos_.trace.add(process_, restores_ ? "restores from" : "reads from", partition.text(), offset);
    return real_->assign(slot, partition, offset);
  }
  Status unassign(int32_t slot) override { return real_->unassign(slot); }
  Status seek(int32_t slot, int64_t offset) override {
    if (chaos_.sabotages(Sabotage::ignored_seek, 1'000'000, process_)) return {};
    chaos_.trace.add(process_, "goes back to", std::to_string(slot), offset);
    return real_->seek(slot, offset);
  }
  Status pause(int32_t slot) override { return real_->pause(slot); }
  Status resume(int32_t slot) override { return real_->resume(slot); }

  Status poll(std::vector<FetchedBatch>& out, size_t max_records, Duration) override {
    if (chaos_.strikes(restores_ ? Event::restore_read_failed : Event::read_failed, process_))
      return Error{Recovery::retry_topology, "poll: simulated, no broker answers", ""};
    size_t most = std::min(max_records, chaos_.plan.fetch_records);
    if (restores_ && chaos_.strikes(Event::restore_slow, process_))
      most = chaos_.random.below(chaos_.plan.restore_records + 1);
    if (most == 0) return {};
    const size_t before = out.size();
    KSTREAMD_TRY(real_->poll(out, most, Duration(0)));
    for (size_t i = before; i < out.size(); ++i) {
      if (!out[i].records.empty() && chaos_.sabotages(Sabotage::lost_input, 10'000, process_))
        out[i].records.pop_back();
      if (!out[i].records.empty() && place(out[i]).starts_with(global_topic) &&
          chaos_.sabotages(Sabotage::lost_fact, 20'000, process_))
        out[i].records.pop_back();
      chaos_.trace.add(process_, restores_ ? "fetches changes" : "fetches", place(out[i]),
                       static_cast<int64_t>(out[i].records.size()));
    }
    return {};
  }
  void wake() override {}
  int64_t high_watermark(int32_t slot) const override { return real_->high_watermark(slot); }

 private:
  static std::string place(const FetchedBatch& batch) {
    if (batch.records.empty()) return "-";
    const Origin& o = batch.records.front().origin;
    return std::string(o.topic, o.topic_size) + "-" + std::to_string(o.partition) + "@" + std::to_string(o.offset);
  }

  Chaos& chaos_;
  const int process_;
  const bool restores_;
  const std::unique_ptr<RecordSource> real_;
};

}  // namespace

std::unique_ptr<RecordSource> make_sim_source(Chaos& chaos, int process, bool restores,
                                              std::unique_ptr<RecordSource> real) {
  return std::make_unique<SimSource>(chaos, process, restores, std::move(real));
}

}  // namespace kstreamd::sim

#include "tests/sim/holding.h"

#include <cstdio>
#include <vector>

#include "kstreamd/abi/schedule.h"
#include "tests/sim/shapes.h"

namespace kstreamd::sim {
namespace {

constexpr size_t most_at_once = 8;

class Later final : public Processor {
 public:
  Later(ProcessorContext& context, HeldRecords& held) : context_(context), held_(held) {}
  ~Later() override { held_.close(processor_); }
  kst_status process(std::span<const Record> records, size_t&) override {
    for (const Record& record : records) {
      kst_token token{};
      const Record* held = nullptr;
      if (kst_status status = context_.hold(record, token, held); status != KST_OK) return status;
      processor_ = token.processor;
      held_.add(token, held);
    }
    return KST_OK;
  }

 private:
  ProcessorContext& context_;
  HeldRecords& held_;
  uint64_t processor_ = 0;
};

struct BufferedRow {
  std::string stored_key, value;
  int64_t timestamp;
};

class Buffer final : public Processor {
 public:
  Buffer(ProcessorContext& context, Chaos& chaos) : context_(context), chaos_(chaos) {}
  kst_status init() override {
    uint64_t number = 0;
    if (kst_status status = context_.schedule(KST_STREAM_TIME, 40, KST_NO_START, number); status != KST_OK)
      return status;
    return context_.schedule(KST_WALL_CLOCK, 150, KST_NO_START, number);
  }
  kst_status process(std::span<const Record> records, size_t& done) override {
    for (done = 0; done < records.size(); ++done) {
      const Record& record = records[done];
      char offset[24];
      std::snprintf(offset, sizeof offset, "|%012lld", static_cast<long long>(record.origin->offset));
      const std::string key = std::string(data_of(record.key)) + offset;
      const kst_store_row row{string_value(key), record.value, record.timestamp};
      if (kst_status status = store().put_many({&row, 1}); status != KST_OK) return status;
    }
    return KST_OK;
  }
  kst_status punctuate(uint64_t, int64_t) override {
    std::vector<BufferedRow> rows;
    const kst_key_range all{null_value(), null_value()};
    auto keep = [](void* rows, size_t, const kst_store_row* row) {
      static_cast<std::vector<BufferedRow>*>(rows)->push_back(
          {std::string(data_of(row->key)), std::string(data_of(row->value)), row->timestamp});
      return 0;
    };
    if (kst_status status = store().scan({&all, 1}, false, &rows, keep); status != KST_OK) return status;
    if (!rows.empty()) chaos_.happened(Event::punctuated, chaos_.stepping, {}, static_cast<int64_t>(rows.size()));
    for (const BufferedRow& buffered : rows) {
      kst_store_row row{string_value(buffered.stored_key), null_value(), 0};
      if (kst_status status = store().delete_many({&row, 1}); status != KST_OK) return status;
      Record out{};
      out.key = string_value(std::string_view(buffered.stored_key).substr(0, buffered.stored_key.find('|')));
      out.value = string_value(buffered.value);
      out.timestamp = buffered.timestamp;
      if (kst_status status = context_.forward(0, {&out, 1}); status != KST_OK) return status;
    }
    return KST_OK;
  }

 private:
  KeyValueAccess& store() { return static_cast<KeyValueAccess&>(*context_.store(0)); }
  ProcessorContext& context_;
  Chaos& chaos_;
};

}  // namespace

void HeldRecords::add(kst_token token, const kst_record* record) {
  const Entry entry{token, record};
  if (chaos_.random.below(5) == 0) {
    chaos_.happened(Event::completed_at_once, chaos_.stepping);
    complete(entry);
  } else {
    held_.push_back(entry);
  }
}

void HeldRecords::close(uint64_t processor) {
  std::erase_if(held_,
                [&](const Entry& entry) { return entry.token.processor == processor && chaos_.random.below(4); });
  for (auto& entry : held_)
    if (entry.token.processor == processor) entry.record = nullptr;
}

void HeldRecords::step() {
  for (size_t n = held_.empty() ? 0 : chaos_.random.below(most_at_once); n > 0 && !held_.empty(); --n) {
    const auto at = held_.begin() + static_cast<ptrdiff_t>(chaos_.random.below(held_.size()));
    const Entry entry = *at;
    held_.erase(at);
    if (entry.record) {
      chaos_.happened(Event::completed_later, Trace::world, data_of(entry.record->value));
      complete(entry);
    } else {
      chaos_.happened(Event::completed_too_late, Trace::world);
      Completions::drop(entry.token, "too late");
    }
  }
}

void HeldRecords::complete(const Entry& entry) {
  const std::string id(data_of(entry.record->value));
  const int ways = ways_of(id);
  if (ways == 0) {
    Completions::drop(entry.token, "unwanted");
    return;
  }
  std::string values[2];
  std::vector<kst_record> outputs;
  for (int way = 0; way < 2; ++way) {
    if (!(ways & 1 << way)) continue;
    values[way] = tagged(id, way == 0 ? "L" : "R");
    outputs.push_back(*entry.record);
    outputs.back().value = string_value(values[way]);
  }
  Completions::complete(entry.token, nullptr, outputs);
}

std::unique_ptr<Processor> make_later(ProcessorContext& context, HeldRecords& held) {
  return std::make_unique<Later>(context, held);
}
std::unique_ptr<Processor> make_buffer(ProcessorContext& context, Chaos& chaos) {
  return std::make_unique<Buffer>(context, chaos);
}

}  // namespace kstreamd::sim

#include "core/task/record_times.h"

#include <utility>

#include "core/base/log.h"
#include "core/task/global_tables.h"

namespace kstreamd {

RecordTimes::RecordTimes(const Topology& topology, const GlobalTable& table, Metrics& metrics)
    : topology_(topology), table_(table), metrics_(metrics), task_id_(GlobalTables::state_id(table).text()) {}

RecordTimes::~RecordTimes() = default;

Result<std::unique_ptr<RecordTimes>> RecordTimes::make(const Topology& topology, const GlobalTable& table,
                                                       const ProcessorCatalog& processors, Metrics& metrics) {
  std::unique_ptr<RecordTimes> times(new RecordTimes(topology, table, metrics));
  auto made = processors.create(table.processor_type, table.config, *times);
  if (!made) return std::move(made).error().in("the timestamp of global table '" + table.name + "'");
  times->processor_ = std::move(*made);
  return times;
}

Result<int64_t> RecordTimes::of(const Record& record) {
  arena_.reset();
  message_.clear();
  time_.reset();
  size_t done = 0;
  const kst_status status = processor_->process({&record, 1}, done);
  if (status == KST_OK && time_) return *time_;
  return Error{Recovery::stop_topology,
               "the expression for its timestamp fails" + (message_.empty() ? std::string() : ": " + message_), ""};
}

kst_status RecordTimes::forward(uint32_t, std::span<const Record> records) {
  for (const Record& record : records) time_ = record.timestamp;
  return KST_OK;
}

void RecordTimes::log(LogLevel level, std::string_view message) {
  kstreamd::log(level, message, {{"topology", topology_.name}, {"table", table_.name}});
}

}  // namespace kstreamd

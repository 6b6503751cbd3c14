// A ProcessorCatalog whose types are functions of a record: for tests of the engine without plugins.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/ports/processor.h"

namespace kstreamd {

// Processor types as functions from a record to what becomes of it.
class FakeProcessors final : public ProcessorCatalog {
 public:
  using Step = std::function<kst_status(const Record&, ProcessorContext&)>;
  std::map<std::string, Step, std::less<>> steps;
  mutable std::map<std::string, int> created;  // how many of each type; guarded by mutex_ while workers run

  const ProcessorInfo* find(std::string_view) const override { return nullptr; }
  std::vector<ProcessorInfo> list() const override { return {}; }
  std::vector<SerdeInfo> serdes() const override { return {}; }
  std::vector<ConfigProblem> check(std::string_view, std::string_view) const override { return {}; }
  Result<std::unique_ptr<Processor>> create(std::string_view type, std::string_view,
                                            ProcessorContext& context) const override {
    struct Stepper final : Processor {
      Stepper(Step s, ProcessorContext& c) : step(std::move(s)), context(c) {}
      kst_status process(std::span<const Record> records, size_t& done) override {
        for (done = 0; done < records.size(); ++done)
          if (kst_status status = step(records[done], context); status != KST_OK) return status;
        return KST_OK;
      }
      Step step;
      ProcessorContext& context;
    };
    std::lock_guard lock(mutex_);
    created[std::string(type)]++;
    return std::unique_ptr<Processor>(std::make_unique<Stepper>(steps.find(type)->second, context));
  }

 private:
  mutable std::mutex mutex_;
};

}  // namespace kstreamd

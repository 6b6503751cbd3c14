// A ProcessorCatalog whose types are functions of a record: for tests of the engine without plugins.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/ports/processor.h"

namespace kstreamd {

// Processor types as functions from a record to what becomes of it; or, where that is not enough, of objects that a
// function makes.
class FakeProcessors final : public ProcessorCatalog {
 public:
  using Step = std::function<kst_status(const Record&, ProcessorContext&)>;
  using Maker = std::function<std::unique_ptr<Processor>(ProcessorContext&)>;
  std::map<std::string, Step, std::less<>> steps;
  std::map<std::string, Maker, std::less<>> makers;         // they win over steps
  std::map<std::string, ProcessorInfo, std::less<>> infos;  // of the types about which there is something to say
  std::map<std::string, const Serde*, std::less<>> serdes_of_plugins;  // they win over the built-in ones
  const ProcessorCatalog* others = nullptr;    // has the types that are in neither; null: there are none
  mutable std::map<std::string, int> created;  // how many of each type; guarded by mutex_ while workers run

  const ProcessorInfo* find(std::string_view type) const override {
    const auto found = infos.find(type);
    return found == infos.end() ? nullptr : &found->second;
  }
  std::vector<ProcessorInfo> list() const override { return {}; }
  std::vector<SerdeInfo> serdes() const override { return {}; }
  const Serde* serde(std::string_view name) const override {
    const auto found = serdes_of_plugins.find(name);
    return found == serdes_of_plugins.end() ? find_serde(name) : found->second;
  }
  std::vector<ConfigProblem> check(std::string_view, std::string_view) const override { return {}; }
  Result<std::unique_ptr<Processor>> create(std::string_view type, std::string_view config,
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
    if (const auto maker = makers.find(type); maker != makers.end()) return maker->second(context);
    if (others && !steps.contains(type)) return others->create(type, config, context);
    return std::unique_ptr<Processor>(std::make_unique<Stepper>(steps.find(type)->second, context));
  }

 private:
  mutable std::mutex mutex_;
};

}  // namespace kstreamd

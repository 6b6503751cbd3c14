#include "core/plugin_host/plugin_processor.h"

#include <optional>
#include <string>

#include "core/plugin_host/heap_meter.h"
#include "core/plugin_host/host_table.h"
#include "core/plugin_host/plugin_context.h"

namespace kstreamd {
namespace {

// A plugin's instance. Used by its task's worker.
class PluginProcessor final : public Processor {
 public:
  PluginProcessor(std::shared_ptr<const LoadedType> type, ProcessorContext& port, ProcessorOptions options)
      : type_(std::move(type)),
        functions_(type_->functions),
        heap_left_(std::move(options.heap_left)),
        context_(open_context(type_->info, port)) {
    if (heap_left_) context_.meter = &meter_.emplace();
  }
  ~PluginProcessor() override {
    if (created_) {
      (void)call(CallKind::close, {}, [&] {
        functions_.close(instance_);
        return KST_OK;
      });
      if (meter_) report_heap();
    }
    close_context(context_);
  }

  Status create(std::string_view config) {
    std::string message;
    context_.create_message = &message;
    void* instance = nullptr;
    const kst_status status = call(CallKind::create, {}, [&] {
      return functions_.create(&host_table(), &context_, config.data(), config.size(), &instance);
    });
    context_.create_message = nullptr;
    if (status == KST_OK) {
      instance_ = instance;
      created_ = true;
      return {};
    }
    return Error{Recovery::stop_topology,
                 "processor '" + type_->info.name + "' cannot be made for node '" + context_.node +
                     "': " + (message.empty() ? "it gives no reason" : message),
                 "`kstreamd validate` checks the node's config, `kstreamd plugins` shows what it takes"};
  }

  kst_status init() override {
    return functions_.init ? call(CallKind::init, {}, [&] { return functions_.init(instance_); }) : KST_OK;
  }

  kst_status process(std::span<const Record> records, size_t& done) override {
    const kst_status status = call(CallKind::process, records, [&] {
      return functions_.process(instance_, records.data(), records.size(), &done);
    });
    if (status == KST_RECORD_ERROR && done >= records.size())
      return misbehaved("said that record " + std::to_string(done) + " of a batch of " +
                        std::to_string(records.size()) + " failed");
    return status;
  }

  kst_status punctuate(uint64_t schedule, int64_t timestamp) override {
    if (!functions_.punctuate) return misbehaved("scheduled a punctuation, but has no punctuate function");
    return call(CallKind::punctuate, {}, [&] { return functions_.punctuate(instance_, schedule, timestamp); });
  }

 private:
  // What the plugin's function answers, when that is a status at all.
  template <typename Function>
  kst_status call(CallKind kind, std::span<const Record> records, Function function) {
    const PluginCall noted(kind, &context_, records.data(), records.size());
    if (meter_) [[unlikely]]
      meter_->enter();
    kst_status status;
    try {
      status = function();
    } catch (...) {
      status = misbehaved(std::string("threw a C++ exception across the plugin ABI in ") + call_name(kind));
    }
    if (meter_) [[unlikely]]
      meter_->leave();
    if (status >= KST_OK && status <= KST_FATAL) [[likely]]
      return status;
    return misbehaved("returned an unknown status " + std::to_string(status));
  }
  kst_status misbehaved(const std::string& what) {
    set_failure(&context_,
                "the plugin's processor '" + type_->info.name + "' " + what + ": this is a bug of the plugin");
    return KST_FATAL;
  }
  void report_heap() {
    if (const auto kept = meter_->kept(); kept >= HeapMeter::kWorthSaying)
      heap_left_("processor '" + type_->info.name + "' of node '" + context_.node + "' did not give back " +
                 std::to_string(kept) + " bytes between create and close");
  }

  const std::shared_ptr<const LoadedType> type_;
  const kst_processor_type& functions_;
  const std::function<void(const std::string&)> heap_left_;
  kst_context& context_;
  std::optional<HeapMeter> meter_;
  void* instance_ = nullptr;  // NULL is a valid instance
  bool created_ = false;
};

}  // namespace

Result<std::unique_ptr<Processor>> make_processor(std::shared_ptr<const LoadedType> type, std::string_view config_json,
                                                  ProcessorContext& context, ProcessorOptions options) {
  auto processor = std::make_unique<PluginProcessor>(std::move(type), context, std::move(options));
  KSTREAMD_TRY(processor->create(config_json));
  return std::unique_ptr<Processor>(std::move(processor));
}

}  // namespace kstreamd

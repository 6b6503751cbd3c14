// Processors as classes, and the edge at which their exceptions stop.
//
// A processor is a class with
//
//   static constexpr const char* kName = "mask";               // what the topology's `process:` says: [a-z0-9_.]+
//   static constexpr const char* kDescription = "one line";
//   Mask(kstreamd::sdk::Context&, const kstreamd::sdk::Config&);
//   void process(const Record&, Context&);                      // one record at a time; or, instead,
//   void process(std::span<const Record>, Context&);            // a batch
//
// and, where they apply,
//
//   static constexpr const char* kConfigSchema = R"({...})";   // JSON Schema of the configuration
//   static constexpr const char* kOutputs[] = {"ok", "bad"};   // named outputs; output 0 is the first
//   static constexpr uint32_t kStores = 1;                      // stores that the node must name
//   static constexpr bool kDeterministic = false;               // the same input may give another output
//   static void check(const kstreamd::sdk::Config&);            // finds problems of a configuration, without effects
//
// An instance belongs to one node of one task; several live at once, on several threads: share nothing that changes.
#pragma once
#include <kstreamd/abi/plugin.h>
#include <kstreamd/sdk/config.h>
#include <kstreamd/sdk/context.h>
#include <kstreamd/sdk/errors.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace kstreamd::sdk {

template <typename P>
concept RecordProcessor = requires(P& p, const Record& record, Context& context) {
  p.process(record, context);
};
template <typename P>
concept BatchProcessor = requires(P& p, std::span<const Record> records, Context& context) {
  p.process(records, context);
};

namespace detail {

// Runs a processor's code so that nothing but a status leaves.
struct Barrier {
  static std::unique_ptr<Context> make_context(const kst_host& host, kst_context* context) {
    return std::unique_ptr<Context>(new Context(host, context));
  }

  // Tells which record of the batch the code is at, for record-at-a-time processors.
  static void at(Context& context, size_t index) { context.index_ = index; }

  // `body` processes the batch; afterwards what it left collected is forwarded.
  template <typename Body>
  static kst_status process(Context& context, std::span<const Record> records, size_t* done, Body&& body) noexcept {
    context.batch_ = records;
    context.index_ = records.size() == 1 ? 0 : RecordError::kCurrent;
    context.status_ = KST_OK;
    kst_status status;
    try {
      body();
      status = context.status_ == KST_OK ? context.flush() : conclude(context, KST_OK, "", done);
    } catch (const StopProcessing& stop) {
      status = conclude(context, stop.status(), "", done);
    } catch (const RecordError& error) {
      if (error.index() != RecordError::kCurrent) context.index_ = error.index();
      status = conclude(context, KST_RECORD_ERROR, error.what(), done);
    } catch (const FatalError& error) {
      status = conclude(context, KST_FATAL, error.what(), done);
    } catch (const std::exception& error) {
      status = conclude(context, KST_RECORD_ERROR, error.what(), done);
    } catch (...) {
      status = conclude(context, KST_RECORD_ERROR, "the processor threw something that is no std::exception", done);
    }
    for (auto& collected : context.collected_) collected.clear();
    context.batch_ = {};
    context.chunk_ = context.next_ = context.end_ = nullptr;
    return status;
  }

  static void fail(const kst_host& host, kst_context* context, std::string_view message) noexcept {
    host.fail(context, message.data(), message.size());
  }

 private:
  // The status of a call that did not go well. A status that came from the host beats what was thrown after it.
  static kst_status conclude(Context& context, kst_status status, std::string_view message, size_t* done) noexcept {
    if (context.status_ != KST_OK) {
      status = context.status_;
      message = {};  // the host knows
    }
    if (status == KST_RECORD_ERROR) {
      if (context.index_ >= context.batch_.size()) {
        fail(context.host_, context.context_,
             "a processor of batches failed without saying at which record (Context::processing, RecordError)" +
                 (message.empty() ? std::string() : ": " + std::string(message)));
        return KST_FATAL;
      }
      *done = context.index_;
      if (const kst_status flushed = context.flush(); flushed != KST_OK) return flushed;
    }
    if (!message.empty()) fail(context.host_, context.context_, message);
    return status;
  }
};

// One line of a problem, as a failed create tells it.
inline std::string to_line(const ConfigProblem& problem) {
  return problem.message + (problem.hint.empty() ? "" : " (" + problem.hint + ")");
}

// The functions and the descriptor of one processor class.
template <typename P>
class TypeOf {
  static_assert(RecordProcessor<P> || BatchProcessor<P>,
                "a processor has process(const Record&, Context&) or process(std::span<const Record>, Context&)");

  struct Instance {
    Instance(std::unique_ptr<Context> c, const Config& config) : context(std::move(c)), processor(*context, config) {}
    std::unique_ptr<Context> context;
    P processor;
  };

  static kst_status create(const kst_host* host, kst_context* handle, const char* text, size_t size,
                           void** instance) noexcept {
    std::string why;
    try {
      auto context = Barrier::make_context(*host, handle);
      const Config config = Config::parse({text, size});
      std::unique_ptr<Instance> made;
      try {
        made = std::make_unique<Instance>(std::move(context), config);
      } catch (const std::exception& error) {
        why = error.what();
      }
      if (const auto problems = config.problems(); !problems.empty()) {
        why.clear();  // what the constructor made of a faulty configuration is no news
        for (const auto& problem : problems) why += (why.empty() ? "" : "; ") + to_line(problem);
      }
      if (why.empty()) {
        *instance = made.release();
        return KST_OK;
      }
    } catch (const std::exception& error) {
      why = error.what();
    } catch (...) {
      why = "the processor's constructor threw something that is no std::exception";
    }
    Barrier::fail(*host, handle, why);
    return KST_FATAL;
  }

  static kst_status process(void* instance, const kst_record* records, size_t count, size_t* done) noexcept {
    Context& context = *static_cast<Instance*>(instance)->context;
    P& processor = static_cast<Instance*>(instance)->processor;
    const std::span<const Record> batch(records, count);
    return Barrier::process(context, batch, done, [&] {
      if constexpr (BatchProcessor<P>) {
        processor.process(batch, context);
      } else {
        for (size_t i = 0; i < batch.size(); ++i) {
          Barrier::at(context, i);
          processor.process(batch[i], context);
        }
      }
    });
  }

  static void close(void* instance) noexcept { delete static_cast<Instance*>(instance); }

  static void check(const char* text, size_t size, void* sink, kst_problem_sink report) noexcept {
    try {
      const Config config = Config::parse({text, size});
      bool complete = !config.sound();
      if constexpr (requires { P::check(config); }) {
        complete = true;
        try {
          P::check(config);
        } catch (const std::exception& error) {
          if (config.sound()) config.problem("", error.what());
        }
      }
      // Without a check of the class's own nobody has asked for any key yet: only text that is no object is a problem.
      if (!complete) return;
      for (const auto& p : config.problems()) {
        const kst_problem problem = {sizeof(kst_problem), KST_PROBLEM_ERROR, p.pointer.c_str(),
                                     p.line,              p.column,          p.message.c_str(),
                                     p.hint.empty() ? nullptr : p.hint.c_str()};
        report(sink, &problem);
      }
    } catch (...) {
      const kst_problem problem = {
          sizeof(kst_problem), KST_PROBLEM_ERROR, "", 0, 0, "the processor's check failed in an unexpected way", nullptr};
      report(sink, &problem);
    }
  }

  static constexpr const char* schema() {
    if constexpr (requires { P::kConfigSchema; })
      return P::kConfigSchema;
    else
      return nullptr;
  }
  static constexpr uint32_t stores() {
    if constexpr (requires { P::kStores; })
      return P::kStores;
    else
      return 0;
  }
  static constexpr bool deterministic() {
    if constexpr (requires { P::kDeterministic; })
      return P::kDeterministic;
    else
      return true;
  }
  static const char* const* outputs() {
    if constexpr (requires { P::kOutputs; }) {
      static const char* names[std::size(P::kOutputs) + 1] = {};
      std::copy(std::begin(P::kOutputs), std::end(P::kOutputs), names);
      return names;
    } else {
      return nullptr;
    }
  }

 public:
  static const kst_processor_type* descriptor() {
    static const kst_store_need needs[8] = {};
    static const kst_processor_type type = {
        sizeof(kst_processor_type),
        P::kName,
        P::kDescription,
        schema(),
        outputs(),
        needs,
        stores(),
        deterministic() ? 1u : 0u,
        0,
        0,
        &TypeOf::check,
        &TypeOf::create,
        nullptr,
        &TypeOf::process,
        nullptr,
        &TypeOf::close};
    return &type;
  }
};

}  // namespace detail

// The descriptor of one processor class: static.
template <typename P>
const kst_processor_type* processor_type() {
  return detail::TypeOf<P>::descriptor();
}

// The descriptor of a plugin with these processors: static. One per list of classes.
template <typename... Processors>
const kst_plugin* plugin(const char* name, const char* version) {
  static const kst_processor_type* const types[] = {processor_type<Processors>()..., nullptr};
  static const kst_plugin descriptor = {KST_PLUGIN_MAGIC, KST_ABI_MAJOR, KST_ABI_MINOR, sizeof(kst_plugin), name,
                                        version,          types,         nullptr};
  return &descriptor;
}

}  // namespace kstreamd::sdk

// Makes the shared object a plugin: KSTREAMD_PLUGIN("dedup", "1.0.0", Dedup, Other). Once, outside any namespace.
#define KSTREAMD_PLUGIN(plugin_name, plugin_version, ...)                                  \
  extern "C" KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* kstreamd_host); \
  extern "C" KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host*) {              \
    return ::kstreamd::sdk::plugin<__VA_ARGS__>(plugin_name, plugin_version);              \
  }                                                                                        \
  static_assert(true, "a semicolon follows")

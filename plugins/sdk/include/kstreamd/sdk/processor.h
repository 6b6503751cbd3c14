// Processors as classes. A processor is a class with
//
//   static constexpr const char* kName = "mask";               // what the topology's `process:` says: [a-z0-9_.]+
//   static constexpr const char* kDescription = "one line";
//   Mask(kstreamd::sdk::Context&, const kstreamd::sdk::Config&);
//
// one of
//
//   void process(const sdk::Typed<std::string_view, int64_t>& record, sdk::Context&);      // one record at a time
//   void process(std::span<const sdk::Typed<std::string_view, int64_t>>, sdk::Context&);   // a batch
//   void process(const Record&, sdk::Context&);                                            // of any types
//   void process(std::span<const Record>, sdk::Context&);
//
// and, where they apply,
//
//   void init(sdk::Context&);                                         // stores are ready: the place for schedules
//   void punctuate(const sdk::Schedule&, int64_t timestamp, sdk::Context&);   // see Context::every
//   static void check(const sdk::Config&);                            // finds problems of a configuration
//   static constexpr const char* kConfigSchema = R"({...})";          // JSON Schema of the configuration
//   static constexpr const char* kOutputs[] = {"ok", "bad"};          // named outputs; output 0 is the first
//   static constexpr sdk::StoreNeed kStores[] = {{"keys seen so far"}, {"clicks", sdk::StoreKind::window}};
//   static constexpr bool kDeterministic = false;                     // the same input may give another output
//   static constexpr uint32_t kMaxInFlight = 100;                     // it holds records: Context::hold, held.h
//   static constexpr std::chrono::seconds kCompletionTimeout{5};      // for how long at most; default 30 s
//
// The types that a Typed may have, and how to add one's own: codec.h. A record that does not fit them is an error of
// that record, with a hint, and so is a null where the type is no std::optional.
//
// An instance belongs to one node of one task; several live at once, on several threads: share nothing that changes.
// Its destructor is the close: it stops and joins the threads that it started, without waiting for outside work. A
// batch processor says by context.processing(i) which record it is at, so that an exception is that record's.
#pragma once
#include <kstreamd/abi/plugin.h>
#include <kstreamd/sdk/barrier.h>
#include <kstreamd/sdk/config.h>
#include <kstreamd/sdk/context.h>
#include <kstreamd/sdk/errors.h>
#include <kstreamd/sdk/signature.h>
#include <kstreamd/sdk/store_need.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kstreamd::sdk::detail {

// One line of a problem, as a failed create tells it.
inline std::string to_line(const ConfigProblem& problem) {
  return problem.message + (problem.hint.empty() ? "" : " (" + problem.hint + ")");
}

// Hands batches to a processor in the form that it takes.
template <typename P>
class Caller {
  using Records = std::remove_cvref_t<typename FunctionOf<decltype(&P::process)>::Records>;
  static constexpr Shape kShape = ShapeOf<Records>::value;

 public:
  void process(P& processor, std::span<const Record> batch, Context& context) {
    if constexpr (kShape == Shape::batch) {
      processor.process(batch, context);
    } else if constexpr (kShape == Shape::typed_batch) {
      process_typed(processor, batch, context);
    } else {
      for (size_t i = 0; i < batch.size(); ++i) {
        Barrier::at(context, i);
        if constexpr (kShape == Shape::record) {
          processor.process(batch[i], context);
        } else {
          using S = ShapeOf<Records>;
          processor.process(decode_record<typename S::Key, typename S::Value>(batch[i], context.memory()), context);
        }
      }
    }
  }

 private:
  // A record that does not fit ends the batch: what is before it is processed, and the error is put down to it.
  void process_typed(P& processor, std::span<const Record> batch, Context& context) {
    using K = typename ShapeOf<Records>::Key;
    using V = typename ShapeOf<Records>::Value;
    struct Cleared {
      ~Cleared() { list.clear(); }
      decltype(typed_)& list;
    } cleared{typed_};
    std::exception_ptr misfit;
    try {
      for (const Record& record : batch) typed_.push_back(decode_record<K, V>(record, context.memory()));
    } catch (const std::exception&) {
      misfit = std::current_exception();
    }
    if (!typed_.empty()) processor.process(Records(typed_), context);
    if (!misfit) return;
    Barrier::at(context, typed_.size());
    std::rethrow_exception(misfit);
  }

  template <typename R>
  struct Element {
    using type = int;
  };
  template <typename R>
  struct Element<std::span<const R>> {
    using type = R;
  };
  std::vector<typename Element<Records>::type> typed_;  // of the batch at hand; the room is reused
};

// The functions and the descriptor of one processor class.
template <typename P>
class TypeOf {
  static_assert(check_constants<P>());
  static_assert(check_process<P>());
  static_assert(check_functions<P>());

  static constexpr bool kHolds = requires { P::kMaxInFlight; };
  static constexpr bool kInits = requires { &P::init; };
  static constexpr bool kPunctuates = requires { &P::punctuate; };

  struct Instance {
    Instance(std::unique_ptr<Context> c, const Config& config) : context(std::move(c)), processor(*context, config) {}
    std::unique_ptr<Context> context;
    Caller<P> caller;
    P processor;
  };

  static kst_status create(const kst_host* host, kst_context* handle, const char* text, size_t size,
                           void** instance) noexcept {
    std::string why;
    try {
      auto context = Barrier::make_context(*host, handle, kPunctuates);
      const Config config = Config::parse({text, size});
      std::unique_ptr<Instance> made;
      try {
        made = std::make_unique<Instance>(std::move(context), config);
      } catch (const std::exception& error) {
        why = error.what();
      }
      if (const auto errors = config.errors(); !errors.empty()) {
        why.clear();  // what the constructor made of a faulty configuration is no news
        for (const auto& problem : errors) why += (why.empty() ? "" : "; ") + to_line(problem);
      }
      if (why.empty()) {
        Barrier::ready(*made->context);
        *instance = made.release();
        return KST_OK;
      }
    } catch (const StopProcessing& stop) {
      return stop.status();  // the host knows why
    } catch (const std::exception& error) {
      why = error.what();
    } catch (...) {
      why = "the processor's constructor threw something that is no std::exception";
    }
    Barrier::fail(*host, handle, why);
    return KST_FATAL;
  }

  static kst_status init(void* instance) noexcept {
    Instance& of = *static_cast<Instance*>(instance);
    return Barrier::call(*of.context, [&of] {
      if constexpr (kInits) of.processor.init(*of.context);
    });
  }

  static kst_status process(void* instance, const kst_record* records, size_t count, size_t* done) noexcept {
    Instance& of = *static_cast<Instance*>(instance);
    return Barrier::process(*of.context, {records, count}, done, [&of](std::span<const Record> batch) {
      of.caller.process(of.processor, batch, *of.context);
    });
  }

  static kst_status punctuate(void* instance, uint64_t number, int64_t timestamp) noexcept {
    Instance& of = *static_cast<Instance*>(instance);
    return Barrier::call(*of.context, [&] {
      if constexpr (kPunctuates) of.processor.punctuate(Barrier::schedule(*of.context, number), timestamp, *of.context);
    });
  }

  static void close(void* instance) noexcept { delete static_cast<Instance*>(instance); }

  static void check(const char* text, size_t size, void* sink, kst_problem_sink report) noexcept {
    const auto tell = [&](const ConfigProblem& p) {
      const kst_problem problem = {sizeof(kst_problem),
                                   static_cast<uint32_t>(p.warning ? KST_PROBLEM_WARNING : KST_PROBLEM_ERROR),
                                   p.pointer.c_str(),
                                   p.line,
                                   p.column,
                                   p.message.c_str(),
                                   p.hint.empty() ? nullptr : p.hint.c_str()};
      report(sink, &problem);
    };
    try {
      const Config config = Config::parse({text, size});
      bool complete = !config.sound();
      if constexpr (requires { &P::check; }) {
        complete = true;
        try {
          P::check(config);
        } catch (const std::exception& error) {
          if (config.sound()) config.problem("", error.what());
        }
      }
      // Without a check of the class's own nobody has asked for any key yet: only text that is no object is a problem.
      if (!complete) return;
      for (const auto& problem : config.problems()) tell(problem);
    } catch (...) {
      tell({"", "the processor's check failed in an unexpected way", "", 0, 0, false});
    }
  }

  // The constants, with what they are when the class does not say.
  static constexpr const char* schema() {
    if constexpr (requires { P::kConfigSchema; })
      return P::kConfigSchema;
    else
      return nullptr;
  }
  static constexpr bool deterministic() {
    if constexpr (requires { P::kDeterministic; })
      return P::kDeterministic;
    else
      return true;
  }
  static constexpr uint32_t max_in_flight() {
    if constexpr (kHolds)
      return P::kMaxInFlight;
    else
      return 0;
  }
  static constexpr uint32_t completion_timeout() {
    if constexpr (requires { P::kCompletionTimeout; })
      return static_cast<uint32_t>(std::chrono::milliseconds(P::kCompletionTimeout).count());
    else
      return 0;
  }
  static std::span<const kst_store_need> stores() {
    if constexpr (requires { P::kStores; }) {
      static kst_store_need needs[std::size(P::kStores)] = {};
      for (size_t i = 0; i < std::size(P::kStores); ++i)
        needs[i] = {P::kStores[i].purpose, static_cast<uint32_t>(P::kStores[i].kind), 0};
      return needs;
    } else {
      return {};
    }
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
    static const kst_processor_type type = {
        .struct_size = sizeof(kst_processor_type),
        .name = P::kName,
        .description = P::kDescription,
        .config_schema = schema(),
        .outputs = outputs(),
        .stores = stores().data(),
        .store_count = static_cast<uint32_t>(stores().size()),
        .deterministic = deterministic() ? 1u : 0u,
        .max_in_flight = max_in_flight(),
        .completion_timeout_ms = completion_timeout(),
        .check = &TypeOf::check,
        .create = &TypeOf::create,
        .init = kInits ? &TypeOf::init : nullptr,
        .process = &TypeOf::process,
        .punctuate = kPunctuates ? &TypeOf::punctuate : nullptr,
        .close = &TypeOf::close,
    };
    return &type;
  }
};

}  // namespace kstreamd::sdk::detail

namespace kstreamd::sdk {

// The descriptor of one processor class: static.
template <typename P>
const kst_processor_type* processor_type() {
  return detail::TypeOf<P>::descriptor();
}

}  // namespace kstreamd::sdk

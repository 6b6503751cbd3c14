// What a processor's `process` takes, found at compile time; what is wrong with a class is said by static_asserts.
// Internal.
#pragma once
#include <kstreamd/sdk/config.h>
#include <kstreamd/sdk/context.h>
#include <kstreamd/sdk/store_need.h>
#include <kstreamd/sdk/typed.h>
#include <kstreamd/sdk/value.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace kstreamd::sdk::detail {

// Whether P has a member of this name at all, perhaps several: together with another one of the name it is ambiguous.
struct HasProcess {
  void process();
};
template <typename P>
struct WithProcess : P, HasProcess {};
template <typename P>
concept NoMemberProcess = requires {
  &WithProcess<P>::process;
};
template <typename P>
concept OneProcess = requires {
  &P::process;
};

template <typename R, typename First, typename Second>
struct Function {
  using Result = R;
  using Records = First;
  using ContextArgument = Second;
};
template <typename F>
struct FunctionOf : Function<int, int, int> {};  // of another shape altogether
template <typename R, typename C, typename A, typename B>
struct FunctionOf<R (C::*)(A, B)> : Function<R, A, B> {};
template <typename R, typename C, typename A, typename B>
struct FunctionOf<R (C::*)(A, B) const> : Function<R, A, B> {};
template <typename R, typename C, typename A, typename B>
struct FunctionOf<R (C::*)(A, B) noexcept> : Function<R, A, B> {};
template <typename R, typename C, typename A, typename B>
struct FunctionOf<R (C::*)(A, B) const noexcept> : Function<R, A, B> {};

enum class Shape { wrong, record, batch, typed, typed_batch };

template <typename Records>
struct ShapeOf {
  static constexpr Shape value = Shape::wrong;
};
template <>
struct ShapeOf<Record> {
  static constexpr Shape value = Shape::record;
};
template <>
struct ShapeOf<std::span<const Record>> {
  static constexpr Shape value = Shape::batch;
};
template <typename K, typename V>
struct ShapeOf<Typed<K, V>> {
  static constexpr Shape value = Shape::typed;
  using Key = K;
  using Value = V;
};
template <typename K, typename V>
struct ShapeOf<std::span<const Typed<K, V>>> {
  static constexpr Shape value = Shape::typed_batch;
  using Key = K;
  using Value = V;
};

template <typename P>
constexpr bool check_process() {
  if constexpr (OneProcess<P>) {
    using F = FunctionOf<decltype(&P::process)>;
    static_assert(ShapeOf<std::remove_cvref_t<typename F::Records>>::value != Shape::wrong &&
                      std::is_same_v<typename F::ContextArgument, Context&>,
                  "a processor's process takes (const sdk::Typed<Key, Value>&, sdk::Context&), "
                  "(std::span<const sdk::Typed<Key, Value>>, sdk::Context&), (const Record&, sdk::Context&) or "
                  "(std::span<const Record>, sdk::Context&)");
    static_assert(
        !std::is_lvalue_reference_v<typename F::Records> ||
            std::is_const_v<std::remove_reference_t<typename F::Records>>,
        "a processor's process takes its records as const: what comes out is forwarded, not changed in place");
    static_assert(std::is_void_v<typename F::Result>,
                  "a processor's process returns nothing: hand records on with context.forward(record)");
  } else if constexpr (std::is_class_v<P> && !std::is_final_v<P>) {
    static_assert(!NoMemberProcess<P>,
                  "a processor needs a function `void process(const sdk::Typed<Key, Value>& record, sdk::Context& "
                  "context)`, or one of the other forms in sdk/processor.h");
    static_assert(NoMemberProcess<P>,
                  "a processor has exactly one process, public and no template: it is called with the types that it "
                  "takes, so choose one form");
  } else {
    static_assert(OneProcess<P>, "a processor needs exactly one public function process: see sdk/processor.h");
  }
  return true;
}

template <typename T>
inline constexpr bool is_name_list = false;
template <size_t N>
inline constexpr bool is_name_list<const char* const[N]> = true;
template <typename T>
inline constexpr bool is_need_list = false;
template <size_t N>
inline constexpr bool is_need_list<const StoreNeed[N]> = true;

// The constants of a processor class; each assertion says what to write.
template <typename P>
constexpr bool check_constants() {
  static_assert(
      requires { std::string_view(P::kName); },
      "a processor needs `static constexpr const char* kName = \"...\";`: what a topology's `process:` says");
  static_assert(
      requires { std::string_view(P::kDescription); },
      "a processor needs `static constexpr const char* kDescription = \"...\";`: one line for `kstreamd plugins`");
  if constexpr (requires { P::kOutputs; })
    static_assert(is_name_list<decltype(P::kOutputs)>,
                  "kOutputs is a list of names: `static constexpr const char* kOutputs[] = {\"ok\", \"late\"};`");
  if constexpr (requires { P::kStores; })
    static_assert(
        is_need_list<decltype(P::kStores)>,
        "kStores is a list of needs: `static constexpr sdk::StoreNeed kStores[] = {{\"keys seen so far\"}};`");
  if constexpr (requires { P::kConfigSchema; })
    static_assert(std::is_convertible_v<decltype(P::kConfigSchema), const char*>,
                  "kConfigSchema is a JSON Schema: `static constexpr const char* kConfigSchema = R\"({...})\";`");
  if constexpr (requires { P::kMaxInFlight; })
    static_assert(std::is_same_v<decltype(P::kMaxInFlight), const uint32_t>,
                  "kMaxInFlight is a number of records: `static constexpr uint32_t kMaxInFlight = 100;`");
  if constexpr (requires { P::kCompletionTimeout; })
    static_assert(
        std::is_convertible_v<decltype(P::kCompletionTimeout), std::chrono::milliseconds> &&
            requires { P::kMaxInFlight; },
        "kCompletionTimeout is a duration, beside a kMaxInFlight: `static constexpr std::chrono::seconds "
        "kCompletionTimeout{5};`");
  return true;
}

template <typename P>
constexpr bool check_functions() {
  static_assert(std::is_constructible_v<P, Context&, const Config&>,
                "a processor needs a public constructor (sdk::Context&, const sdk::Config&)");
  if constexpr (requires { &P::init; })
    static_assert(
        requires(P & p, Context & context) {
          { p.init(context) } -> std::same_as<void>;
        },
        "a processor's init is `void init(sdk::Context&)`");
  if constexpr (requires { &P::punctuate; })
    static_assert(
        requires(P & p, const Schedule& schedule, int64_t timestamp, Context& context) {
          { p.punctuate(schedule, timestamp, context) } -> std::same_as<void>;
        },
        "a processor's punctuate is `void punctuate(const sdk::Schedule&, int64_t timestamp, sdk::Context&)`");
  if constexpr (requires { &P::check; })
    static_assert(
        requires(const Config& config) { P::check(config); },
        "a processor's check is `static void check(const sdk::Config&)`");
  return true;
}

}  // namespace kstreamd::sdk::detail

// What the kinds of stores share.
#pragma once
#include <kstreamd/sdk/context.h>

#include <cstdint>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>

namespace kstreamd::sdk {

// In which direction a scan goes.
enum class Order { ascending, descending };

namespace detail {

// Calls a visitor that may return bool (false ends the scan) or nothing.
template <typename Visit, typename... Args>
bool visit_on(Visit& visit, Args&&... args) {
  if constexpr (std::is_void_v<decltype(visit(std::forward<Args>(args)...))>) {
    visit(std::forward<Args>(args)...);
    return true;
  } else {
    return visit(std::forward<Args>(args)...);
  }
}

class StoreHandle {
 public:
  uint32_t index() const { return index_; }
  // An estimate of its committed rows. [init, process, punctuate]
  uint64_t approximate_rows() const { return extensions().store.of(host()).approximate_rows(handle(), index_); }

 protected:
  StoreHandle(Context& context, uint32_t index) : context_(&context), index_(index) {}

  Extensions& extensions() const { return context_->extensions_; }
  const kst_host& host() const {
    if (!context_->ready_)
      throw FatalError("stores cannot be used in the constructor: they are restored when init(Context&) is called");
    return context_->host_;
  }
  kst_context* handle() const { return context_->context_; }
  Memory& memory() const { return context_->memory_; }
  void check(kst_status status) const { context_->check(status); }

  // What a row holds, as a T.
  template <typename T>
  T key_as(const Value& value) const {
    return decode_as<T>(value, "the key of a row in store ");
  }
  template <typename T>
  T value_as(const Value& value) const {
    return decode_as<T>(value, "the value of a row in store ");
  }

  // Runs one of the host's scans: `call(state, visitor)` passes the two on, `visit(range, row)` gets the rows. What
  // `visit` throws ends the scan and is thrown on.
  template <typename HostRow, typename Call, typename Visit>
  void scan(Call&& call, Visit&& visit) const {
    struct State {
      std::remove_reference_t<Visit>& visit;
      std::exception_ptr thrown;
    } state{visit, nullptr};
    const auto visitor = [](void* at, size_t range, const HostRow* row) -> int {
      auto& s = *static_cast<State*>(at);
      if (s.thrown) return 1;
      try {
        return visit_on(s.visit, range, *row) ? 0 : 1;
      } catch (...) {
        s.thrown = std::current_exception();
        return 1;
      }
    };
    const kst_status status = call(&state, visitor);
    if (state.thrown) std::rethrow_exception(state.thrown);
    check(status);
  }

  Context* context_;
  uint32_t index_;

 private:
  template <typename T>
  T decode_as(const Value& value, const char* what) const {
    require_codec<T>();
    if (!Codec<T>::accepts(value)) [[unlikely]]
      refuse<T>(value, (what + std::to_string(index_)).c_str());
    return Codec<T>::read(value, memory());
  }
};

}  // namespace detail
}  // namespace kstreamd::sdk

// How far a node has come in time, kept across restarts and aborts: committed with the offsets of its task. A handle to
// be made in the constructor; find() in init.
#pragma once
#include <kstreamd/sdk/plugin.h>
#include <kstreamd/sdk/progress.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kstreamd::builtin {

// The stream time of an operator: the greatest timestamp it has seen, in ms; -1 before the first.
class StreamTime {
 public:
  // In init. `name` tells the node's times apart, and is short.
  void find(sdk::Context& context, std::string_view name) { time_ = Finder(context).find(name); }
  // The same, under the name of a store of the node: Kafka Streams finds it there.
  void find_of_store(sdk::Context& context, uint32_t store) { time_ = Finder(context).find_of_store(store); }
  int64_t get() const { return *time_; }
  void pass(int64_t timestamp) { *time_ = std::max(*time_, timestamp); }

 private:
  class Finder : sdk::detail::StoreHandle {
   public:
    explicit Finder(sdk::Context& context) : StoreHandle(context, 0) {}
    int64_t* find(std::string_view name) { return found(extension().find(handle(), name.data(), name.size())); }
    int64_t* find_of_store(uint32_t store) { return found(extension().find_of_store(handle(), store)); }

   private:
    const ProgressExtension& extension() {
      sdk::detail::Extension<ProgressExtension> progress{ProgressExtension::kId, ProgressExtension::kRevision};
      return progress.of(host());
    }
    int64_t* found(int64_t* time) {
      if (!time) check(KST_FATAL);
      return time;
    }
  };

  int64_t* time_ = nullptr;
};

// The stream times of an operator whose inputs each have their own, as in Kafka Streams, where each is an operator.
class StreamTimes {
 public:
  // In init. Inputs beyond `count` share the last one's time.
  void find(sdk::Context& context, size_t count) {
    times_.resize(count);
    for (size_t input = 0; input < count; ++input)
      times_[input].find(context, input == 0 ? "t" : "t" + std::to_string(input));
  }
  StreamTime& of(uint32_t input) { return times_[std::min<size_t>(input, times_.size() - 1)]; }

 private:
  std::vector<StreamTime> times_;
};

}  // namespace kstreamd::builtin

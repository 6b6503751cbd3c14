// Many rows brought into the order of their keys at once. Internal to core/state.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kstreamd {

// A row by its place, of which a later row has a greater one, and prefix_of() what its key has behind a beginning that
// all keys of its vector have in common.
struct PlacedKey {
  uint64_t prefix = 0;
  uint64_t at = 0;
};

// What all keys that it was shown begin with. It says nothing of their order.
class CommonBeginning {
 public:
  void add(std::string_view key) {
    if (size_ > 0 || !first_) shorten(key);
  }
  size_t size() const { return size_; }
  void clear() {
    first_.reset();
    size_ = 0;
  }

 private:
  void shorten(std::string_view key);

  std::optional<std::string> first_;  // key
  size_t size_ = 0;                   // of its bytes
};

// Sorts rows, which are in the order of their places, by key, and keeps the last one of each key. By the prefixes alone
// as far as these differ, in a time that grows with the number of rows only; `spare` is memory for that, to be used
// again.
void sort_last_of_each_key(std::vector<PlacedKey>& rows, std::vector<PlacedKey>& spare,
                           const std::function<std::string_view(uint64_t at)>& key_of);

}  // namespace kstreamd

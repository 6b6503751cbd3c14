// Memory for the length of one batch: bump allocation, freed all at once, together with what was adopted. Not
// thread-safe.
#pragma once
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace kstreamd {

class Arena {
 public:
  explicit Arena(size_t chunk_size = 16 * 1024) : chunk_size_(chunk_size) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { release_adopted(); }

  // `size` bytes aligned to 16, valid until reset().
  void* allocate(size_t size) {
    size = (size + 15) & ~size_t{15};
    if (size > left_) refill(size);
    char* at = next_;
    next_ += size;
    left_ -= size;
    return at;
  }
  std::string_view copy(std::string_view bytes) {
    if (bytes.empty()) return {"", 0};
    auto* at = static_cast<char*>(allocate(bytes.size()));
    std::memcpy(at, bytes.data(), bytes.size());
    return {at, bytes.size()};
  }
  // Has `release` called with `thing` when the memory is given up: for what has an owner count of its own.
  void adopt(void (*release)(const void*), const void* thing) { adopted_.push_back({release, thing}); }
  // Everything handed out becomes invalid; the first chunk is kept for reuse, unless it was made larger for one thing.
  void reset() {
    release_adopted();
    left_ = 0;
    if (!chunks_.empty() && chunks_[0].size > chunk_size_) chunks_.clear();
    if (chunks_.empty()) return;
    chunks_.resize(1);
    next_ = chunks_[0].bytes.get();
    left_ = chunks_[0].size;
  }

 private:
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    size_t size;
  };

  struct Adopted {
    void (*release)(const void*);
    const void* thing;
  };

  void release_adopted() {
    for (const auto& adopted : adopted_) adopted.release(adopted.thing);
    adopted_.clear();
  }
  void refill(size_t size) {
    size_t chunk = size > chunk_size_ ? size : chunk_size_;
    chunks_.push_back({std::unique_ptr<char[]>(new char[chunk]), chunk});  // new[] aligns to 16
    next_ = chunks_.back().bytes.get();
    left_ = chunk;
  }

  const size_t chunk_size_;
  std::vector<Chunk> chunks_;
  std::vector<Adopted> adopted_;
  char* next_ = nullptr;
  size_t left_ = 0;
};

}  // namespace kstreamd

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
    if (!chunks_.empty() && chunks_[0].size > chunk_size_) chunks_.clear();
    if (chunks_.size() > 1) chunks_.resize(1);
    rewind();
  }
  // The same, but all memory is kept: for who needs as much again.
  void rewind() {
    release_adopted();
    used_ = 0;
    left_ = 0;
    if (!chunks_.empty()) enter();
  }
  // Memory in all, used or not.
  size_t capacity() const {
    size_t bytes = 0;
    for (const Chunk& chunk : chunks_) bytes += chunk.size;
    return bytes;
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
    if (used_ < chunks_.size() && chunks_[used_].size >= size) return enter();  // kept by rewind()
    size_t chunk = size > chunk_size_ ? size : chunk_size_;
    // new[] aligns to 16
    chunks_.insert(chunks_.begin() + used_, Chunk{std::unique_ptr<char[]>(new char[chunk]), chunk});
    enter();
  }
  void enter() {
    next_ = chunks_[used_].bytes.get();
    left_ = chunks_[used_].size;
    ++used_;
  }

  const size_t chunk_size_;
  std::vector<Chunk> chunks_;
  size_t used_ = 0;  // of the chunks
  std::vector<Adopted> adopted_;
  char* next_ = nullptr;
  size_t left_ = 0;
};

}  // namespace kstreamd

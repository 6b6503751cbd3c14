// Memory that somebody else frees: where a codec, a serde or an object puts what it makes.
#pragma once
#include <kstreamd/abi/record.h>
#include <kstreamd/sdk/errors.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace kstreamd::sdk {

// Room that lives at least until the call it was given to returns; how much longer is its giver's business: that of a
// Context (Context::memory) until the call into the processor returns, that of a serde until the batch is done. Used by
// one thread at a time. Nothing in it is destroyed: put only bytes and trivially destructible things there.
class Memory {
 public:
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // `size` bytes aligned to 16. Never null.
  virtual void* allocate(size_t size) = 0;

  // Room for `n` values of T, uninitialized.
  template <typename T>
  T* array(size_t n) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 16, "nothing destroys what lies in a Memory");
    return static_cast<T*>(allocate(n * sizeof(T)));
  }
  // A copy of the bytes.
  std::string_view copy(std::string_view bytes) {
    if (bytes.empty()) return {"", 0};
    auto* to = static_cast<char*>(allocate(bytes.size()));
    std::memcpy(to, bytes.data(), bytes.size());
    return {to, bytes.size()};
  }

  // The same as the C ABI passes it, for calls of an object's or serde's functions; take_message gives what they said
  // to its `fail`.
  const kst_memory* raw() const { return &raw_; }
  std::string take_message() { return std::exchange(message_, {}); }

 protected:
  Memory() : raw_{{sizeof(kst_memory), &Memory::raw_allocate, &Memory::raw_fail}, this} {}
  ~Memory() = default;

 private:
  struct Raw : kst_memory {
    Raw(const kst_memory& functions, Memory* memory) : kst_memory(functions), owner(memory) {}
    Memory* owner;
  };
  static void* raw_allocate(const kst_memory* memory, size_t size) {
    return static_cast<const Raw*>(memory)->owner->allocate(size);
  }
  static void raw_fail(const kst_memory* memory, const char* message, size_t size) {
    static_cast<const Raw*>(memory)->owner->message_.assign(message, size);
  }

  Raw raw_;
  std::string message_;
};

// Memory that was given by the other side of the ABI.
class BorrowedMemory final : public Memory {
 public:
  explicit BorrowedMemory(const kst_memory* from) : from_(from) {}
  void* allocate(size_t size) override { return from_->allocate(from_, size); }

 private:
  const kst_memory* const from_;
};

// Memory of its own, freed with the object or by clear().
class OwnMemory final : public Memory {
 public:
  void* allocate(size_t size) override {
    const size_t units = (size + sizeof(Unit) - 1) / sizeof(Unit);
    if (units > left_) {
      left_ = units > kChunkUnits ? units : kChunkUnits;
      chunks_.push_back(std::make_unique<Unit[]>(left_));
      next_ = chunks_.back().get();
    }
    Unit* at = next_;
    next_ += units;
    left_ -= units;
    return at;
  }
  void clear() {
    chunks_.clear();
    next_ = nullptr;
    left_ = 0;
  }

 private:
  struct alignas(16) Unit {
    char bytes[16];
  };
  static constexpr size_t kChunkUnits = 32;

  std::vector<std::unique_ptr<Unit[]>> chunks_;
  Unit* next_ = nullptr;
  size_t left_ = 0;  // units
};

// The text of an object that only its maker knows. Throws RecordError.
inline std::string_view json_of(const kst_object* object, Memory& memory) {
  const char* text = nullptr;
  size_t size = 0;
  if (object->type->to_json(object, memory.raw(), &text, &size) == KST_OK) return {text, size};
  throw RecordError("an object of type '" + std::string(object->type->id) +
                    "' cannot be turned into JSON: " + memory.take_message());
}

// Its bytes: its JSON text where the maker gave no others. Throws RecordError.
inline std::string_view bytes_of(const kst_object* object, Memory& memory) {
  if (!object->type->to_bytes) return json_of(object, memory);
  const void* bytes = nullptr;
  size_t size = 0;
  if (object->type->to_bytes(object, memory.raw(), &bytes, &size) == KST_OK)
    return {static_cast<const char*>(bytes), size};
  throw RecordError("an object of type '" + std::string(object->type->id) +
                    "' cannot be turned into bytes: " + memory.take_message());
}

}  // namespace kstreamd::sdk

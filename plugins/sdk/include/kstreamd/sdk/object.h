// Objects of the author's own type as values of records.
//
//   struct Order {
//     static constexpr const char* kTypeId = "acme.order/1";   // raise the number when anything in the struct changes
//     std::string to_json() const;                              // what sinks, stores and expressions see
//     std::string to_bytes() const;                             // optional: what the serde `bytes` writes
//     ...
//   };
//   context.forward(record.with_value(sdk::Object<Order>::make(...)));       // one processor makes it
//   void process(const sdk::Typed<std::string_view, sdk::Object<Order>>&, sdk::Context&);   // the next one takes it
//
// Between the processors of one plugin the object passes as it is; it is serialized only where it leaves the task.
#pragma once
#include <kstreamd/sdk/memory.h>
#include <kstreamd/sdk/value.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace kstreamd::sdk {

namespace detail {
// For the fakes in testing.h: how many objects of this plugin's types are alive, while somebody counts.
inline std::atomic<bool> count_objects{false};
inline std::atomic<int64_t> objects_alive{0};
inline void count_object(int by) {
  if (count_objects.load(std::memory_order_relaxed)) objects_alive.fetch_add(by, std::memory_order_relaxed);
}
}  // namespace detail

// Shares a T that never changes once it is made. Copies are cheap, and share; the last one destroys it. An Object may
// be copied, read and destroyed by any thread, one Object by one thread at a time. Never empty, but when moved from.
template <typename T>
class Object {
  static_assert(
      requires { std::string_view(T::kTypeId); },
      "sdk::Object<T>: T needs `static constexpr const char* kTypeId = \"acme.order/1\";`, which names its layout");
  static_assert(
      requires(const T& object) { std::string_view(object.to_json()); },
      "sdk::Object<T>: T needs `std::string to_json() const;`, for the places where the object leaves the task");

 public:
  template <typename... Args>
  static Object make(Args&&... args) {
    return Object(new Block(std::forward<Args>(args)...));
  }
  Object(const Object& other) : block_(other.block_) { retain(block_); }
  Object(Object&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Object& operator=(Object other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Object() {
    if (block_) release(block_);
  }

  const T& operator*() const { return static_cast<const Block*>(block_)->object; }
  const T* operator->() const { return &**this; }

  // The object as a value, borrowed from this Object.
  Value value() const { return object_value(block_); }
  // Whether a value is such an object, of this plugin or of another that uses the same id.
  static bool is(const Value& value) {
    return value.type == KST_OBJECT &&
           (value.u.object->type == type() || std::strcmp(value.u.object->type->id, T::kTypeId) == 0);
  }
  // One more owner of a value for which is() is true.
  static Object share(const Value& value) {
    value.u.object->type->retain(value.u.object);
    return Object(value.u.object);
  }
  // Gives up this owner in favour of the returned value: for serdes, whose result owns its object.
  Value release_value() && { return object_value(std::exchange(block_, nullptr)); }

 private:
  struct Block : kst_object {
    template <typename... Args>
    explicit Block(Args&&... args) : kst_object{Object::type()}, object(std::forward<Args>(args)...) {
      detail::count_object(1);
    }
    ~Block() { detail::count_object(-1); }
    mutable std::atomic<uint32_t> owners{1};
    const T object;
  };

  explicit Object(const kst_object* block) : block_(block) {}

  static void retain(const kst_object* object) { object->type->retain(object); }
  static void release(const kst_object* object) { object->type->release(object); }

  // Copies what a T says of itself to where the host wants it.
  template <typename Text>
  static kst_status give(const kst_memory* memory, Text say, const char** text, size_t* size) noexcept {
    try {
      BorrowedMemory to(memory);
      const auto said = say();
      const std::string_view copy = to.copy(said);
      *text = copy.data();
      *size = copy.size();
      return KST_OK;
    } catch (const std::exception& error) {
      memory->fail(memory, error.what(), std::strlen(error.what()));
    } catch (...) {
      static constexpr std::string_view what = "it threw something that is no std::exception";
      memory->fail(memory, what.data(), what.size());
    }
    return KST_RECORD_ERROR;
  }

  static const kst_object_type* type() {
    static const kst_object_type type = {
        sizeof(kst_object_type),
        T::kTypeId,
        [](const kst_object* object, const kst_memory* memory, const char** text, size_t* size) {
          return give(
              memory, [object] { return static_cast<const Block*>(object)->object.to_json(); }, text, size);
        },
        to_bytes(),
        [](const kst_object* object) {
          static_cast<const Block*>(object)->owners.fetch_add(1, std::memory_order_relaxed);
        },
        [](const kst_object* object) {
          const auto* block = static_cast<const Block*>(object);
          if (block->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete block;
        }};
    return &type;
  }
  static auto to_bytes() -> kst_status (*)(const kst_object*, const kst_memory*, const void**, size_t*) {
    if constexpr (requires(const T& object) { std::string_view(object.to_bytes()); })
      return [](const kst_object* object, const kst_memory* memory, const void** bytes, size_t* size) {
        const char* text = nullptr;
        const auto status = give(
            memory, [object] { return static_cast<const Block*>(object)->object.to_bytes(); }, &text, size);
        *bytes = text;
        return status;
      };
    else
      return nullptr;
  }

  const kst_object* block_;
};

}  // namespace kstreamd::sdk

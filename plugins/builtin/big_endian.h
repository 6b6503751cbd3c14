// Numbers in big-endian bytes, as Kafka writes them.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

namespace kstreamd::builtin {

// Writes numbers and bytes one after the other into room that is large enough.
class BytesWriter {
 public:
  explicit BytesWriter(char* to) : begin_(to), at_(to) {}

  template <typename Number>
  BytesWriter& number(Number value) {
    for (size_t byte = sizeof value; byte-- > 0;) *at_++ = static_cast<char>(value >> (8 * byte));
    return *this;
  }
  BytesWriter& bytes(std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
    return *this;
  }
  // With their length in four bytes before them.
  BytesWriter& sized(std::string_view text) { return number(static_cast<int32_t>(text.size())).bytes(text); }
  std::string_view written() const { return {begin_, static_cast<size_t>(at_ - begin_)}; }

 private:
  char* const begin_;
  char* at_;
};

// Reads them. What goes past the end reads as 0 or nothing, and is told by ok().
class BytesReader {
 public:
  explicit BytesReader(std::string_view bytes) : rest_(bytes) {}

  template <typename Number>
  Number number() {
    uint64_t value = 0;
    for (const char byte : bytes(sizeof(Number))) value = value << 8 | static_cast<uint8_t>(byte);
    return static_cast<Number>(value);
  }
  std::string_view bytes(size_t size) {
    ok_ = ok_ && size <= rest_.size();
    const std::string_view taken = ok_ ? rest_.substr(0, size) : std::string_view();
    if (ok_) rest_.remove_prefix(size);
    return taken;
  }
  // The bytes after their length; `present` becomes false where that is negative, which stands for a null.
  std::string_view sized(bool& present) {
    const auto size = number<int32_t>();
    present = size >= 0;
    return present ? bytes(static_cast<size_t>(size)) : std::string_view();
  }
  std::string_view rest() const { return rest_; }
  bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace kstreamd::builtin

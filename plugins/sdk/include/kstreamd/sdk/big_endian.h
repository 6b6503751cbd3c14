// Numbers in big-endian bytes, as Kafka writes them: where they are not negative, their bytes sort as they do.
// All numbers are integers, of as many bytes as their type has. Any thread.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace kstreamd {

namespace detail {

// The number with the bytes of this one the other way round: from its bytes here to big-endian ones, and back.
template <typename Number>
Number swap_bytes(Number number) {
  static_assert(std::endian::native == std::endian::little);
  return static_cast<Number>(__builtin_bswap64(static_cast<uint64_t>(number)) >> (64 - 8 * sizeof number));
}

}  // namespace detail

// Writes to room of sizeof(Number) bytes.
template <typename Number>
void write_big_endian(char* to, Number number) {
  number = detail::swap_bytes(number);
  std::memcpy(to, &number, sizeof number);
}

template <typename Number>
void append_big_endian(std::string& out, Number number) {
  char bytes[sizeof number];
  write_big_endian(bytes, number);
  out.append(bytes, sizeof bytes);
}

// Reads the sizeof(Number) bytes at `from`.
template <typename Number>
Number read_big_endian(const char* from) {
  Number number;
  std::memcpy(&number, from, sizeof number);
  return detail::swap_bytes(number);
}

// Writes numbers and bytes one after the other into room that is large enough.
class BytesWriter {
 public:
  explicit BytesWriter(char* to) : begin_(to), at_(to) {}

  template <typename Number>
  BytesWriter& number(Number value) {
    write_big_endian(at_, value);
    at_ += sizeof value;
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

// Reads them; borrows the bytes. What goes past the end reads as 0 or nothing, and is told by ok().
class BytesReader {
 public:
  explicit BytesReader(std::string_view bytes) : rest_(bytes) {}

  template <typename Number>
  Number number() {
    const std::string_view taken = bytes(sizeof(Number));
    return taken.empty() ? Number{} : read_big_endian<Number>(taken.data());
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

}  // namespace kstreamd

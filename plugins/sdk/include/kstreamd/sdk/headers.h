// The headers of records: looking at them, and making others.
#pragma once
#include <kstreamd/sdk/memory.h>
#include <kstreamd/sdk/value.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace kstreamd::sdk {

inline Header make_header(std::string_view name, std::optional<std::string_view> value) {
  return {name.data(), value ? value->data() : nullptr, static_cast<uint32_t>(name.size()),
          value ? static_cast<uint32_t>(value->size()) : 0};
}
inline std::string_view name_of(const Header& header) { return {header.name, header.name_size}; }
// Nothing: a null value.
inline std::optional<std::string_view> value_of(const Header& header) {
  if (!header.value) return std::nullopt;
  return std::string_view(static_cast<const char*>(header.value), header.value_size);
}

// The headers of one record, borrowed. Names may repeat; order counts. What changes them gives new ones, whose list
// lies in the memory given and whose bytes are borrowed from here and from the arguments.
class Headers {
 public:
  Headers() = default;
  Headers(const Header* headers, size_t count) : all_(headers, count) {}
  explicit Headers(const Record& record) : all_(record.headers, record.header_count) {}

  size_t size() const { return all_.size(); }
  bool empty() const { return all_.empty(); }
  auto begin() const { return all_.begin(); }
  auto end() const { return all_.end(); }
  const Header& operator[](size_t i) const { return all_[i]; }
  const Header* data() const { return all_.data(); }

  // The last header of a name; null when there is none.
  const Header* find(std::string_view name) const {
    for (size_t i = all_.size(); i-- > 0;)
      if (name_of(all_[i]) == name) return &all_[i];
    return nullptr;
  }
  // Its value; nothing when there is none, or a null value.
  std::optional<std::string_view> get(std::string_view name) const {
    const Header* found = find(name);
    return found ? value_of(*found) : std::nullopt;
  }

  // One more at the end; `value` nullopt: a null value.
  Headers with(std::string_view name, std::optional<std::string_view> value, Memory& memory) const {
    auto* list = memory.array<Header>(all_.size() + 1);
    for (size_t i = 0; i < all_.size(); ++i) list[i] = all_[i];
    list[all_.size()] = make_header(name, value);
    return {list, all_.size() + 1};
  }
  // None of this name any more.
  Headers without(std::string_view name, Memory& memory) const {
    auto* list = memory.array<Header>(all_.size());
    size_t count = 0;
    for (const Header& header : all_)
      if (name_of(header) != name) list[count++] = header;
    return {list, count};
  }

 private:
  std::span<const Header> all_;
};

// The same record with other headers; typed records have functions for it.
inline Record with_headers(Record record, const Headers& headers) {
  record.headers = headers.data();
  record.header_count = static_cast<uint32_t>(headers.size());
  return record;
}

}  // namespace kstreamd::sdk

// The serde of a table's updates, as Kafka Streams writes them to the topics before regrouped aggregations. The last
// byte says what is before it:
//   0 old value   1 new value   2 length of the new value (zigzag varint), new value, old value
//   3, 4, 5       the same, then a byte: whether the update is of the latest version
#include <new>

#include "core/serde/misfit.h"
#include "core/serde/objects.h"
#include "core/serde/serdes.h"
#include "kstreamd/sdk/change.h"

namespace kstreamd {
namespace {

constexpr size_t max_varint = 5;
enum : unsigned { only_old = 0, only_new = 1, both = 2, with_version = 3, flags = 6 };

size_t write_varint(uint32_t size, char* to) {
  uint32_t rest = size << 1;  // zigzag, of what is not negative
  size_t bytes = 0;
  for (; rest >= 0x80; rest >>= 7) to[bytes++] = static_cast<char>(rest | 0x80);
  to[bytes++] = static_cast<char>(rest);
  return bytes;
}

// Takes a length off the front; false: there is none.
bool read_varint(std::string_view& bytes, size_t& size) {
  uint64_t bits = 0;
  for (size_t at = 0; at < bytes.size() && at < max_varint; ++at) {
    const auto byte = static_cast<uint8_t>(bytes[at]);
    bits |= uint64_t{byte & 0x7fu} << (7 * at);
    if (byte & 0x80) continue;
    bytes.remove_prefix(at + 1);
    size = bits >> 1;
    return (bits & 1) == 0 && size <= bytes.size();
  }
  return false;
}

Error unreadable(const std::string& what) {
  return Error{.message = "no update of a table: " + what,
               .hint = "the topic is for this topology alone: check that nothing else writes to it"};
}

class ChangeSerde final : public Serde {
 public:
  ChangeSerde(std::string name, const Serde& inner) : name_(std::move(name)), inner_(inner) {}

  const std::string& name() const override { return name_; }
  bool of_plugin() const override { return inner_.of_plugin(); }

  Result<Value> read(std::string_view bytes, Arena& arena) const override {
    if (bytes.empty()) return unreadable("it is empty");
    unsigned flag = static_cast<uint8_t>(bytes.back());
    bytes.remove_suffix(1);
    if (flag >= flags) return unreadable("its last byte is " + std::to_string(flag));
    Change change;
    if (flag >= with_version) {
      if (bytes.empty()) return unreadable("it is too short");
      change.latest = bytes.back() != 0;
      bytes.remove_suffix(1);
      flag -= with_version;
    }
    std::string_view now = bytes, before = bytes;
    if (flag == both) {
      size_t size = 0;
      if (!read_varint(bytes, size)) return unreadable("the length of its new value is wrong");
      now = bytes.substr(0, size);
      before = bytes.substr(size);
    }
    KSTREAMD_TRY(read_part(flag != only_old, now, change.now, arena));
    KSTREAMD_TRY(read_part(flag != only_new, before, change.before, arena));
    return change_value(*new (arena.allocate(sizeof(Change))) Change(change));
  }

  Result<std::string_view> write(const Value& value, Arena& arena) const override {
    if (!is_change(value)) return misfit(value, "of a table's updates", "it is made for regrouped tables only");
    const Change& change = change_of(value);
    std::string_view now, before;
    KSTREAMD_TRY(write_part(change.now, now, arena));
    KSTREAMD_TRY(write_part(change.before, before, arena));
    const bool has_now = !is_null(change.now), has_before = !is_null(change.before);
    if (!has_now && !has_before)
      return Error{.message = "an update with neither an old nor a new value cannot be written",
                   .hint = "this is a bug of kstreamd"};
    auto* to = static_cast<char*>(arena.allocate(max_varint + now.size() + before.size() + 1));
    size_t size = has_now && has_before ? write_varint(static_cast<uint32_t>(now.size()), to) : 0;
    for (const std::string_view part : {now, before}) size += part.copy(to + size, part.size());
    to[size++] = static_cast<char>(has_now && has_before ? both : has_now ? only_new : only_old);
    return std::string_view(to, size);
  }

 private:
  Status read_part(bool present, std::string_view bytes, Value& value, Arena& arena) const {
    if (!present) return {};
    auto read = inner_.read(bytes, arena);
    if (!read) return std::move(read).error();
    value = *read;
    return {};
  }
  Status write_part(const Value& value, std::string_view& bytes, Arena& arena) const {
    if (is_null(value)) return {};
    auto written = write_value(inner_, value, arena);
    if (!written) return std::move(written).error();
    bytes = *written;
    return {};
  }

  const std::string name_;
  const Serde& inner_;
};

}  // namespace

std::unique_ptr<const Serde> make_change(std::string name, const Serde& inner) {
  return std::make_unique<ChangeSerde>(std::move(name), inner);
}

}  // namespace kstreamd

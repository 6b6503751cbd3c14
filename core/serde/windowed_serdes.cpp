// Serdes of windowed keys: the inner key's bytes, then the window's bounds in 8 bytes each, big-endian, as Kafka
// Streams' TimeWindowedSerde and SessionWindowedSerde write them.
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/serde/misfit.h"
#include "core/serde/objects.h"
#include "core/serde/serdes.h"
#include "kstreamd/sdk/big_endian.h"
#include "kstreamd/sdk/windowed.h"

namespace kstreamd {
namespace {

using nlohmann::json;

constexpr int64_t kOpenEnd = std::numeric_limits<int64_t>::max();

// The inner key that a JSON value stands for.
Value inner_of(const json& key, Arena& arena) {
  if (key.is_null()) return null_value();
  if (key.is_boolean()) return bool_value(key.get<bool>());
  if (key.is_string()) return string_value(arena.copy(key.get_ref<const std::string&>()));
  if (key.is_number_integer() && !(key.is_number_unsigned() && key.get<uint64_t>() > uint64_t{kOpenEnd}))
    return int64_value(key.get<int64_t>());
  if (key.is_number_float()) return float64_value(key.get<double>());
  return json_value(arena.copy(key.dump(-1, ' ', false, json::error_handler_t::replace)));
}

// A windowed key, or the JSON that one becomes where it has passed through the serde json.
std::optional<Windowed> windowed_key(const Value& value, Arena& arena) {
  if (is_windowed(value)) return windowed_of(value);
  if (value.type != KST_JSON || !data_of(value).starts_with('{')) return std::nullopt;
  const json parsed = json::parse(data_of(value), nullptr, false);
  if (!parsed.is_object() || parsed.size() != 3) return std::nullopt;
  const auto key = parsed.find("key"), start = parsed.find("start"), end = parsed.find("end");
  if (key == parsed.end() || start == parsed.end() || end == parsed.end()) return std::nullopt;
  if (!start->is_number_integer() || !end->is_number_integer()) return std::nullopt;
  return Windowed{inner_of(*key, arena), start->get<int64_t>(), end->get<int64_t>()};
}

class WindowedSerde : public Serde {
 public:
  WindowedSerde(std::string name, std::string kind, const Serde& inner, size_t tail)
      : name_(std::move(name)), kind_(std::move(kind)), inner_(inner), tail_(tail) {}

  const std::string& name() const override { return name_; }
  bool of_plugin() const override { return inner_.of_plugin(); }
  bool windowed() const override { return true; }
  std::string_view partitioning_bytes(std::string_view key) const override {
    return inner_.partitioning_bytes(key.substr(0, key.size() < tail_ ? 0 : key.size() - tail_));
  }

  Result<Value> read(std::string_view bytes, Arena& arena) const override {
    if (bytes.size() < tail_)
      return Error{
          .message = kind_ + " needs " + std::to_string(tail_) + " bytes or more, got " + std::to_string(bytes.size()),
          .hint = "check that the topic was written with the serde " + kind_};
    auto inner = inner_.read(bytes.substr(0, bytes.size() - tail_), arena);
    if (!inner) return inner;
    auto plain = plain_value(*inner, false, arena);
    if (!plain) return plain;
    Windowed windowed{.key = *plain};
    read_bounds(bytes.substr(bytes.size() - tail_), windowed);
    if (windowed.start < 0 || windowed.end < windowed.start)
      return Error{
          .message = "no window is from " + std::to_string(windowed.start) + " to " + std::to_string(windowed.end),
          .hint = "check that the topic was written with the serde " + kind_};
    return windowed_value(windowed, arena);
  }

  Result<std::string_view> write(const Value& value, Arena& arena) const override {
    const auto windowed = windowed_key(value, arena);
    if (!windowed)
      return misfit(value, kind_, "it is for the keys of windowed results: name the serde of the key itself");
    if (is_null(windowed->key))
      return Error{.message = "a windowed key whose inner key is null cannot be written", .hint = "give it a key"};
    auto inner = write_value(inner_, windowed->key, arena);
    if (!inner) return inner;
    auto* to = static_cast<char*>(arena.allocate(inner->size() + tail_));
    inner->copy(to, inner->size());
    write_bounds(*windowed, to + inner->size());
    return std::string_view(to, inner->size() + tail_);
  }

 private:
  virtual void read_bounds(std::string_view tail, Windowed& windowed) const = 0;
  virtual void write_bounds(const Windowed& windowed, char* tail) const = 0;

  const std::string name_;
  const std::string kind_;
  const Serde& inner_;
  const size_t tail_;  // bytes after the inner key
};

class TimeWindowedSerde final : public WindowedSerde {
 public:
  TimeWindowedSerde(std::string name, const Serde& inner, int64_t size)
      : WindowedSerde(std::move(name), "time_windowed", inner, 8), size_(size) {}

 private:
  void read_bounds(std::string_view tail, Windowed& windowed) const override {
    windowed.start = read_big_endian<int64_t>(tail.data());
    windowed.end = size_ == 0 || windowed.start > kOpenEnd - size_ ? kOpenEnd : windowed.start + size_;
  }
  void write_bounds(const Windowed& windowed, char* tail) const override { write_big_endian(tail, windowed.start); }

  const int64_t size_;
};

class SessionWindowedSerde final : public WindowedSerde {
 public:
  SessionWindowedSerde(std::string name, const Serde& inner)
      : WindowedSerde(std::move(name), "session_windowed", inner, 16) {}

 private:
  void read_bounds(std::string_view tail, Windowed& windowed) const override {
    windowed.end = read_big_endian<int64_t>(tail.data());
    windowed.start = read_big_endian<int64_t>(tail.data() + 8);
  }
  void write_bounds(const Windowed& windowed, char* tail) const override {
    write_big_endian(tail, windowed.end);
    write_big_endian(tail + 8, windowed.start);
  }
};

}  // namespace

std::unique_ptr<const Serde> make_time_windowed(std::string name, const Serde& inner, int64_t size) {
  return std::make_unique<TimeWindowedSerde>(std::move(name), inner, size);
}

std::unique_ptr<const Serde> make_session_windowed(std::string name, const Serde& inner) {
  return std::make_unique<SessionWindowedSerde>(std::move(name), inner);
}

}  // namespace kstreamd

// Updates of tables as words, for the tests of operators.
#pragma once
#include <kstreamd/sdk/change.h>
#include <kstreamd/sdk/testing.h>

#include <deque>
#include <stdexcept>
#include <string>

#include "plugins/builtin/builtin.h"

namespace kstreamd::builtin::testing {

inline const kst_processor_type* type(const std::string& name) {
  for (auto at = builtin_plugin()->processors; *at; ++at)
    if ((*at)->name == "kstreamd." + name) return *at;
  throw std::runtime_error("no operator " + name);
}

inline std::string shown(const Value& v) {
  if (is_null(v)) return "-";
  if (is_change(v)) {
    const Change& change = change_of(v);
    return shown(change.now) + "(" + shown(change.before) + ")" + (change.latest ? "" : "!");
  }
  if (has_data(v)) return std::string(data_of(v));
  return v.type == KST_FLOAT64 ? std::to_string(v.u.real) : std::to_string(v.u.integer);
}

// "key=now(before)@timestamp ..." of what came out; ! for what is not the latest.
inline std::string output(sdk::testing::Task& task) {
  std::string out;
  for (const auto& r : task.take_output())
    out +=
        (out.empty() ? "" : " ") + shown(r.key.get()) + "=" + shown(r.value.get()) + "@" + std::to_string(r.timestamp);
  return out;
}

// Makes updates; they last as long as it does. nullptr: null.
class Updates {
 public:
  Record plain(const char* key, const char* value, int64_t timestamp = 0) {
    return sdk::testing::record(text(key), text(value), timestamp);
  }
  Record change(const char* key, const char* now, const char* before, int64_t timestamp = 0, bool latest = true) {
    return change_of_values(text(key), text(now), text(before), timestamp, latest);
  }
  Record change_of_values(const Value& key, const Value& now, const Value& before, int64_t timestamp = 0,
                          bool latest = true) {
    return sdk::testing::record(key, change_value(changes_.emplace_back(Change{now, before, latest})), timestamp);
  }

 private:
  static Value text(const char* text) { return text ? string_value(text) : null_value(); }
  std::deque<Change> changes_;
};

}  // namespace kstreamd::builtin::testing

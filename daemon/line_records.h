// Lines of standard input as records: what `produce` makes of them.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "daemon/commands/commands.h"
#include "daemon/record_text.h"

namespace kstreamd {

// How a line becomes a record: [timestamp SEP] [key SEP] value. Constant once made.
class LineFormat {
 public:
  // An error is about the options. `catalog`: see serde_named; it outlives the format.
  static Status make(const ProduceOptions& options, LineFormat& format, const ProcessorCatalog* catalog = nullptr);
  Result<TextRecord> record_of(std::string_view line, int64_t now_ms) const;

 private:
  Result<std::optional<std::string>> bytes_of(const Serde& serde, std::string_view text) const;

  const Serde* key_ = nullptr;
  const Serde* value_ = nullptr;
  std::optional<std::string> separator_;
  std::optional<std::string> null_marker_;
  int32_t partition_ = -1;
  bool timestamp_in_line_ = false;
  std::optional<int64_t> timestamp_;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers_;
};

}  // namespace kstreamd

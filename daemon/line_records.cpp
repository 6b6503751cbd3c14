#include "daemon/line_records.h"

#include <charconv>

namespace kstreamd {
namespace {

Error wrong(const std::string& message, const std::string& hint) {
  return Error{Recovery::stop_topology, message, hint};
}

std::optional<int64_t> milliseconds(std::string_view text) {
  int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// What a user can type where a tab or line end is meant.
std::string unescaped(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 't' || text[i + 1] == '\\'))
      out += text[++i] == 't' ? '\t' : '\\';
    else
      out += text[i];
  }
  return out;
}

}  // namespace

Status LineFormat::make(const ProduceOptions& options, LineFormat& format, const ProcessorCatalog* catalog) {
  format = LineFormat();
  for (auto [name, serde] : {std::pair(&options.key, &format.key_), std::pair(&options.value, &format.value_)}) {
    auto found = serde_named(*name, catalog);
    if (!found) return std::move(found).error();
    *serde = *found;
  }
  if (options.key_separator) {
    if (options.key_separator->empty()) return wrong("--key-separator is empty", "write e.g. --key-separator :");
    format.separator_ = unescaped(*options.key_separator);
  }
  format.null_marker_ = options.null_marker;
  if (options.partition < -1) return wrong("--partition must not be negative", "partitions are numbered from 0");
  format.partition_ = options.partition;
  if (options.create && *options.create < 1) return wrong("--create needs at least one partition", "e.g. --create 4");
  if (options.timestamp) {
    format.timestamp_in_line_ = *options.timestamp == "line";
    format.timestamp_ = milliseconds(*options.timestamp);
    if (!format.timestamp_in_line_ && !format.timestamp_)
      return wrong("--timestamp=" + *options.timestamp + " is not a time",
                   "milliseconds since 1970; or --timestamp alone, when each line begins with its own");
  }
  for (const auto& header : options.headers) {
    const size_t equals = header.find('=');
    if (equals == std::string::npos || equals == 0)
      return wrong("--header " + header + " is not understood", "write --header NAME=VALUE");
    format.headers_.emplace_back(header.substr(0, equals), header.substr(equals + 1));
  }
  return {};
}

Result<std::optional<std::string>> LineFormat::bytes_of(const Serde& serde, std::string_view text) const {
  if (null_marker_ && text == *null_marker_) return std::optional<std::string>();
  auto bytes = bytes_of_text(serde, text);
  if (!bytes) return std::move(bytes).error();
  return std::optional(std::move(bytes).value());
}

Result<TextRecord> LineFormat::record_of(std::string_view line, int64_t now_ms) const {
  TextRecord record;
  record.partition = partition_;
  record.headers = headers_;
  record.timestamp = timestamp_.value_or(now_ms);
  if (timestamp_in_line_) {
    const std::string_view separator = separator_ ? std::string_view(*separator_) : "\t";
    const size_t at = line.find(separator);
    const auto time = milliseconds(line.substr(0, at));
    if (at == std::string_view::npos || !time)
      return wrong("it does not begin with a timestamp", "milliseconds since 1970, then the separator");
    record.timestamp = *time;
    line.remove_prefix(at + separator.size());
  }
  if (separator_) {
    const size_t at = line.find(*separator_);
    if (at == std::string_view::npos)
      return wrong("there is no key separator in it", "every line must be KEY" + *separator_ + "VALUE");
    auto key = bytes_of(*key_, line.substr(0, at));
    if (!key) return std::move(key).error().in("key");
    record.key = std::move(key).value();
    line.remove_prefix(at + separator_->size());
  }
  auto value = bytes_of(*value_, line);
  if (!value) return std::move(value).error().in("value");
  record.value = std::move(value).value();
  return record;
}

}  // namespace kstreamd

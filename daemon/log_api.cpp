#include "daemon/log_api.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/base/base64.h"
#include "daemon/json_text.h"
#include "daemon/real_clock.h"
#include "daemon/record_text.h"
#include "daemon/topic_client.h"

namespace kstreamd {
namespace {

using nlohmann::json;

constexpr Duration kTimeout = std::chrono::seconds(10);
constexpr int64_t kMaxWaitMs = 10'000;
constexpr int64_t kMaxRecords = 10'000;
constexpr size_t kMaxBytes = size_t{8} << 20;  // of one answer, about

ApiResponse bad_request(const std::string& message, const std::string& hint) {
  return error_response(400, "bad_request", message, hint);
}
ApiResponse failed(const Error& error) { return error_response(500, "log_failed", error.message, error.hint); }
ApiResponse no_topic(const std::string& topic) {
  return error_response(404, "unknown_topic", "there is no topic '" + topic + "'",
                        "it is made by the first record written to it, or by POST /api/v1/topics");
}

std::optional<int64_t> integer(const std::string& text) {
  int64_t value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (wrong != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Query parameters as numbers, within bounds; the first that is wrong is remembered.
class Query {
 public:
  explicit Query(const ApiRequest& request) : query_(request.query) {}
  std::string text(const std::string& name, const std::string& otherwise) const {
    auto found = query_.find(name);
    return found == query_.end() ? otherwise : found->second;
  }
  int64_t number(const std::string& name, int64_t otherwise, int64_t least, int64_t most) {
    auto found = query_.find(name);
    if (found == query_.end()) return otherwise;
    const auto value = integer(found->second);
    if (value && *value >= least && *value <= most) return *value;
    if (wrong_.empty())
      wrong_ = name + "=" + found->second + " must be a number from " + std::to_string(least) + " to " +
               std::to_string(most);
    return otherwise;
  }
  const std::string& wrong() const { return wrong_; }

 private:
  const std::map<std::string, std::string>& query_;
  std::string wrong_;
};

// Topic names as Kafka allows them.
bool legal_topic(const std::string& name) {
  if (name.empty() || name.size() > 249 || name == "." || name == "..") return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
         std::string::npos;
}

Result<std::optional<std::string>> header_value(const json& value) {
  if (value.is_null()) return std::optional<std::string>();
  if (value.is_string()) return std::optional(value.get<std::string>());
  if (value.is_object() && value.size() == 1 && value.contains("base64") && value["base64"].is_string())
    if (auto bytes = base64_decode(value["base64"].get_ref<const std::string&>())) return bytes;
  return Error{Recovery::stop_topology, "the value of a header is a string, null or {\"base64\": ...}", ""};
}

Result<TextRecord> record_of(const json& entry, const Serde& key, const Serde& value, int64_t now) {
  const auto wrong = [](const std::string& message) { return Error{Recovery::stop_topology, message, ""}; };
  if (!entry.is_object()) return wrong("a record is an object with value, key, partition, timestamp and headers");
  TextRecord record;
  record.timestamp = now;
  for (const auto& [name, part] : entry.items()) {
    if (name == "key" || name == "value") {
      auto bytes = bytes_of_json(name == "key" ? key : value, part.dump());
      if (!bytes) return std::move(bytes).error().in(name);
      (name == "key" ? record.key : record.value) = std::move(bytes).value();
    } else if (name == "partition") {
      if (!part.is_number_integer() || part < 0 || part > INT32_MAX) return wrong("partition must be a number from 0");
      record.partition = part.get<int32_t>();
    } else if (name == "timestamp") {
      if (!part.is_number_integer() || part < 0) return wrong("timestamp must be milliseconds since 1970");
      record.timestamp = part.get<int64_t>();
    } else if (name == "headers") {
      if (!part.is_array()) return wrong("headers must be a list of {\"key\", \"value\"}");
      for (const auto& header : part) {
        if (!header.is_object() || !header.contains("key") || !header["key"].is_string())
          return wrong("a header is {\"key\": TEXT, \"value\": TEXT}");
        auto bytes = header_value(header.value("value", json()));
        if (!bytes) return std::move(bytes).error();
        record.headers.emplace_back(header["key"].get<std::string>(), std::move(bytes).value());
      }
    } else {
      return wrong("unknown field '" + name + "'; there are key, value, partition, timestamp and headers");
    }
  }
  return record;
}

// A request must not make the daemon open files or ask other servers, as serdes with schemas do.
Result<const Serde*> serde_of_request(const std::string& name, const ProcessorCatalog* catalog) {
  if (!is_serde_spec(name)) return serde_named(name, catalog);
  const json spec = json::parse(name, nullptr, false);
  for (const char* kind : {"time_windowed", "session_windowed"})
    if (spec.is_object() && spec.contains(kind) && spec[kind].is_string() &&
        !is_serde_spec(spec[kind].get_ref<const std::string&>()))
      return serde_named(name, catalog);
  return Error{Recovery::stop_topology, "the serde " + name + " cannot be used over HTTP",
               "ask for bytes, and decode them where you are, as kstreamd consume --daemon does"};
}

struct Records {
  std::vector<TextRecord> records;
  std::optional<ApiResponse> refused;
};

Records records_of(const ApiRequest& request, const ProcessorCatalog* catalog) {
  const Query query(request);
  const auto refuse = [](ApiResponse response) { return Records{{}, std::move(response)}; };
  auto key = serde_of_request(query.text("key", "string"), catalog);
  if (!key) return refuse(bad_request(key.error().message, key.error().hint));
  auto value = serde_of_request(query.text("value", "string"), catalog);
  if (!value) return refuse(bad_request(value.error().message, value.error().hint));
  const json body = json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains("records") || !body["records"].is_array())
    return refuse(
        bad_request("the body must be {\"records\": [...]}", "e.g. {\"records\":[{\"key\":\"a\",\"value\":\"b\"}]}"));
  Records result;
  const int64_t now = RealClock().wall_ms();
  for (const auto& entry : body["records"]) {
    auto record = record_of(entry, **key, **value, now);
    if (!record)
      return refuse(bad_request("record " + std::to_string(result.records.size() + 1) + ": " + record.error().message,
                                record.error().hint));
    result.records.push_back(std::move(record).value());
  }
  return result;
}

}  // namespace

ApiResponse LogApi::handle(const ApiRequest& request) {
  const std::string rest = request.path.substr(std::string_view("/api/v1/topics").size());
  const bool get = request.method == "GET" || request.method == "HEAD";
  const bool post = request.method == "POST";
  if (!get && !post)
    return error_response(405, "method_not_allowed", "topics know GET and POST only", "use GET to read, POST to write");
  // A form of a web page cannot send this type without asking first.
  if (post && !request.content_type.starts_with("application/json"))
    return error_response(415, "content_type", "the body must be JSON", "send 'Content-Type: application/json'");
  if (rest.empty() || rest == "/") return get ? list() : create(request);
  if (rest.front() == '/') {
    constexpr std::string_view records = "/records";
    const bool of_records = rest.ends_with(records);
    const std::string topic = rest.substr(1, rest.size() - 1 - (of_records ? records.size() : 0));
    if (!legal_topic(topic))
      return bad_request("'" + topic + "' cannot be the name of a topic",
                         "1 to 249 letters, digits, dots, underscores and hyphens");
    if (of_records) return get ? read(request, topic) : write(request, topic);
    if (get) return describe(topic);
  }
  return error_response(404, "not_found", "there is no " + request.path, "see /api/v1/topics/NAME/records");
}

ApiResponse LogApi::list() {
  auto topics = log_.admin().list(kTimeout);
  if (!topics) return failed(topics.error());
  json list = json::array();
  for (const auto& topic : *topics) list.push_back({{"name", topic.name}, {"partitions", topic.partitions}});
  return {200, "application/json", json{{"topics", std::move(list)}}.dump() + "\n"};
}

ApiResponse LogApi::create(const ApiRequest& request) {
  const json body = json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains("name") || !body["name"].is_string() ||
      !legal_topic(body["name"].get_ref<const std::string&>()))
    return bad_request("the body must be {\"name\": TOPIC, \"partitions\": N}", "");
  const json partitions = body.value("partitions", json(default_partitions_));
  if (!partitions.is_number_integer() || partitions < 1 || partitions > 10'000)
    return bad_request("partitions must be a number from 1 to 10000", "");
  const TopicSpec spec{.name = body["name"], .partitions = partitions.get<int32_t>()};
  if (auto made = log_.admin().create({&spec, 1}, kTimeout); !made) return failed(made.error());
  return describe(spec.name);
}

ApiResponse LogApi::describe(const std::string& topic) {
  auto ranges = topic_ranges(log_, topic, kTimeout);
  if (!ranges) return failed(ranges.error());
  if (ranges->empty()) return no_topic(topic);
  json list = json::array();
  for (const auto& range : *ranges)
    list.push_back({{"partition", range.partition}, {"low", range.low}, {"high", range.high}});
  return {200, "application/json", json{{"name", topic}, {"partitions", std::move(list)}}.dump() + "\n"};
}

ApiResponse LogApi::read(const ApiRequest& request, const std::string& topic) {
  Query query(request);
  const auto partition = static_cast<int32_t>(query.number("partition", 0, 0, INT32_MAX));
  const int64_t max = query.number("max", 100, 1, kMaxRecords);
  const int64_t wait_ms = query.number("timeout", 0, 0, kMaxWaitMs);
  const std::string from = query.text("from", "beginning");
  const std::string isolation = query.text("read", "committed");
  auto key = serde_of_request(query.text("key", "string"), catalog_);
  if (!key) return bad_request(key.error().message, key.error().hint);
  auto value = serde_of_request(query.text("value", "string"), catalog_);
  if (!value) return bad_request(value.error().message, value.error().hint);
  if (!query.wrong().empty()) return bad_request(query.wrong(), "timeout is in milliseconds");
  if (isolation != "committed" && isolation != "uncommitted")
    return bad_request("read=" + isolation + " is unknown", "committed or uncommitted");

  auto ranges = topic_ranges(log_, topic, kTimeout);
  if (!ranges) return failed(ranges.error());
  if (ranges->empty()) return no_topic(topic);
  if (partition >= static_cast<int32_t>(ranges->size()))
    return error_response(404, "unknown_partition",
                          "topic '" + topic + "' has no partition " + std::to_string(partition),
                          "it has " + std::to_string(ranges->size()));
  const auto& range = (*ranges)[static_cast<size_t>(partition)];
  const auto asked = integer(from);
  if (from != "beginning" && from != "end" && (!asked || *asked < 0))
    return bad_request("from=" + from + " is not a place", "beginning, end or an offset");
  const int64_t start = from == "beginning" ? range.low : from == "end" ? range.high : std::max(*asked, range.low);

  auto reader = log_.make_reader(isolation == "committed");
  if (!reader) return failed(reader.error());
  if (auto assigned = (*reader)->assign(0, {topic, partition}, start); !assigned) return failed(assigned.error());

  std::string records;
  int64_t count = 0, next = start;
  bool at_end = false;
  const RealClock clock;
  const Duration deadline = clock.now() + std::chrono::milliseconds(wait_ms);
  std::vector<FetchedBatch> batches;
  // The first poll takes what is there; further ones wait while there is nothing.
  while (count < max && records.size() < kMaxBytes) {
    batches.clear();
    const Duration wait = count > 0 || at_end ? Duration(0) : std::max(Duration(0), deadline - clock.now());
    if (auto polled = (*reader)->poll(batches, static_cast<size_t>(max - count),
                                      std::min<Duration>(wait, std::chrono::milliseconds(100)));
        !polled)
      return failed(polled.error());
    at_end = false;
    for (const auto& batch : batches) {
      for (const auto& record : batch.records) {
        if (count == max || records.size() >= kMaxBytes) break;
        if (count++ > 0) records += ',';
        append_json_of_record(records, record, **key, **value);
        next = record.origin.offset + 1;
      }
      const bool whole = batch.records.empty() || batch.records.back().origin.offset < next;
      if (whole) next = std::max(next, batch.next_offset);
      at_end = batch.at_end && whole;
    }
    if ((count > 0 && (at_end || batches.empty())) || clock.now() >= deadline) break;
  }
  std::string body = "{\"topic\":";
  append_json_string(body, topic);
  body += ",\"partition\":" + std::to_string(partition) + ",\"low\":" + std::to_string(range.low) +
          ",\"high\":" + std::to_string(range.high) + ",\"next\":" + std::to_string(next) +
          ",\"at_end\":" + (at_end ? "true" : "false") + ",\"records\":[" + records + "]}\n";
  return {200, "application/json", std::move(body)};
}

ApiResponse LogApi::write(const ApiRequest& request, const std::string& topic) {
  auto [records, refused] = records_of(request, catalog_);
  if (refused) return *refused;
  auto ranges = topic_ranges(log_, topic, kTimeout);
  if (!ranges) return failed(ranges.error());
  if (ranges->empty()) {
    const TopicSpec spec{.name = topic, .partitions = default_partitions_};
    if (auto made = log_.admin().create({&spec, 1}, kTimeout); !made) return failed(made.error());
  }
  const size_t partitions = ranges->empty() ? static_cast<size_t>(default_partitions_) : ranges->size();
  for (const auto& record : records)
    if (record.partition >= static_cast<int32_t>(partitions))
      return bad_request("topic '" + topic + "' has no partition " + std::to_string(record.partition),
                         "it has " + std::to_string(partitions) + ", numbered from 0");
  if (auto written = write_all(topic, records); !written) return failed(written.error());
  return {200, "application/json", json{{"topic", topic}, {"written", records.size()}}.dump() + "\n"};
}

Status LogApi::write_all(const std::string& topic, const std::vector<TextRecord>& records) {
  std::lock_guard lock(mutex_);
  if (!producer_) {
    // Transactional, so that the records of a request are written all or not at all.
    auto made = log_.make_producer({.transactional_id = "kstreamd-http-api"});
    if (!made) return std::move(made).error();
    KSTREAMD_TRY((*made)->init(kTimeout));
    producer_ = std::move(made).value();
  }
  auto handle = handles_.find(topic);
  if (handle == handles_.end()) {
    auto opened = producer_->open_topic(topic, kTimeout);
    if (!opened) return std::move(opened).error();
    handle = handles_.emplace(topic, *opened).first;
  }
  Status done = producer_->begin();
  if (done) done = produce_all(*producer_, handle->second, records);
  if (done) done = producer_->commit();
  if (!done && !producer_->abort()) {
    producer_.reset();
    handles_.clear();
  }
  return done;
}

}  // namespace kstreamd

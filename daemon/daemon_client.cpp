#include "daemon/daemon_client.h"

#include <httplib.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/arena.h"
#include "core/base/base64.h"
#include "daemon/json_text.h"

namespace kstreamd {
namespace {

using nlohmann::json;

constexpr size_t kPostBytes = size_t{1} << 20;  // about one request
constexpr size_t kPostRecords = 5'000;

}  // namespace

class DaemonClient::Impl {
 public:
  Impl(const Address& daemon, const std::string& token) : daemon_(daemon), client_(daemon.host, daemon.port) {
    client_.set_connection_timeout(5);
    client_.set_read_timeout(60);
    client_.set_write_timeout(60);
    client_.set_keep_alive(true);
    client_.set_tcp_nodelay(true);
    if (!token.empty()) client_.set_bearer_token_auth(token.c_str());
  }

  Result<std::string> answer(const httplib::Result& result, int* status) {
    if (!result)
      return Error{Recovery::retry_topology,
                   "no daemon answers at " + daemon_.text() + ": " + httplib::to_string(result.error()),
                   "start one with 'kstreamd run', or say where it is with --daemon HOST:PORT"};
    if (status != nullptr) *status = result->status;
    if (result->status >= 200 && result->status < 300) return result->body;
    const json body = json::parse(result->body, nullptr, false);
    if (body.is_object() && body.contains("error") && body["error"].is_object())
      return Error{Recovery::stop_topology, body["error"].value("message", ""), body["error"].value("hint", "")};
    return Error{Recovery::stop_topology,
                 daemon_.text() + " answered with HTTP status " + std::to_string(result->status),
                 "is it a kstreamd daemon?"};
  }

  httplib::Client& client() { return client_; }

 private:
  const Address daemon_;
  httplib::Client client_;
};

DaemonClient::DaemonClient(const Address& daemon, const std::string& token)
    : impl_(std::make_unique<Impl>(daemon, token)) {}
DaemonClient::~DaemonClient() = default;

Result<std::string> DaemonClient::get(const std::string& path, int* status) {
  return impl_->answer(impl_->client().Get(path), status);
}

Result<std::string> DaemonClient::post(const std::string& path, const std::string& body) {
  return impl_->answer(impl_->client().Post(path, body, "application/json"), nullptr);
}

namespace {

// Records that came as JSON, with the bytes they are made of.
class JsonHold final : public BatchHold {
 public:
  Arena arena;
  std::string topic;
  std::vector<std::vector<Header>> headers;
};

class DaemonTopicClient final : public TopicClient {
 public:
  DaemonTopicClient(const Address& daemon, const std::string& token, const Clock& clock)
      : clock_(clock), http_(daemon, token) {}

  Status connect(Duration) override {
    auto answer = http_.get("/api/v1/topics");
    if (!answer) return std::move(answer).error();
    return {};
  }

  Result<std::vector<PartitionRange>> ranges(const std::string& topic) override {
    int status = 0;
    auto answer = http_.get("/api/v1/topics/" + topic, &status);
    if (!answer && status == 404) return std::vector<PartitionRange>();
    if (!answer) return std::move(answer).error();
    const json body = json::parse(*answer);
    std::vector<PartitionRange> ranges;
    for (const auto& entry : body.at("partitions"))
      ranges.push_back({entry.at("partition"), entry.at("low"), entry.at("high")});
    return ranges;
  }

  Status create(const std::string& topic, int32_t partitions) override {
    auto answer = http_.post("/api/v1/topics", json{{"name", topic}, {"partitions", partitions}}.dump());
    if (!answer) return std::move(answer).error();
    return {};
  }

  bool creates_topics() const override { return true; }

  Status write(const std::string& topic, std::span<const TextRecord> records) override {
    topic_ = topic;
    for (const auto& record : records) {
      append(record);
      if (pending_.size() >= kPostBytes || pending_records_ >= kPostRecords) KSTREAMD_TRY(finish());
    }
    return {};
  }

  Status finish() override {
    if (pending_records_ == 0) return {};
    auto answer =
        http_.post("/api/v1/topics/" + topic_ + "/records?key=bytes&value=bytes", "{\"records\":[" + pending_ + "]}");
    if (!answer) return std::move(answer).error();
    pending_.clear();
    pending_records_ = 0;
    return {};
  }

  Status start_reading(const std::string& topic, std::span<const ReadFrom> from, bool committed) override {
    topic_ = topic;
    from_.assign(from.begin(), from.end());
    committed_ = committed;
    return {};
  }

  Status poll(std::vector<FetchedBatch>& out, size_t max_records, Duration timeout) override {
    const Duration deadline = clock_.now() + timeout;
    const size_t before = out.size();
    // Each partition is asked once; where nothing came, the last one may wait a little, so as not to ask all the time.
    for (size_t i = 0; i < from_.size(); ++i) {
      const bool last = i + 1 == from_.size() && out.size() == before;
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock_.now()).count();
      KSTREAMD_TRY(read(i, out, max_records, last ? std::clamp<int64_t>(left, 0, 100) : 0));
    }
    return {};
  }

 private:
  void append(const TextRecord& record) {
    const auto part = [&](const char* name, const std::optional<std::string>& bytes) {
      pending_ += name;
      if (bytes)
        append_json_bytes(pending_, *bytes);
      else
        pending_ += "null";
    };
    pending_ += pending_records_++ > 0 ? "," : "";
    part("{\"key\":", record.key);
    part(",\"value\":", record.value);
    pending_ += ",\"timestamp\":" + std::to_string(record.timestamp);
    if (record.partition >= 0) pending_ += ",\"partition\":" + std::to_string(record.partition);
    if (!record.headers.empty()) {
      pending_ += ",\"headers\":[";
      for (size_t i = 0; i < record.headers.size(); ++i) {
        pending_ += i > 0 ? ",{\"key\":" : "{\"key\":";
        append_json_string(pending_, record.headers[i].first);
        part(",\"value\":", record.headers[i].second);
        pending_ += "}";
      }
      pending_ += "]";
    }
    pending_ += "}";
  }

  Status read(size_t slot, std::vector<FetchedBatch>& out, size_t max_records, int64_t wait_ms) {
    auto& from = from_[slot];
    auto answer = http_.get(
        "/api/v1/topics/" + topic_ + "/records?key=bytes&value=bytes&partition=" + std::to_string(from.partition) +
        "&from=" + std::to_string(from.offset) + "&max=" + std::to_string(std::min<size_t>(max_records, 10'000)) +
        "&timeout=" + std::to_string(wait_ms) + (committed_ ? "" : "&read=uncommitted"));
    if (!answer) return std::move(answer).error();
    const json body = json::parse(*answer);
    FetchedBatch batch;
    batch.slot = static_cast<int32_t>(slot);
    batch.next_offset = body.at("next");
    batch.at_end = body.at("at_end");
    auto hold = std::make_unique<JsonHold>();
    hold->topic = topic_;
    for (const auto& entry : body.at("records")) batch.records.push_back(record_of(entry, *hold));
    batch.hold = std::move(hold);
    from.offset = batch.next_offset;
    if (!batch.records.empty() || batch.at_end) out.push_back(std::move(batch));
    return {};
  }

  // Text as it is, {"base64"} decoded, null as a view without data.
  static std::string_view bytes_of(const json& value, Arena& arena) {
    if (value.is_string()) return arena.copy(value.get_ref<const std::string&>());
    if (!value.is_object()) return {};
    return arena.copy(base64_decode(value.value("base64", "")).value_or(""));
  }

  static FetchedRecord record_of(const json& entry, JsonHold& hold) {
    FetchedRecord record;
    const std::string_view key = bytes_of(entry.at("key"), hold.arena), value = bytes_of(entry.at("value"), hold.arena);
    record.origin.topic = hold.topic.data();
    record.origin.topic_size = static_cast<uint32_t>(hold.topic.size());
    record.origin.raw_key = key.data();
    record.origin.raw_key_size = static_cast<uint32_t>(key.size());
    record.origin.raw_value = value.data();
    record.origin.raw_value_size = static_cast<uint32_t>(value.size());
    record.origin.partition = entry.at("partition");
    record.origin.offset = entry.at("offset");
    record.timestamp = entry.at("timestamp");
    auto& headers = hold.headers.emplace_back();
    for (const auto& header : entry.at("headers")) {
      const std::string_view name = bytes_of(header.at("key"), hold.arena);
      const std::string_view bytes = bytes_of(header.at("value"), hold.arena);
      headers.push_back(
          {name.data(), bytes.data(), static_cast<uint32_t>(name.size()), static_cast<uint32_t>(bytes.size())});
    }
    record.headers = headers.data();
    record.header_count = static_cast<uint32_t>(headers.size());
    return record;
  }

  const Clock& clock_;
  DaemonClient http_;
  std::string topic_;
  std::string pending_;  // records of the next request, as JSON
  size_t pending_records_ = 0;
  std::vector<ReadFrom> from_;
  bool committed_ = true;
};

}  // namespace

std::unique_ptr<TopicClient> make_daemon_topic_client(const Address& daemon, const std::string& token,
                                                      const Clock& clock) {
  return std::make_unique<DaemonTopicClient>(daemon, token, clock);
}

}  // namespace kstreamd

#include "core/kafka/client.h"

#include <chrono>
#include <future>
#include <thread>

#include "core/base/log.h"
#include "core/kafka/errors.h"
#include "core/kafka/settings.h"

namespace kstreamd::kafka {
namespace {

// librdkafka can hang while it closes (several defects, fixed after 2.0.2 and in between); the daemon must not.
constexpr auto kCloseDeadline = std::chrono::seconds(10);

// syslog's levels. Lost connections are librdkafka's "errors": it goes on by itself, so for us they are warnings.
LogLevel level_of(int syslog_level) {
  if (syslog_level <= 2) return LogLevel::error;
  if (syslog_level <= 4) return LogLevel::warn;
  return syslog_level <= 6 ? LogLevel::info : LogLevel::debug;
}

void on_log(const rd_kafka_t* rk, int level, const char* facility, const char* text) {
  auto* context = static_cast<ClientContext*>(rd_kafka_opaque(rk));
  std::string_view fac(facility);
  // CONFWARN: each property given is handed to producers and consumers alike.
  LogLevel ours = fac == "CONFWARN" ? LogLevel::debug : level_of(level);
  if (context && (fac == "FAIL" || fac == "ERROR")) context->note(text);
  log(ours, text, {{"kafka_client", context ? context->role : ""}, {"facility", fac}});
}

void on_error(rd_kafka_t*, int err, const char* reason, void* opaque) {
  static_cast<ClientContext*>(opaque)->on_error(static_cast<rd_kafka_resp_err_t>(err), reason);
}

bool is_secret(const std::string& name) {
  for (const char* part : {"password", "secret", "key", "token", "jaas", "pem", "credential", "oauthbearer"})
    if (name.find(part) != std::string::npos) return true;
  return false;
}

Status set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char text[512];
  auto result = rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof text);
  if (result == RD_KAFKA_CONF_OK) return {};
  if (result == RD_KAFKA_CONF_UNKNOWN)
    return Error{Recovery::stop_topology, "kafka: there is no property '" + name + "'",
                 "the names are librdkafka's, see its CONFIGURATION.md"};
  // librdkafka's text repeats the value.
  return Error{Recovery::stop_topology, "kafka: " + (is_secret(name) ? "'" + name + "' has an unusable value" : text),
               ""};
}

}  // namespace

Status check_properties(const Properties& properties) {
  Handle<rd_kafka_conf_t> conf(rd_kafka_conf_new());
  for (const auto& [name, value] : properties) KSTREAMD_TRY(set(conf.get(), name, value));
  return {};
}

Result<Client> Client::make(rd_kafka_type_t type, const Properties& properties, std::shared_ptr<ClientContext> context,
                            const Configure& configure) {
  Handle<rd_kafka_conf_t> conf(rd_kafka_conf_new());
  for (const auto& [name, value] : properties) KSTREAMD_TRY(set(conf.get(), name, value));
  rd_kafka_conf_set_opaque(conf.get(), context.get());
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  rd_kafka_conf_set_error_cb(conf.get(), on_error);
  if (configure) configure(conf.get());
  char text[512];
  rd_kafka_t* rk = rd_kafka_new(type, conf.get(), text, sizeof text);
  if (!rk) return Error{Recovery::stop_topology, std::string("kafka: ") + text, "check the properties under kafka:"};
  conf.release();
  return Client(rk, std::move(context));
}

Client::~Client() {
  rd_kafka_t* rk = rk_.release();
  if (!rk) return;
  if (kept_) {
    new std::shared_ptr<ClientContext>(std::move(context_));  // its callbacks go on needing it
    return;
  }
  std::promise<void> promise;
  std::future<void> done = promise.get_future();
  // The context goes along: callbacks come until the very end.
  std::thread closer([rk, context = context_, promise = std::move(promise)]() mutable {
    rd_kafka_destroy(rk);
    promise.set_value();
  });
  if (done.wait_for(kCloseDeadline) == std::future_status::ready) {
    closer.join();
    return;
  }
  log(LogLevel::error, "librdkafka does not close; it is left behind", {{"kafka_client", context_->role}});
  closer.detach();
}

Result<OpenTopic> open_topic(Client& client, const Properties& properties, const std::string& name, Duration timeout) {
  auto found = find_topic(client, properties, name, timeout);
  if (!found) return std::move(found).error();
  if (!*found) return missing_topic(name);
  return std::move(**found);
}

Result<std::optional<OpenTopic>> find_topic(Client& client, const Properties& properties, const std::string& name,
                                            Duration timeout) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  OpenTopic result;
  result.topic.reset(rd_kafka_topic_new(client.get(), name.c_str(), nullptr));
  if (!result.topic) return plain_error(rd_kafka_last_error(), "open topic '" + name + "'");
  for (;;) {
    auto left = std::chrono::duration_cast<Duration>(deadline - std::chrono::steady_clock::now());
    const rd_kafka_metadata_t* raw = nullptr;
    auto err = rd_kafka_metadata(client.get(), 0, result.topic.get(), &raw, std::max(to_ms(left), 1));
    Handle<const rd_kafka_metadata_t> metadata(raw);
    if (is_unreachable(err)) {
      rd_kafka_poll(client.get(), 0);  // lets the error callback say why
      return unreachable(bootstrap(properties), client.context().last_error());
    }
    if (err) return plain_error(err, "metadata of topic '" + name + "'");
    const rd_kafka_metadata_topic_t* topic = metadata->topic_cnt == 1 ? &metadata->topics[0] : nullptr;
    if (!topic || topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return std::optional<OpenTopic>();
    bool led = !topic->err && topic->partition_cnt > 0;
    for (int i = 0; led && i < topic->partition_cnt; ++i) led = topic->partitions[i].leader >= 0;
    if (led) {
      result.partitions = topic->partition_cnt;
      return std::optional(std::move(result));
    }
    if (topic->err && topic->err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
      return plain_error(topic->err, "metadata of topic '" + name + "'");
    if (std::chrono::steady_clock::now() >= deadline)
      return Error{Recovery::retry_topology, "topic '" + name + "' has partitions without a leader",
                   "are all brokers up?"};
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace kstreamd::kafka

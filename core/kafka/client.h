// One librdkafka client: how it is configured, what it logs, how it ends. Internal to core/kafka.
#pragma once
#include <librdkafka/rdkafka.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/base/result.h"
#include "core/kafka/handles.h"

namespace kstreamd::kafka {

using Properties = std::map<std::string, std::string>;

// What librdkafka's callbacks need. It lives until the client is really gone, also when that takes longer than its
// owner waits. Thread safety: every function may be called from any thread.
class ClientContext {
 public:
  explicit ClientContext(std::string client_role) : role(std::move(client_role)) {}
  virtual ~ClientContext() = default;

  // The last thing that went wrong with a connection, for messages; empty if nothing did.
  std::string last_error() const {
    std::lock_guard lock(mutex_);
    return last_error_;
  }
  // From librdkafka's error callback.
  virtual void on_error(rd_kafka_resp_err_t code, const char* reason) {
    // "1/1 brokers are down" comes last, and says less than what came before.
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || last_error().empty()) note(reason);
  }
  void note(std::string error) {
    std::lock_guard lock(mutex_);
    last_error_ = std::move(error);
  }

  const std::string role;  // "producer", "member", ...: names the client in the log

 private:
  mutable std::mutex mutex_;
  std::string last_error_;  // guarded by mutex_
};

// Owns a rd_kafka_t. Objects made from it (topics, queues, lists) must be gone before it.
// Life-cycle: make, use, destructor. The destructor waits for librdkafka's threads, but not for ever: see
// kCloseDeadline.
class Client {
 public:
  using Configure = std::function<void(rd_kafka_conf_t*)>;

  // `configure` registers what properties cannot say (events, interceptors, callbacks); the opaque is the context.
  static Result<Client> make(rd_kafka_type_t type, const Properties& properties, std::shared_ptr<ClientContext> context,
                             const Configure& configure = {});
  Client(Client&& other) noexcept = default;
  Client& operator=(Client&& other) = delete;
  ~Client();

  // Stays when this object goes: what librdkafka cannot end without ending the process.
  void keep_for_good() { kept_ = true; }

  rd_kafka_t* get() const { return rk_.get(); }
  ClientContext& context() const { return *context_; }

 private:
  struct Released {
    void operator()(rd_kafka_t*) const {}  // the destructor does it, in another thread
  };
  Client(rd_kafka_t* rk, std::shared_ptr<ClientContext> context) : rk_(rk), context_(std::move(context)) {}

  std::unique_ptr<rd_kafka_t, Released> rk_;
  std::shared_ptr<ClientContext> context_;
  bool kept_ = false;
};

// Whether librdkafka knows the properties and takes their values.
Status check_properties(const Properties& properties);

// What a topic looks like to a client that is going to use it. Kept by the client's owner, so that librdkafka goes on
// knowing where the partitions are.
struct OpenTopic {
  Handle<rd_kafka_topic_t> topic;
  int32_t partitions = 0;
};

// Learns a topic's partitions before the first use: librdkafka would otherwise find out by a timer, a second later.
// Waits for partitions that have no leader yet; a missing topic is an error that names it.
Result<OpenTopic> open_topic(Client& client, const Properties& properties, const std::string& name, Duration timeout);
// The same for a topic that may be missing: nothing then.
Result<std::optional<OpenTopic>> find_topic(Client& client, const Properties& properties, const std::string& name,
                                            Duration timeout);

}  // namespace kstreamd::kafka

#include "core/kafka/admin.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/kafka/errors.h"
#include "core/kafka/settings.h"

namespace kstreamd::kafka {
namespace {

using Steady = std::chrono::steady_clock;

// What is left until the deadline, never so little that librdkafka would not even ask.
int left_ms(Steady::time_point deadline) {
  return std::max(to_ms(std::chrono::duration_cast<Duration>(deadline - Steady::now())), 1);
}

std::string quoted(const std::string& topic) { return "topic '" + topic + "'"; }

}  // namespace

KafkaAdmin::KafkaAdmin(Properties user) : properties_(admin_properties(user)) {}

Result<Client*> KafkaAdmin::client() {
  std::lock_guard lock(mutex_);
  if (!client_) {
    auto made = Client::make(RD_KAFKA_CONSUMER, properties_, std::make_shared<ClientContext>("admin"));
    if (!made) return std::move(made).error();
    client_.emplace(std::move(made).value());
  }
  return &*client_;
}

Error KafkaAdmin::failed(Client& client, rd_kafka_resp_err_t code, const std::string& what, const std::string& detail) {
  rd_kafka_poll(client.get(), 0);  // lets the error callback say why
  if (is_unreachable(code)) return unreachable(bootstrap(properties_), client.context().last_error());
  return plain_error(code, what, detail);
}

Result<std::string> KafkaAdmin::cluster_id(Duration timeout) {
  auto c = client();
  if (!c) return std::move(c).error();
  char* id = rd_kafka_clusterid((*c)->get(), std::max(to_ms(timeout), 1));
  if (!id) return failed(**c, RD_KAFKA_RESP_ERR__TRANSPORT, "cluster id");
  std::string copy(id);
  rd_kafka_mem_free((*c)->get(), id);
  return copy;
}

Result<TopicInfo> KafkaAdmin::describe_one(Client& client, const std::string& topic, Deadline deadline, bool& led) {
  Handle<rd_kafka_topic_t> handle(rd_kafka_topic_new(client.get(), topic.c_str(), nullptr));
  if (!handle) return failed(client, rd_kafka_last_error(), quoted(topic));
  const rd_kafka_metadata_t* raw = nullptr;
  auto err = rd_kafka_metadata(client.get(), 0, handle.get(), &raw, left_ms(deadline));
  Handle<const rd_kafka_metadata_t> metadata(raw);
  if (err) return failed(client, err, quoted(topic));
  TopicInfo info;
  info.name = topic;
  led = false;
  if (metadata->topic_cnt != 1) return info;
  const auto& found = metadata->topics[0];
  if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return info;
  if (found.err && found.err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) return failed(client, found.err, quoted(topic));
  info.exists = true;
  info.partitions = found.partition_cnt;
  led = !found.err && found.partition_cnt > 0 &&
        std::all_of(found.partitions, found.partitions + found.partition_cnt, [](auto& p) { return p.leader >= 0; });
  return info;
}

Result<std::vector<TopicInfo>> KafkaAdmin::describe(std::span<const std::string> topics, Duration timeout) {
  auto c = client();
  if (!c) return std::move(c).error();
  auto deadline = Steady::now() + timeout;
  std::vector<TopicInfo> infos;
  bool led;
  for (const auto& topic : topics) {
    auto info = describe_one(**c, topic, deadline, led);
    if (!info) return std::move(info).error();
    infos.push_back(std::move(info).value());
  }
  return infos;
}

Result<std::vector<TopicInfo>> KafkaAdmin::list(Duration timeout) {
  auto c = client();
  if (!c) return std::move(c).error();
  const rd_kafka_metadata_t* raw = nullptr;
  auto err = rd_kafka_metadata((*c)->get(), 1, nullptr, &raw, std::max(to_ms(timeout), 1));
  Handle<const rd_kafka_metadata_t> metadata(raw);
  if (err) return failed(**c, err, "list topics");
  std::vector<TopicInfo> infos;
  for (int i = 0; i < metadata->topic_cnt; ++i)
    infos.push_back({metadata->topics[i].topic, true, metadata->topics[i].partition_cnt});
  return infos;
}

Result<KafkaAdmin::Request> KafkaAdmin::request(Client& client, rd_kafka_admin_op_t op, Deadline deadline) {
  Request r;
  r.options.reset(rd_kafka_AdminOptions_new(client.get(), op));
  r.queue.reset(rd_kafka_queue_new(client.get()));
  char text[256];
  if (auto err = rd_kafka_AdminOptions_set_request_timeout(r.options.get(), left_ms(deadline), text, sizeof text))
    return plain_error(err, "admin request", text);
  return r;
}

Result<Handle<rd_kafka_event_t>> KafkaAdmin::answer(Client& client, Request& request, const std::string& what,
                                                    Deadline deadline) {
  // A little more than the request itself has, so that its own time-out tells the cause.
  Handle<rd_kafka_event_t> event(rd_kafka_queue_poll(request.queue.get(), left_ms(deadline) + 1000));
  if (!event) return failed(client, RD_KAFKA_RESP_ERR__TIMED_OUT, what);
  if (auto err = rd_kafka_event_error(event.get()))
    return failed(client, err, what, rd_kafka_event_error_string(event.get()));
  return event;
}

Status KafkaAdmin::create(std::span<const TopicSpec> topics, Duration timeout) {
  if (topics.empty()) return {};
  auto c = client();
  if (!c) return std::move(c).error();
  auto deadline = Steady::now() + timeout;
  std::vector<Handle<rd_kafka_NewTopic_t>> specs;
  std::vector<rd_kafka_NewTopic_t*> pointers;
  char text[512];
  for (const auto& topic : topics) {
    specs.emplace_back(
        rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, topic.replication_factor, text, sizeof text));
    if (!specs.back()) return plain_error(RD_KAFKA_RESP_ERR__INVALID_ARG, "create " + quoted(topic.name), text);
    for (const auto& [name, value] : topic.configs)
      rd_kafka_NewTopic_set_config(specs.back().get(), name.c_str(), value.c_str());
    pointers.push_back(specs.back().get());
  }
  auto r = request(**c, RD_KAFKA_ADMIN_OP_CREATETOPICS, deadline);
  if (!r) return std::move(r).error();
  rd_kafka_CreateTopics((*c)->get(), pointers.data(), pointers.size(), r->options.get(), r->queue.get());
  auto event = answer(**c, *r, "create " + quoted(topics.front().name), deadline);
  if (!event) return std::move(event).error();
  size_t count;
  const auto** results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event->get()), &count);
  for (size_t i = 0; i < count; ++i) {
    auto err = rd_kafka_topic_result_error(results[i]);
    if (err && err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      const char* detail = rd_kafka_topic_result_error_string(results[i]);
      return failed(**c, err, "create " + quoted(rd_kafka_topic_result_name(results[i])), detail ? detail : "");
    }
  }
  return await_usable(**c, topics, deadline);
}

// A topic is created by the controller; the broker that is asked next may not have heard of it, and one that leads a
// partition may not know that yet. A producer must not be the first to find out: when its first batch is refused and
// its second taken, the broker takes the first one, sent again, for a duplicate, and it is lost (idempotence without
// transactions).
Status KafkaAdmin::await_usable(Client& client, std::span<const TopicSpec> topics, Deadline deadline) {
  for (const auto& topic : topics)
    for (;;) {
      bool led = false;
      auto info = describe_one(client, topic.name, deadline, led);
      if (!info) return std::move(info).error();
      for (int32_t p = 0; led && p < info->partitions; ++p)
        KSTREAMD_TRY(watermarks({topic.name, p}, std::chrono::milliseconds(left_ms(deadline))));
      if (led) break;
      if (Steady::now() >= deadline)
        return Error{Recovery::retry_topology, quoted(topic.name) + " was created, but has no leader yet",
                     "are all brokers up?"};
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  return {};
}

Status KafkaAdmin::remove(std::span<const std::string> topics, Duration timeout) {
  if (topics.empty()) return {};
  auto c = client();
  if (!c) return std::move(c).error();
  auto deadline = Steady::now() + timeout;
  std::vector<Handle<rd_kafka_DeleteTopic_t>> wishes;
  std::vector<rd_kafka_DeleteTopic_t*> pointers;
  for (const auto& topic : topics) {
    wishes.emplace_back(rd_kafka_DeleteTopic_new(topic.c_str()));
    pointers.push_back(wishes.back().get());
  }
  auto r = request(**c, RD_KAFKA_ADMIN_OP_DELETETOPICS, deadline);
  if (!r) return std::move(r).error();
  rd_kafka_DeleteTopics((*c)->get(), pointers.data(), pointers.size(), r->options.get(), r->queue.get());
  auto event = answer(**c, *r, "remove " + quoted(topics.front()), deadline);
  if (!event) return std::move(event).error();
  size_t count;
  const auto** results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event->get()), &count);
  for (size_t i = 0; i < count; ++i) {
    auto err = rd_kafka_topic_result_error(results[i]);
    if (err && err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
      return failed(**c, err, "remove " + quoted(rd_kafka_topic_result_name(results[i])));
  }
  return await_gone(**c, topics, deadline);
}

Status KafkaAdmin::await_gone(Client& client, std::span<const std::string> topics, Deadline deadline) {
  for (const auto& topic : topics)
    for (;;) {
      bool led = false;
      auto info = describe_one(client, topic, deadline, led);
      if (!info) return std::move(info).error();
      if (!info->exists) break;
      if (Steady::now() >= deadline)
        return Error{Recovery::retry_topology, quoted(topic) + " is still there after it was removed", ""};
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  return {};
}

Result<std::map<std::string, std::string>> KafkaAdmin::configs(const std::string& topic, Duration timeout) {
  auto c = client();
  if (!c) return std::move(c).error();
  auto deadline = Steady::now() + timeout;
  auto r = request(**c, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, deadline);
  if (!r) return std::move(r).error();
  Handle<rd_kafka_ConfigResource_t> resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  rd_kafka_ConfigResource_t* pointer = resource.get();
  rd_kafka_DescribeConfigs((*c)->get(), &pointer, 1, r->options.get(), r->queue.get());
  auto event = answer(**c, *r, "configs of " + quoted(topic), deadline);
  if (!event) return std::move(event).error();
  size_t count;
  const auto** results =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event->get()), &count);
  std::map<std::string, std::string> configs;
  for (size_t i = 0; i < count; ++i) {
    auto err = rd_kafka_ConfigResource_error(results[i]);
    if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return missing_topic(topic);
    if (err) return failed(**c, err, "configs of " + quoted(topic));
    size_t entries;
    const auto** list = rd_kafka_ConfigResource_configs(results[i], &entries);
    for (size_t e = 0; e < entries; ++e)
      if (const char* value = rd_kafka_ConfigEntry_value(list[e])) configs[rd_kafka_ConfigEntry_name(list[e])] = value;
  }
  return configs;
}

Result<Admin::Watermarks> KafkaAdmin::watermarks(const TopicPartition& partition, Duration timeout) {
  auto c = client();
  if (!c) return std::move(c).error();
  Watermarks w;
  rd_kafka_resp_err_t err;
  // A partition just made, or just moved, may have its leader elsewhere than the client believes for a moment.
  for (const auto deadline = Steady::now() + timeout;;) {
    err = rd_kafka_query_watermark_offsets((*c)->get(), partition.topic.c_str(), partition.partition, &w.low, &w.high,
                                           std::max(to_ms(timeout), 1));
    const bool leaderless =
        err == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    if (!leaderless || Steady::now() > deadline) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
    return missing_topic(partition.topic);
  if (err) return failed(**c, err, "watermarks of " + partition.text());
  return w;
}

Status KafkaAdmin::delete_records(std::span<const PartitionOffset> before, Duration timeout) {
  if (before.empty()) return {};
  auto c = client();
  if (!c) return std::move(c).error();
  auto deadline = Steady::now() + timeout;
  auto list = make_list(static_cast<int>(before.size()));
  for (const auto& b : before)
    rd_kafka_topic_partition_list_add(list.get(), b.partition.topic.c_str(), b.partition.partition)->offset = b.offset;
  auto r = request(**c, RD_KAFKA_ADMIN_OP_DELETERECORDS, deadline);
  if (!r) return std::move(r).error();
  Handle<rd_kafka_DeleteRecords_t> wish(rd_kafka_DeleteRecords_new(list.get()));
  rd_kafka_DeleteRecords_t* pointer = wish.get();
  rd_kafka_DeleteRecords((*c)->get(), &pointer, 1, r->options.get(), r->queue.get());
  auto event = answer(**c, *r, "delete records of " + before.front().partition.text(), deadline);
  if (!event) return std::move(event).error();
  const auto* results = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event->get()));
  for (int i = 0; i < results->cnt; ++i)
    if (auto err = results->elems[i].err)
      return failed(**c, err,
                    "delete records of " + TopicPartition{results->elems[i].topic, results->elems[i].partition}.text());
  return {};
}

}  // namespace kstreamd::kafka

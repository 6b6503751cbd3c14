// The part of KafkaAdmin that looks at groups, and changes what they have committed, from outside.
#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "core/kafka/admin.h"
#include "core/kafka/errors.h"
#include "core/kafka/group_token.h"
#include "core/kafka/settings.h"

namespace kstreamd::kafka {
namespace {

using Steady = std::chrono::steady_clock;

constexpr auto kPause = std::chrono::milliseconds(50);

std::string quoted_group(const std::string& group) { return "group '" + group + "'"; }

// The group's coordinator is being found, or has just moved.
bool passes(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
         code == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE || code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
}

// The group has members.
bool is_in_use(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID || code == RD_KAFKA_RESP_ERR_GROUP_SUBSCRIBED_TO_TOPIC ||
         code == RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP || code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
         code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

Error in_use(const std::string& group) {
  return {Recovery::stop_topology, quoted_group(group) + " has members, so that its offsets cannot be set",
          "stop all of them first"};
}

PartitionList partition_list(std::span<const TopicPartition> partitions) {
  auto list = make_list(static_cast<int>(partitions.size()));
  for (const auto& p : partitions) rd_kafka_topic_partition_list_add(list.get(), p.topic.c_str(), p.partition);
  return list;
}

std::string text_or_empty(const char* text) { return text ? text : ""; }

// A broker writes addresses as Java does: "/127.0.0.1".
std::string host_text(const char* text) { return text_or_empty(text && *text == '/' ? text + 1 : text); }

// The first error in the results of a request about one group.
rd_kafka_resp_err_t error_in(const rd_kafka_group_result_t** results, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (const auto* error = rd_kafka_group_result_error(results[i])) return rd_kafka_error_code(error);
    const auto* partitions = rd_kafka_group_result_partitions(results[i]);
    for (int p = 0; partitions && p < partitions->cnt; ++p)
      if (auto err = partitions->elems[p].err) return err;
  }
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

// Asks until the answer is not that it is too early.
template <typename Ask>
rd_kafka_resp_err_t ask_patiently(Steady::time_point deadline, const Ask& ask) {
  for (;;) {
    const rd_kafka_resp_err_t err = ask();
    if (!passes(err) || Steady::now() >= deadline) return err;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

Result<std::optional<int64_t>> KafkaAdmin::offset_at(const TopicPartition& partition, int64_t timestamp_ms,
                                                     Duration timeout) {
  auto c = client();
  if (!c) return std::move(c).error();
  auto list = partition_list({&partition, 1});
  list->elems[0].offset = timestamp_ms;
  auto err = rd_kafka_offsets_for_times((*c)->get(), list.get(), std::max(to_ms(timeout), 1));
  if (!err) err = list->elems[0].err;
  if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
    return missing_topic(partition.topic);
  if (err) return failed(**c, err, "offset by time of " + partition.text());
  const int64_t offset = list->elems[0].offset;
  return offset < 0 ? std::optional<int64_t>() : std::optional(offset);
}

Result<std::vector<GroupMemberInfo>> KafkaAdmin::group_members(const std::string& group, Duration timeout) {
  auto c = client();
  if (!c) return std::move(c).error();
  const auto deadline = Steady::now() + timeout;
  std::vector<GroupMemberInfo> members;
  Status asked;
  const auto err = ask_patiently(deadline, [&] {
    members.clear();
    auto r = request(**c, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, deadline);
    if (!r) return asked = std::move(r).error(), RD_KAFKA_RESP_ERR_NO_ERROR;
    const char* name = group.c_str();
    rd_kafka_DescribeConsumerGroups((*c)->get(), &name, 1, r->options.get(), r->queue.get());
    auto event = answer(**c, *r, "members of " + quoted_group(group), deadline);
    if (!event) return asked = std::move(event).error(), RD_KAFKA_RESP_ERR_NO_ERROR;
    size_t count;
    const auto** groups = rd_kafka_DescribeConsumerGroups_result_groups(
        rd_kafka_event_DescribeConsumerGroups_result(event->get()), &count);
    for (size_t i = 0; i < count; ++i) {
      const auto* error = rd_kafka_ConsumerGroupDescription_error(groups[i]);
      if (error && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
        return rd_kafka_error_code(error);
      for (size_t m = 0; !error && m < rd_kafka_ConsumerGroupDescription_member_count(groups[i]); ++m) {
        const auto* member = rd_kafka_ConsumerGroupDescription_member(groups[i], m);
        members.push_back({text_or_empty(rd_kafka_MemberDescription_group_instance_id(member)),
                           text_or_empty(rd_kafka_MemberDescription_consumer_id(member)),
                           text_or_empty(rd_kafka_MemberDescription_client_id(member)),
                           host_text(rd_kafka_MemberDescription_host(member))});
      }
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  });
  if (!asked) return std::move(asked).error();
  if (err) return failed(**c, err, "members of " + quoted_group(group));
  return members;
}

Result<std::vector<PartitionOffset>> KafkaAdmin::group_offsets(const std::string& group,
                                                               std::span<const TopicPartition> partitions,
                                                               Duration timeout) {
  std::vector<PartitionOffset> offsets;
  if (partitions.empty()) return offsets;
  auto c = client();
  if (!c) return std::move(c).error();
  const auto deadline = Steady::now() + timeout;
  Status asked;
  const auto err = ask_patiently(deadline, [&] {
    offsets.clear();
    auto r = request(**c, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, deadline);
    if (!r) return asked = std::move(r).error(), RD_KAFKA_RESP_ERR_NO_ERROR;
    auto list = partition_list(partitions);
    Handle<rd_kafka_ListConsumerGroupOffsets_t> wish(rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), list.get()));
    rd_kafka_ListConsumerGroupOffsets_t* pointer = wish.get();
    rd_kafka_ListConsumerGroupOffsets((*c)->get(), &pointer, 1, r->options.get(), r->queue.get());
    auto event = answer(**c, *r, "offsets of " + quoted_group(group), deadline);
    if (!event) return asked = std::move(event).error(), RD_KAFKA_RESP_ERR_NO_ERROR;
    size_t count;
    const auto** results = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event->get()), &count);
    if (auto error = error_in(results, count)) return error;
    for (size_t i = 0; i < count; ++i) {
      const auto* found = rd_kafka_group_result_partitions(results[i]);
      for (int p = 0; found && p < found->cnt; ++p) {
        const auto& e = found->elems[p];
        PartitionOffset& o = offsets.emplace_back();
        o.partition = {e.topic, e.partition};
        o.offset = e.offset >= 0 ? e.offset : -1;
        if (e.metadata) o.metadata.assign(static_cast<const char*>(e.metadata), e.metadata_size);
      }
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  });
  if (!asked) return std::move(asked).error();
  if (err) return failed(**c, err, "offsets of " + quoted_group(group));
  return offsets;
}

Status KafkaAdmin::set_group_offsets(const std::string& group, std::span<const PartitionOffset> offsets,
                                     Duration timeout) {
  auto c = client();
  if (!c) return std::move(c).error();
  const auto deadline = Steady::now() + timeout;
  std::vector<PartitionOffset> set, forgotten;
  for (const auto& offset : offsets) (offset.offset < 0 ? forgotten : set).push_back(offset);
  if (!set.empty()) KSTREAMD_TRY(alter_offsets(**c, group, set, deadline));
  if (!forgotten.empty()) KSTREAMD_TRY(delete_offsets(**c, group, forgotten, deadline));
  return {};
}

Status KafkaAdmin::alter_offsets(Client& client, const std::string& group, std::span<const PartitionOffset> offsets,
                                 Deadline deadline) {
  Status asked;
  const auto err = ask_patiently(deadline, [&] {
    auto r = request(client, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, deadline);
    if (!r) return asked = std::move(r).error(), RD_KAFKA_RESP_ERR_NO_ERROR;
    auto list = make_offsets(offsets);
    Handle<rd_kafka_AlterConsumerGroupOffsets_t> wish(
        rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), list.get()));
    rd_kafka_AlterConsumerGroupOffsets_t* pointer = wish.get();
    rd_kafka_AlterConsumerGroupOffsets(client.get(), &pointer, 1, r->options.get(), r->queue.get());
    auto event = answer(client, *r, "set offsets of " + quoted_group(group), deadline);
    if (!event) return asked = std::move(event).error(), RD_KAFKA_RESP_ERR_NO_ERROR;
    size_t count;
    const auto** results = rd_kafka_AlterConsumerGroupOffsets_result_groups(
        rd_kafka_event_AlterConsumerGroupOffsets_result(event->get()), &count);
    return error_in(results, count);
  });
  if (!asked) return asked;
  if (is_in_use(err)) return in_use(group);
  return err ? failed(client, err, "set offsets of " + quoted_group(group)) : Status();
}

Status KafkaAdmin::delete_offsets(Client& client, const std::string& group, std::span<const PartitionOffset> offsets,
                                  Deadline deadline) {
  Status asked;
  const auto err = ask_patiently(deadline, [&] {
    auto r = request(client, RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS, deadline);
    if (!r) return asked = std::move(r).error(), RD_KAFKA_RESP_ERR_NO_ERROR;
    auto list = make_offsets(offsets);
    Handle<rd_kafka_DeleteConsumerGroupOffsets_t> wish(
        rd_kafka_DeleteConsumerGroupOffsets_new(group.c_str(), list.get()));
    rd_kafka_DeleteConsumerGroupOffsets_t* pointer = wish.get();
    rd_kafka_DeleteConsumerGroupOffsets(client.get(), &pointer, 1, r->options.get(), r->queue.get());
    auto event = answer(client, *r, "forget offsets of " + quoted_group(group), deadline);
    if (!event) return asked = std::move(event).error(), RD_KAFKA_RESP_ERR_NO_ERROR;
    size_t count;
    const auto** results = rd_kafka_DeleteConsumerGroupOffsets_result_groups(
        rd_kafka_event_DeleteConsumerGroupOffsets_result(event->get()), &count);
    return error_in(results, count);
  });
  if (!asked) return asked;
  if (is_in_use(err)) return in_use(group);
  // No such group has no offsets either.
  if (!err || err == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) return {};
  return failed(client, err, "forget offsets of " + quoted_group(group));
}

// librdkafka has no request for it. A consumer that joins under the member's instance id takes its place, and gives it
// up by unsubscribing: closing would keep it.
Status KafkaAdmin::expel(const GroupConfig& member, Duration timeout) {
  const auto deadline = Steady::now() + timeout;
  const auto is_there = [&]() -> Result<bool> {
    auto members = group_members(member.group_id, std::max<Duration>(timeout, std::chrono::seconds(1)));
    if (!members) return std::move(members).error();
    return std::any_of(members->begin(), members->end(),
                       [&](const auto& m) { return m.instance_id == member.instance_id; });
  };
  auto there = is_there();
  if (!there) return std::move(there).error();
  if (!*there) return {};

  auto made =
      Client::make(RD_KAFKA_CONSUMER, member_properties(properties_, member), std::make_shared<ClientContext>("expel"),
                   [](rd_kafka_conf_t* conf) { rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE); });
  if (!made) return std::move(made).error();
  rd_kafka_t* consumer = made->get();
  rd_kafka_poll_set_consumer(consumer);
  Handle<rd_kafka_queue_t> queue(rd_kafka_queue_get_consumer(consumer));
  auto topics = make_list();
  rd_kafka_topic_partition_list_add(topics.get(), member.topic.c_str(), RD_KAFKA_PARTITION_UA);
  if (auto err = rd_kafka_subscribe(consumer, topics.get()))
    return plain_error(err, "subscribe to '" + member.topic + "'");
  for (bool joined = false; Steady::now() < deadline;) {
    Handle<rd_kafka_event_t> event(rd_kafka_queue_poll(queue.get(), static_cast<int>(kPause.count())));
    if (event && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE) {
      const auto* partitions = rd_kafka_event_topic_partition_list(event.get());
      const bool assigned = rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
      Handle<rd_kafka_error_t> ignored(assigned ? rd_kafka_incremental_assign(consumer, partitions)
                                                : rd_kafka_incremental_unassign(consumer, partitions));
      if (assigned && !joined) {
        joined = true;
        rd_kafka_unsubscribe(consumer);
      }
    } else if (joined) {
      there = is_there();
      if (!there) return std::move(there).error();
      if (!*there) return {};
    }
  }
  return Error{Recovery::retry_topology,
               "the member " + member.instance_id + " of " + quoted_group(member.group_id) + " did not go in time",
               "stop it, and wait until its session has ended (session.timeout.ms, 30 s by default)"};
}

}  // namespace kstreamd::kafka

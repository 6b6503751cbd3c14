#include "core/kafka/settings.h"

#include "core/kafka/memory.h"

namespace kstreamd::kafka {
namespace {

Properties layered(Properties tuning, const Properties& user, const Properties& required) {
  for (const auto& [name, value] : user) tuning[name] = value;
  for (const auto& [name, value] : required) tuning[name] = value;
  return tuning;
}

// Why these: docs/adr/0101-kafka-client-settings.md.
Properties common_tuning() {
  return {
      {"client.id", "kstreamd"},
      {"socket.nagle.disable", "true"},
      {"retry.backoff.ms", "10"},
      {"reconnect.backoff.max.ms", "1000"},
  };
}

}  // namespace

Properties admin_properties(const Properties& user) {
  // read_uncommitted: a watermark query answers with the high watermark, not with the last stable offset.
  return layered(common_tuning(), user, {{"isolation.level", "read_uncommitted"}});
}

Properties member_properties(const Properties& user, const GroupConfig& config) {
  Properties tuning = common_tuning();
  tuning["session.timeout.ms"] = "30000";
  tuning["heartbeat.interval.ms"] = "1000";
  Properties all = layered(std::move(tuning), user,
                           {{"group.id", config.group_id},
                            {"partition.assignment.strategy", "cooperative-sticky"},
                            {"isolation.level", "read_committed"},
                            {"enable.auto.commit", "false"},
                            {"enable.auto.offset.store", "false"},
                            {"auto.offset.reset", "earliest"}});
  all.erase("group.instance.id");
  if (!config.instance_id.empty()) all["group.instance.id"] = config.instance_id;
  return all;
}

Properties source_properties(const Properties& user, const std::string& group_id, bool committed_only, bool bulk,
                             uint64_t memory) {
  Properties tuning = common_tuning();
  tuning["fetch.wait.max.ms"] = "50";
  bound_fetch_queue(tuning, user, memory, bulk ? 4 << 20 : 1 << 20);
  Properties all = layered(std::move(tuning), user,
                           {{"group.id", group_id},
                            {"isolation.level", committed_only ? "read_committed" : "read_uncommitted"},
                            {"enable.partition.eof", "true"},
                            {"enable.auto.commit", "false"},
                            {"enable.auto.offset.store", "false"},
                            {"auto.offset.reset", "error"}});
  all.erase("group.instance.id");
  return all;
}

Properties producer_properties(const Properties& user, const std::string& transactional_id, uint64_t memory) {
  Properties tuning = common_tuning();
  bound_producer_queue(tuning, user, memory);
  if (!transactional_id.empty()) tuning["transaction.timeout.ms"] = "10000";
  Properties all = layered(std::move(tuning), user,
                           {{"enable.idempotence", "true"},
                            {"partitioner", "murmur2_random"},
                            {"delivery.report.only.error", "true"},
                            {"allow.auto.create.topics", "false"}});
  all.erase("transactional.id");
  if (!transactional_id.empty()) all["transactional.id"] = transactional_id;
  return all;
}

std::string bootstrap(const Properties& properties) {
  for (const char* name : {"bootstrap.servers", "metadata.broker.list"})
    if (auto it = properties.find(name); it != properties.end()) return it->second;
  return "(no bootstrap.servers)";
}

}  // namespace kstreamd::kafka

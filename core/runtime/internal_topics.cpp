#include "core/runtime/internal_topics.h"

#include <algorithm>
#include <utility>

#include "core/base/log.h"

namespace kstreamd {
namespace {

constexpr Duration request_timeout = std::chrono::seconds(5);

// For how long a changelog keeps rows that have expired: stream time runs behind the clock.
constexpr std::chrono::milliseconds changelog_reserve = std::chrono::hours(24);

void choose(InternalTopic& topic, const TopicConfigs& chosen) {
  for (const auto& [name, value] : chosen) {
    topic.spec.configs[name] = value;
    if (topic.wanted) topic.wanted->asked.insert(name);
  }
}

InternalTopic changelog_topic(const Store& store, int32_t partitions, const RuntimeOptions& options) {
  InternalTopic topic{{store.changelog_topic,
                       partitions,
                       options.internal_replication_factor,
                       {{"cleanup.policy", "compact"}, {"message.timestamp.type", "CreateTime"}}},
                      WantedTopic{}};
  const bool versioned = kind_of(store.type) == StoreKind::versioned;
  // A compacted changelog has one version of a key, and none of those before it.
  if (versioned)
    topic.spec.configs["min.compaction.lag.ms"] = std::to_string((store.retention + changelog_reserve).count());
  const auto lifetime = versioned ? std::chrono::milliseconds(0) : std::max(store.retention, store.ttl);
  if (lifetime.count() > 0) {
    // Where keys repeat no record takes the place of another.
    topic.spec.configs["cleanup.policy"] = store.duplicates ? "delete" : "compact,delete";
    topic.spec.configs["retention.ms"] = std::to_string((lifetime + changelog_reserve).count());
    topic.wanted->needed = lifetime;
  }
  choose(topic, options.internal_topic_configs);
  choose(topic, store.changelog_configs);
  return topic;
}

InternalTopic repartition_topic(const std::string& name, int32_t partitions, const RuntimeOptions& options) {
  InternalTopic topic{{name,
                       partitions,
                       options.internal_replication_factor,
                       {{"cleanup.policy", "delete"},
                        {"retention.ms", "-1"},
                        {"segment.bytes", "52428800"},
                        {"message.timestamp.type", "CreateTime"}}},
                      WantedTopic{}};
  topic.wanted->kind = WantedTopic::Kind::repartition;
  choose(topic, options.internal_topic_configs);
  return topic;
}

std::string text_of(const TopicDifference& difference) {
  return difference.setting + " is " + difference.found + " instead of " + difference.wanted + ": " + difference.reason;
}

// Lists go into brackets there.
std::string assignment_of(const TopicDifference& difference) {
  const bool list = difference.wanted.find(',') != std::string::npos;
  return difference.setting + "=" + (list ? "[" + difference.wanted + "]" : difference.wanted);
}

std::string mending(const std::string& topic, const std::vector<TopicDifference>& differences, bool embedded) {
  if (embedded) return "the log inside the process makes it anew after kstreamd reset";
  std::string assignments;
  for (const auto& difference : differences)
    assignments += (assignments.empty() ? "" : ",") + assignment_of(difference);
  return "mend it with: kafka-configs.sh --bootstrap-server HOST:PORT --entity-type topics --entity-name " + topic +
         " --alter --add-config '" + assignments + "'";
}

Error other_partitions(const Topology& topology, const TopicSpec& spec, int32_t partitions) {
  return {Recovery::stop_topology,
          "topology '" + topology.name + "': internal topic '" + spec.name + "' has " + std::to_string(partitions) +
              " partitions, but the topology has " + std::to_string(spec.partitions) + " tasks there",
          "the partition count of a source topic has changed; stop all instances, then give the topic that many "
          "partitions, or delete it if its content may be made anew, as kstreamd reset does"};
}

}  // namespace

std::vector<InternalTopic> internal_topics(const Topology& topology, const TaskPlan& plan,
                                           const RuntimeOptions& options) {
  std::vector<InternalTopic> topics;
  // The configurations are Kafka Streams' own, so that either can take over from the other.
  for (const auto& [name, partitions] : plan.repartition_partitions)
    topics.push_back(repartition_topic(name, partitions, options));
  for (const auto& store : topology.stores)
    if (store.changelogged)
      topics.push_back(changelog_topic(store, plan.changelog_partitions.at(store.changelog_topic), options));
  topics.push_back({{topology.tasks_topic(),
                     static_cast<int32_t>(plan.tasks.size()),
                     options.internal_replication_factor,
                     {{"cleanup.policy", "compact"}}},
                    std::nullopt});
  choose(topics.back(), options.internal_topic_configs);
  return topics;
}

Status check_internal_topic(const Topology& topology, const InternalTopic& topic, int32_t partitions, Admin& admin,
                            const RuntimeOptions& options) {
  const TopicSpec& spec = topic.spec;
  if (partitions != spec.partitions) return other_partitions(topology, spec, partitions);
  if (!topic.wanted) return {};
  auto found = admin.configs(spec.name, request_timeout);
  if (!found) {
    if (found.error().recovery != Recovery::stop_topology) return std::move(found).error();
    // Most likely nobody may ask, which is the cluster's decision.
    log(LogLevel::warn, "the settings of an internal topic cannot be checked",
        {{"topology", topology.name}, {"topic", spec.name}, {"cause", found.error().text()}});
    return {};
  }
  WantedTopic wanted = *topic.wanted;
  wanted.configs = spec.configs;
  std::vector<TopicDifference> losses, others;
  for (auto& difference : compare_topic(wanted, *found))
    (difference.loses ? losses : others).push_back(std::move(difference));
  const bool embedded = options.create_topics_with > 0;
  for (const auto& difference : others)
    log(LogLevel::warn, "an internal topic is not as the topology would make it",
        {{"topology", topology.name},
         {"topic", spec.name},
         {"difference", text_of(difference)},
         {"hint", mending(spec.name, {difference}, embedded)}});
  if (losses.empty()) return {};
  const bool changelog = wanted.kind == WantedTopic::Kind::changelog;
  std::string message = "topology '" + topology.name + "': " + (changelog ? "changelog" : "repartition") + " topic '" +
                        spec.name + "' would lose data: ";
  for (size_t i = 0; i < losses.size(); ++i) message += (i ? "; " : "") + text_of(losses[i]);
  return Error{Recovery::stop_topology, message, mending(spec.name, losses, embedded)};
}

}  // namespace kstreamd

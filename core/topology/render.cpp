#include "core/topology/render.h"

#include "core/topology/json_text.h"
#include "core/topology/serde_text.h"
#include "core/topology/suggest.h"

namespace kstreamd {
namespace {

const char* guarantee_name(Guarantee guarantee) {
  return guarantee == Guarantee::exactly_once ? "exactly_once" : "at_least_once";
}

const char* action_name(ErrorAction action) {
  switch (action) {
    case ErrorAction::fail:
      return "fail";
    case ErrorAction::skip:
      return "skip";
    case ErrorAction::dead_letter:
      return "dead_letter";
  }
  return "";
}

const char* reset_name(OffsetReset reset) {
  switch (reset) {
    case OffsetReset::earliest:
      return "earliest";
    case OffsetReset::latest:
      return "latest";
    case OffsetReset::none:
      return "none";
  }
  return "";
}

// Operator and what it works on: "sink [word-counts]", "process dedup".
std::string what(const Node& node) {
  if (node.operator_name == "process") return "process " + node.processor_type;
  if (!node.pattern.empty()) return node.operator_name + " [pattern " + node.pattern + "]";
  return node.topics.empty() ? node.operator_name : node.operator_name + " [" + join_names(node.topics) + "]";
}

std::string children_text(const Topology& t, const Node& node) {
  std::vector<std::string> names;
  for (const auto& output : node.children)
    for (const Edge& child : output) names.push_back(t.nodes[child.node].name);
  return join_names(names);
}

std::string store_text(const Store& store) {
  return store.type + ", " + (store.size.count() > 0 ? "size " + duration_text(store.size) + ", " : "") +
         (store.retention.count() > 0 ? "retention " + duration_text(store.retention) + ", " : "") +
         (store.duplicates ? "duplicates, " : "") + (store.persistent ? "rocksdb" : "memory") + ", key " +
         serde_text(store.key_serde) + ", value " + serde_text(store.value_serde) + ", " +
         (store.changelogged ? "changelog [" + store.changelog_topic + "]" : "no changelog");
}

std::string render_text(const Topology& t) {
  std::string out = "topology " + t.name + ": " + guarantee_name(t.guarantee) + ", commit every " +
                    std::to_string(t.commit_interval.count()) + " ms\n";
  for (const auto& sub : t.sub_topologies) {
    out += "\nsub-topology " + sub.name + "\n";
    for (int n : sub.nodes) {
      const auto& node = t.nodes[n];
      out += "  " + node.name + ": " + what(node) + (node.table ? ", table" : "") + ", key " +
             serde_text(node.key_serde) + ", value " + serde_text(node.value_serde) +
             (node.max_in_flight > 0 ? ", " + std::to_string(node.max_in_flight) + " in flight" : "") +
             (node.per_commit ? ", per commit" : "") + "\n";
      for (int s : node.stores) out += "    uses store " + t.stores[s].name + "\n";
      if (auto children = children_text(t, node); !children.empty()) out += "    -> " + children + "\n";
    }
    for (int s : sub.stores) out += "  store " + t.stores[s].name + ": " + store_text(t.stores[s]) + "\n";
  }
  out += "\ninternal topics\n  " + t.tasks_topic() + ": one partition per task\n";
  for (const auto& topic : t.repartitions)
    out += "  " + topic.name + ": repartition, " + t.nodes[topic.sink_node].name + " -> " +
           t.nodes[topic.source_node].name + "\n";
  for (const auto& store : t.stores)
    if (store.changelogged) out += "  " + store.changelog_topic + ": changelog of store " + store.name + "\n";
  return out;
}

std::string mermaid_label(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '"' ? std::string("#quot;") : std::string(1, c);
  return out;
}

std::string render_mermaid(const Topology& t) {
  std::string out = "flowchart LR\n", edges, topics;
  std::vector<std::string> seen;
  auto topic_id = [&](const std::string& topic) {
    for (size_t i = 0; i < seen.size(); ++i)
      if (seen[i] == topic) return "t" + std::to_string(i);
    seen.push_back(topic);
    auto id = "t" + std::to_string(seen.size() - 1);
    topics += "  " + id + "[/\"" + mermaid_label(topic) + "\"/]\n";
    return id;
  };
  for (size_t s = 0; s < t.sub_topologies.size(); ++s) {
    const auto& sub = t.sub_topologies[s];
    out += "  subgraph g" + std::to_string(s) + "[\"" + mermaid_label(sub.name) + "\"]\n";
    for (int n : sub.nodes) {
      const auto& node = t.nodes[n];
      auto id = "n" + std::to_string(n);
      auto type = node.operator_name == "process" ? node.processor_type : node.operator_name;
      out += "    " + id + "[\"" + mermaid_label(node.name) + "<br/>" + mermaid_label(type) + "<br/>" +
             mermaid_label(serde_text(node.key_serde) + ", " + serde_text(node.value_serde)) + "\"]\n";
      for (const auto& output : node.children)
        for (const Edge& child : output) edges += "  " + id + " --> n" + std::to_string(child.node) + "\n";
      for (int store : node.stores) edges += "  " + id + " <--> s" + std::to_string(store) + "\n";
      for (const auto& topic : node.topics)
        edges += node.kind == NodeKind::sink ? "  " + id + " --> " + topic_id(topic) + "\n"
                                             : "  " + topic_id(topic) + " --> " + id + "\n";
    }
    for (int store : sub.stores)
      out += "    s" + std::to_string(store) + "[(\"" + mermaid_label(t.stores[store].name) + "\")]\n";
    out += "  end\n";
  }
  return out + topics + edges;
}

std::string render_dot(const Topology& t) {
  std::string out = "digraph " + quote_json(t.name) + " {\n  rankdir=LR;\n  node [shape=box];\n", edges, topics;
  for (size_t s = 0; s < t.sub_topologies.size(); ++s) {
    const auto& sub = t.sub_topologies[s];
    out += "  subgraph cluster_" + std::to_string(s) + " {\n    label=" + quote_json(sub.name) + ";\n";
    for (int n : sub.nodes) {
      const auto& node = t.nodes[n];
      auto id = quote_json("node " + node.name);
      auto type = node.operator_name == "process" ? node.processor_type : node.operator_name;
      out += "    " + id + " [label=" +
             quote_json(node.name + "\n" + type + "\n" + serde_text(node.key_serde) + ", " +
                        serde_text(node.value_serde)) +
             "];\n";
      for (const auto& output : node.children)
        for (const Edge& child : output)
          edges += "  " + id + " -> " + quote_json("node " + t.nodes[child.node].name) + ";\n";
      for (int store : node.stores)
        edges += "  " + id + " -> " + quote_json("store " + t.stores[store].name) + " [dir=both];\n";
      for (const auto& topic : node.topics) {
        auto topic_id = quote_json("topic " + topic);
        topics += "  " + topic_id + " [label=" + quote_json(topic) + ", shape=parallelogram];\n";
        edges +=
            node.kind == NodeKind::sink ? "  " + id + " -> " + topic_id + ";\n" : "  " + topic_id + " -> " + id + ";\n";
      }
    }
    for (int store : sub.stores)
      out += "    " + quote_json("store " + t.stores[store].name) + " [label=" + quote_json(t.stores[store].name) +
             ", shape=cylinder];\n";
    out += "  }\n";
  }
  return out + topics + edges + "}\n";
}

template <typename List, typename Text>
std::string json_list(const List& list, const Text& text) {
  std::string out;
  for (const auto& item : list) out += (out.empty() ? "" : ",") + text(item);
  return "[" + out + "]";
}

// A spec is JSON already.
std::string json_serde(const std::string& serde) { return serde.starts_with('{') ? serde : quote_json(serde); }

std::string json_bool(bool b) { return b ? "true" : "false"; }

std::string json_node(const Topology& t, const Node& node) {
  auto name_of = [&](const Edge& to) { return quote_json(t.nodes[to.node].name); };
  auto out = "{\"name\":" + quote_json(node.name) + ",\"operator\":" + quote_json(node.operator_name) +
             ",\"from\":" + json_list(node.from, quote_json) +
             ",\"children\":" + json_list(node.children, [&](const auto& o) { return json_list(o, name_of); }) +
             ",\"table\":" + json_bool(node.table) + ",\"serde\":{\"key\":" + json_serde(node.key_serde) +
             ",\"value\":" + json_serde(node.value_serde) + "}" + ",\"on_error\":{\"deserialization\":\"" +
             action_name(node.on_error.deserialization) + "\",\"processing\":\"" +
             action_name(node.on_error.processing) + "\",\"production\":\"" + action_name(node.on_error.production) +
             "\"}";
  if (!node.topics.empty()) out += ",\"topics\":" + json_list(node.topics, quote_json);
  if (!node.pattern.empty()) out += ",\"pattern\":" + quote_json(node.pattern);
  if (node.operator_name == "source") out += std::string(",\"reset\":\"") + reset_name(node.reset) + "\"";
  if (!node.processor_type.empty())
    out += ",\"processor\":" + quote_json(node.processor_type) + ",\"config\":" + node.config;
  if (!node.stores.empty())
    out += ",\"stores\":" + json_list(node.stores, [&](int s) { return quote_json(t.stores[s].name); });
  if (node.max_in_flight > 0) out += ",\"max_in_flight\":" + std::to_string(node.max_in_flight);
  if (node.per_commit) out += ",\"emit\":\"per_commit\"";
  return out + "}";
}

std::string json_store(const Store& store) {
  std::string configs;
  for (const auto& [key, value] : store.changelog_configs)
    configs += (configs.empty() ? "" : ",") + quote_json(key) + ":" + quote_json(value);
  return "{\"name\":" + quote_json(store.name) + ",\"type\":" + quote_json(store.type) + ",\"backend\":\"" +
         (store.persistent ? "rocksdb" : "memory") + "\"" +
         (store.size.count() > 0 ? ",\"size_ms\":" + std::to_string(store.size.count()) : "") +
         (store.retention.count() > 0 ? ",\"retention_ms\":" + std::to_string(store.retention.count()) : "") +
         (store.ttl.count() > 0 ? ",\"ttl_ms\":" + std::to_string(store.ttl.count()) : "") +
         (kind_of(store.type) == StoreKind::window ? ",\"duplicates\":" + json_bool(store.duplicates) : "") +
         ",\"serde\":{\"key\":" + json_serde(store.key_serde) + ",\"value\":" + json_serde(store.value_serde) +
         "},\"changelog\":" + (store.changelogged ? quote_json(store.changelog_topic) : "null") +
         ",\"changelog_configs\":{" + configs + "}}";
}

std::string render_json(const Topology& t) {
  auto sub_text = [&](const SubTopology& sub) {
    return "{\"name\":" + quote_json(sub.name) + ",\"batches\":" + json_bool(sub.batches) +
           ",\"nodes\":" + json_list(sub.nodes, [&](int n) { return json_node(t, t.nodes[n]); }) +
           ",\"stores\":" + json_list(sub.stores, [&](int s) { return json_store(t.stores[s]); }) + "}";
  };
  auto repartition_text = [&](const RepartitionTopic& topic) {
    return "{\"topic\":" + quote_json(topic.name) +
           ",\"kind\":\"repartition\",\"from\":" + quote_json(t.nodes[topic.sink_node].name) +
           ",\"to\":" + quote_json(t.nodes[topic.source_node].name) + "}";
  };
  auto internal = json_list(t.repartitions, repartition_text);
  internal.pop_back();
  for (const auto& store : t.stores)
    if (store.changelogged)
      internal += std::string(internal == "[" ? "" : ",") + "{\"topic\":" + quote_json(store.changelog_topic) +
                  ",\"kind\":\"changelog\",\"store\":" + quote_json(store.name) + "}";
  internal +=
      std::string(internal == "[" ? "" : ",") + "{\"topic\":" + quote_json(t.tasks_topic()) + ",\"kind\":\"tasks\"}]";
  return "{\"name\":" + quote_json(t.name) + ",\"guarantee\":\"" + guarantee_name(t.guarantee) +
         "\",\"commit_interval_ms\":" + std::to_string(t.commit_interval.count()) +
         ",\"source_topics\":" + json_list(t.source_topics(), quote_json) +
         ",\"sink_topics\":" + json_list(t.sink_topics(), quote_json) +
         ",\"dead_letter_topic\":" + (t.dead_letter_topic.empty() ? "null" : quote_json(t.dead_letter_topic)) +
         ",\"sub_topologies\":" + json_list(t.sub_topologies, sub_text) + ",\"internal_topics\":" + internal + "}\n";
}

}  // namespace

std::optional<GraphFormat> graph_format(std::string_view name) {
  if (name == "text") return GraphFormat::text;
  if (name == "mermaid") return GraphFormat::mermaid;
  if (name == "dot") return GraphFormat::dot;
  if (name == "json") return GraphFormat::json;
  return std::nullopt;
}

std::string render(const Topology& topology, GraphFormat format) {
  switch (format) {
    case GraphFormat::text:
      return render_text(topology);
    case GraphFormat::mermaid:
      return render_mermaid(topology);
    case GraphFormat::dot:
      return render_dot(topology);
    case GraphFormat::json:
      return render_json(topology);
  }
  return "";
}

}  // namespace kstreamd

// A join of two tables by foreign key: what it derives. The left table's rows ask the right table's task, over a topic,
// for the row that their foreign key names; the answers come back over another, and the declared node joins them
// (plugins/builtin/foreign_key.h). Topics and store are named as Kafka Streams names them.
#include "core/topology/analysis.h"
#include "core/topology/json_text.h"

namespace kstreamd {
namespace {

const char* type_of(const NodeDeclaration& node) { return node.join->type == JoinType::left ? "left" : "inner"; }

std::string field(std::string_view name, std::string_view text) { return quote_json(name) + ":" + quote_json(text); }

std::string object(const std::string& fields) { return "{" + fields + "}"; }

}  // namespace

bool is_foreign_key_join(const NodeDeclaration& node) {
  return node.operator_name == "join" && has_expression(node, "foreign_key");
}

std::vector<std::string> foreign_key_topics(const Declaration& declaration, const NodeDeclaration& node) {
  return {declaration.name + "-" + node.name + "-subscription-registration-topic",
          declaration.name + "-" + node.name + "-subscription-response-topic"};
}

std::string subscriptions_store(const NodeDeclaration& node) { return node.name + "-subscription-store"; }

std::string subscribe_config(const Declaration& declaration, const NodeDeclaration& node,
                             const NodeAnalysis& analysis) {
  const Flow &left = analysis.in[0].flow, &right = analysis.in[1].flow;
  std::string fields = field("type", type_of(node));
  for (const auto& e : node.expressions)
    if (e.name == "foreign_key") fields += "," + field(e.name, e.text);
  fields += "," + field("left_key", left.key_serde) + "," + field("left_value", left.value_serde) + "," +
            field("right_key", right.key_serde);
  return with_script(object(fields), declaration, true);
}

ForeignKeyNodes foreign_key_nodes(const Declaration& declaration, const NodeDeclaration& node,
                                  const NodeAnalysis& analysis, const Node& base) {
  const Flow &left = analysis.in[0].flow, &right = analysis.in[1].flow;
  const auto topics = foreign_key_topics(declaration, node);
  const std::string right_serdes = field("right_key", right.key_serde) + "," + field("right_value", right.value_serde);
  const auto make = [&](const std::string& suffix, std::vector<std::string> from) {
    Node made = base;
    made.name = node.name + suffix;
    made.from = std::move(from);
    made.key_serde = made.value_serde = "bytes";
    made.children.resize(1);
    return made;
  };
  const auto processor = [&](const std::string& suffix, std::vector<std::string> from, const std::string& op,
                             std::string config) {
    Node made = make(suffix, std::move(from));
    made.operator_name = op;
    made.processor_type = "kstreamd." + op;
    made.config = std::move(config);
    return made;
  };
  const auto end_of_topic = [&](const std::string& suffix, std::vector<std::string> from, NodeKind kind,
                                const std::string& topic) {
    Node made = make(suffix, std::move(from));
    made.kind = kind;
    made.operator_name = kind == NodeKind::sink ? "repartition_sink" : "repartition_source";
    made.topics = {topic};
    if (kind == NodeKind::sink) made.children.clear();
    return made;
  };
  ForeignKeyNodes nodes;
  nodes.subscribe = processor("-subscription-registration", {node.from.at(0)}, "foreign_key_subscribe",
                              subscribe_config(declaration, node, analysis));
  nodes.subscribe.takes_changes = true;
  nodes.registration_sink =
      end_of_topic("-subscription-registration-sink", {nodes.subscribe.name}, NodeKind::sink, topics[0]);
  nodes.registration_source = end_of_topic("-subscription-registration-source", {}, NodeKind::source, topics[0]);
  nodes.lookup =
      processor("-subscription-lookup", {nodes.registration_source.name}, "foreign_key_lookup",
                with_script(object(right_serdes + ",\"view\":" + analysis.sides[1].view), declaration, true));
  nodes.update = processor("-subscription-update", {node.join->with}, "foreign_key_update", object(right_serdes));
  nodes.update.takes_changes = true;
  nodes.response_sink =
      end_of_topic("-subscription-response-sink", {nodes.lookup.name, nodes.update.name}, NodeKind::sink, topics[1]);
  nodes.response_sink.takes_partitions = true;
  nodes.response_source = end_of_topic("-subscription-response-source", {}, NodeKind::source, topics[1]);
  nodes.response_source.key_serde = left.key_serde;
  nodes.subscriptions.pointer = "/join";
  nodes.subscriptions.shape.name = subscriptions_store(node);
  nodes.subscriptions.shape.key_serde = nodes.subscriptions.shape.value_serde = "bytes";
  return nodes;
}

}  // namespace kstreamd

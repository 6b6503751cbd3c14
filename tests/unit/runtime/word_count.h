// A word count without files or plugins: the topology, and its two processors as functions for FakeProcessors.
#pragma once
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "core/ports/processor.h"
#include "core/topology/topology.h"

namespace kstreamd::word_count_of_tests {

inline Node node(std::string name, NodeKind kind, int sub_topology, std::vector<Edge> children) {
  Node made;
  made.name = std::move(name);
  made.kind = kind;
  made.key_serde = "string";
  made.value_serde = "string";
  made.sub_topology = sub_topology;
  if (!children.empty()) made.children = {std::move(children)};
  return made;
}

// lines -> words -> (repartition) -> counts -> out
inline std::shared_ptr<Topology> word_count() {
  auto t = std::make_shared<Topology>();
  t->name = "wc";
  t->nodes = {node("lines", NodeKind::source, 0, {1}),     node("words", NodeKind::processor, 0, {2}),
              node("to", NodeKind::sink, 0, {}),           node("from", NodeKind::source, 1, {4}),
              node("counts", NodeKind::processor, 1, {5}), node("out", NodeKind::sink, 1, {})};
  t->nodes[0].topics = {"text"};
  t->nodes[0].operator_name = "source";
  t->nodes[5].operator_name = "sink";
  t->nodes[1].processor_type = "split";
  t->nodes[2].topics = {"wc-counts-repartition"};
  t->nodes[2].operator_name = "repartition_sink";
  t->nodes[3].topics = {"wc-counts-repartition"};
  t->nodes[3].operator_name = "repartition_source";
  t->nodes[4].processor_type = "count";
  t->nodes[4].stores = {0};
  t->nodes[5].topics = {"word-counts"};
  t->nodes[5].value_serde = "int64";
  Store store;
  store.name = "counts";
  store.key_serde = "string";
  store.value_serde = "int64";
  store.changelog_topic = "wc-counts-changelog";
  store.sub_topology = 1;
  t->stores = {store};
  t->sub_topologies = {{"lines", {0, 1, 2}, {0}, {}, true}, {"counts", {3, 4, 5}, {3}, {0}, true}};
  t->repartitions = {{"wc-counts-repartition", 2, 3, {"counts"}, std::nullopt}};
  return t;
}

inline kst_status split(const Record& record, ProcessorContext& context) {
  std::string_view text = data_of(record.value);
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    Record word = record;
    word.key = word.value = string_value(text.substr(0, end));
    if (kst_status status = context.forward(0, {&word, 1}); status != KST_OK) return status;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return KST_OK;
}

inline kst_status count(const Record& record, ProcessorContext& context) {
  auto& counts = static_cast<KeyValueAccess&>(*context.store(0));
  kst_store_row row{record.key, null_value(), 0};
  if (kst_status status = counts.get_many({&row, 1}); status != KST_OK) return status;
  row.value = int64_value((is_null(row.value) ? 0 : row.value.u.integer) + 1);
  row.timestamp = record.timestamp;
  if (kst_status status = counts.put_many({&row, 1}); status != KST_OK) return status;
  Record counted = record;
  counted.value = row.value;
  return context.forward(0, {&counted, 1});
}

}  // namespace kstreamd::word_count_of_tests

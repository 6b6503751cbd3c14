// Global tables on the embedded log: whole before the first record is processed, followed afterwards, and there again
// after a restart.
#include <catch2/catch.hpp>

#include "tests/unit/runtime/harness.h"

namespace kstreamd::word_count_of_tests {
namespace {

// lines -> look -> out; look finds the name of a line's value in a global table.
std::shared_ptr<Topology> lookup() {
  auto t = std::make_shared<Topology>();
  t->name = "names";
  t->nodes = {node("lines", NodeKind::source, 0, {1}), node("look", NodeKind::processor, 0, {2}),
              node("out", NodeKind::sink, 0, {})};
  t->nodes[0].topics = {"text"};
  t->nodes[0].operator_name = "source";
  t->nodes[1].processor_type = "look";
  t->nodes[1].stores = {0};
  t->nodes[2].topics = {"word-counts"};
  t->nodes[2].operator_name = "sink";
  Store store;
  store.name = "names-store";
  store.key_serde = store.value_serde = "string";
  store.global = true;
  store.changelogged = false;
  t->stores = {store};
  t->global_tables = {{"names", "names", 0, "", ""}};
  t->sub_topologies = {{"lines", {0, 1, 2}, {0}, {}, true}};
  return t;
}

kst_status look(const Record& record, ProcessorContext& context) {
  kst_store_row row{record.value, null_value(), 0};
  if (kst_status status = static_cast<KeyValueAccess&>(*context.store(0)).get_many({&row, 1}); status != KST_OK)
    return status;
  Record found = record;
  found.value = is_null(row.value) ? string_value("nobody") : row.value;
  return context.forward(0, {&found, 1});
}

struct Bed : Harness {
  Bed() {
    topology = lookup();
    processors.steps["look"] = look;
    make_names();
  }
  void make_names() {
    const TopicSpec names{"names", partitions, -1, {}};
    REQUIRE(cluster().admin().create({&names, 1}, Duration(0)));
  }
  void write(const std::string& topic, const std::string& key, const std::string& value, int32_t partition) {
    auto producer = cluster().make_producer({});
    REQUIRE(producer);
    OutgoingRecord record;
    record.topic = (*producer)->open_topic(topic, Duration(0)).value();
    record.partition = partition;
    record.key_null = record.value_null = false;
    record.key = key;
    record.value = value;
    REQUIRE((*producer)->produce(record));
    REQUIRE((*producer)->flush(Duration(0)));
  }
  void name(int id, const std::string& text) { write("names", "n" + std::to_string(id), text, id % partitions); }
  // Asks for a name, and waits for the answer.
  std::string answer(const std::vector<Process*>& processes, int id) {
    const std::string key = "q" + std::to_string(asked_++);
    write("text", key, "n" + std::to_string(id), asked_ % partitions);
    REQUIRE(until(processes, [&] { return answers().contains(key); }));
    return answers().at(key);
  }
  std::map<std::string, std::string> answers() {
    auto reader = cluster().make_reader(true);
    REQUIRE(reader);
    for (int32_t p = 0; p < partitions; ++p) REQUIRE((*reader)->assign(p, {"word-counts", p}, 0));
    std::map<std::string, std::string> all;
    for (std::set<int32_t> ended; ended.size() < partitions;) {
      std::vector<FetchedBatch> batches;
      REQUIRE((*reader)->poll(batches, 1000, Duration(0)));
      for (const auto& batch : batches) {
        if (batch.at_end) ended.insert(batch.slot);
        for (const auto& record : batch.records) all[std::string(raw_key(record.origin))] = raw_value(record.origin);
      }
    }
    return all;
  }

  int asked_ = 0;
};

TEST_CASE("a global table is whole before the first record is processed") {
  Bed bed;
  for (int id = 0; id < 300; ++id) bed.name(id, "name " + std::to_string(id));
  for (int id = 0; id < 300; ++id) bed.write("text", std::to_string(id), "n" + std::to_string(id), id % partitions);
  Process one = bed.start(), two = bed.start();
  REQUIRE(bed.until({&one, &two}, [&] { return bed.answers().size() == 300; }));
  for (const auto& [id, found] : bed.answers()) CHECK(found == "name " + id);
}

TEST_CASE("a global table is followed, by every instance, and is there again after a restart") {
  Bed bed;
  Process one = bed.start(), two = bed.start();
  const std::vector<Process*> both = {&one, &two};
  CHECK(bed.answer(both, 1) == "nobody");
  for (int id = 0; id < 6; ++id) bed.name(id, "first");
  bed.turns(both, 50);
  for (int id = 0; id < 6; ++id) CHECK(bed.answer(both, id) == "first");
  one.instance.reset();
  bed.launch(one);
  bed.name(1, "second");
  bed.turns(both, 50);
  for (int i = 0; i < 6; ++i) CHECK(bed.answer(both, 1) == "second");
}

}  // namespace
}  // namespace kstreamd::word_count_of_tests

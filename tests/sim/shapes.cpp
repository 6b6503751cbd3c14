#include "tests/sim/shapes.h"

#include <cstdio>
#include <cstdlib>

#include "core/topology/compile.h"

namespace kstreamd::sim {
namespace {

// What compile() asks about the processors.
class Types final : public ProcessorTypes {
 public:
  std::optional<Shape> shape(const std::string& type) const override {
    ProcessorTypes::Shape made;
    if (type == "chain") made.stores.resize(1);
    if (type == "chain_with_last") made.stores.resize(2);
    if (type == "buffer") made.stores.resize(1);
    made.asynchronous = type == "later";
    if (type == "part") made.outputs = {"left", "right"};
    return made;
  }
  std::vector<std::string> names() const override { return {}; }
  std::vector<Problem> check(const std::string&, const std::string&) const override { return {}; }
  std::string where_plugins_are() const override { return ""; }
};

// Declares topologies a line a node; everything is a string.
class Draft {
 public:
  explicit Draft(const Plan& plan) {
    declaration_.name = "app";
    declaration_.commit_interval = std::chrono::duration_cast<std::chrono::milliseconds>(plan.commit_interval);
    declaration_.default_serde = {"string", "string"};
    persistent_ = plan.persistent;
  }
  Draft& source(const std::string& name, const std::string& topic) {
    node(name, "source", {}).topics = {topic};
    return *this;
  }
  Draft& sink(const std::string& name, const std::string& from, const std::string& topic) {
    node(name, "sink", {from}).topics = {topic};
    return *this;
  }
  Draft& process(const std::string& name, std::vector<std::string> from, const std::string& type,
                 std::vector<std::string> stores = {}) {
    auto& made = node(name, "process", std::move(from));
    made.process_type = type;
    for (const auto& store : stores) add_store(store);
    made.stores = std::move(stores);
    return *this;
  }
  // A chain behind a repartition topic where the key has changed.
  Draft& count(const std::string& name, const std::string& from, const std::string& store) {
    node(name, "count", {from}).stores = {store};
    add_store(store);
    return *this;
  }
  Draft& simple(const std::string& name, const std::string& op, std::vector<std::string> from) {
    node(name, op, std::move(from));
    return *this;
  }
  Topology compiled() const {
    auto compiled = compile(declaration_, Types());
    for (const auto& problem : compiled.problems)
      std::fprintf(stderr, "simulated topology: %s: %s\n", problem.node.c_str(), problem.message.c_str());
    if (!compiled.topology) std::abort();
    return std::move(*compiled.topology);
  }

 private:
  NodeDeclaration& node(const std::string& name, const std::string& op, std::vector<std::string> from) {
    auto& made = declaration_.nodes.emplace_back();
    made.name = name;
    made.operator_name = op;
    made.from = std::move(from);
    return made;
  }
  // The last ids lie in a store without timestamps.
  void add_store(const std::string& name) {
    StoreDeclaration store;
    store.name = name;
    store.type = name == "last" ? "key_value" : "timestamped";
    store.serde = {"string", "string"};
    store.persistent = persistent_;
    declaration_.stores.push_back(std::move(store));
  }
  Declaration declaration_;
  bool persistent_ = true;
};

std::string some_key(const Plan& plan, Random& random) {
  return "k" + std::to_string(random.below(static_cast<uint64_t>(plan.keys)));
}
std::string some_id(Random& random, int n) { return std::to_string(n) + (random.below(12) == 0 ? "!" : ""); }
std::string lane_of(const InputRecord& record) { return record.topic + "-" + std::to_string(record.partition); }

// One keyed input whose partition is the key's, and ids as values.
class Keyed : public Shape {
 public:
  std::vector<std::string> inputs() const override { return {"in"}; }
  InputRecord make(const Plan& plan, Random& random, int n) const override {
    return {"in", -1, some_key(plan, random), some_id(random, n), 0};
  }
};

class Counter final : public Keyed {
 public:
  std::vector<Stage> stages() const override { return {{"out", "counts", ""}}; }
  Topology topology(const Plan& plan) const override {
    return Draft(plan)
        .source("in", "in")
        .process("chain", {"in"}, "chain", {"counts"})
        .sink("out", "chain", "out")
        .compiled();
  }
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) const override {
    add({0, r.key, r.value, lane_of(r), r.timestamp});
  }
};

// Two stores of one processor, and two chains in one task.
class Stores final : public Keyed {
 public:
  std::vector<Stage> stages() const override { return {{"out", "counts", "last"}, {"other", "others", ""}}; }
  Topology topology(const Plan& plan) const override {
    return Draft(plan)
        .source("in", "in")
        .process("chain", {"in"}, "chain_with_last", {"counts", "last"})
        .sink("out", "chain", "out")
        .process("second", {"in"}, "chain", {"others"})
        .sink("out2", "second", "other")
        .compiled();
  }
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) const override {
    add({0, r.key, r.value, lane_of(r), r.timestamp});
    add({1, r.key, r.value, lane_of(r), r.timestamp});
  }
};

class TwoSources final : public Shape {
 public:
  std::vector<std::string> inputs() const override { return {"a", "b"}; }
  std::vector<Stage> stages() const override { return {{"out", "counts", ""}}; }
  Topology topology(const Plan& plan) const override {
    return Draft(plan)
        .source("a", "a")
        .source("b", "b")
        .process("chain", {"a", "b"}, "chain", {"counts"})
        .sink("out", "chain", "out")
        .compiled();
  }
  InputRecord make(const Plan& plan, Random& random, int n) const override {
    return {random.coin() ? "a" : "b", -1, some_key(plan, random), some_id(random, n), 0};
  }
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) const override {
    add({0, r.key, r.value, lane_of(r), r.timestamp});
  }
};

// Paths that part and meet again, so that no batch may go through whole.
class BranchAndMerge final : public Keyed {
 public:
  std::vector<Stage> stages() const override { return {{"out", "counts", ""}}; }
  Topology topology(const Plan& plan) const override {
    return Draft(plan)
        .source("in", "in")
        .process("part", {"in"}, "part")
        .process("left", {"part.left"}, "left")
        .process("right", {"part.right"}, "right")
        .simple("both", "merge", {"left", "right"})
        .process("chain", {"both"}, "chain", {"counts"})
        .sink("out", "chain", "out")
        .compiled();
  }
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) const override {
    const int ways = ways_of(r.value);
    if (ways & 1) add({0, r.key, tagged(r.value, "L"), lane_of(r), r.timestamp});
    if (ways & 2) add({0, r.key, tagged(r.value, "R"), lane_of(r), r.timestamp});
  }
};

// Lines of words on any partition; the words are counted behind a repartition topic.
class Words : public Shape {
 public:
  std::vector<std::string> inputs() const override { return {"lines"}; }
  std::vector<Stage> stages() const override { return {{"out", "counts", ""}}; }
  Topology topology(const Plan& plan) const override {
    return Draft(plan)
        .source("lines", "lines")
        .process("split", {"lines"}, "split")
        .count("counts", "split", "counts")
        .sink("out", "counts", "out")
        .compiled();
  }
  InputRecord make(const Plan& plan, Random& random, int n) const override {
    std::string text = std::to_string(n) + ":";
    for (uint64_t words = 1 + random.below(4), i = 0; i < words; ++i)
      text += (i ? " w" : "w") + std::to_string(random.below(static_cast<uint64_t>(plan.keys))) +
              (random.below(15) == 0 ? "!" : "");
    return {"lines", static_cast<int32_t>(random.below(static_cast<uint64_t>(plan.partitions))), std::to_string(n),
            text, 0};
  }
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) const override {
    for_each_word(r, [&](std::string word, std::string id) { add({0, word, id, lane_of(r), r.timestamp}); });
  }

 protected:
  static void for_each_word(const InputRecord& r, const std::function<void(std::string, std::string)>& visit) {
    const size_t colon = r.value.find(':');
    const std::string id = r.value.substr(0, colon);
    size_t at = colon + 1;
    for (int n = 0; at < r.value.size(); ++n) {
      const size_t end = std::min(r.value.find(' ', at), r.value.size());
      std::string word = r.value.substr(at, end - at);
      at = end + 1;
      const bool drops = deletes(word);
      if (drops) word.pop_back();
      visit(word, id + "." + std::to_string(n) + (drops ? "!" : ""));
    }
  }
};

// The words' counts go on, by other keys, through a second repartition topic.
class TwoStages final : public Words {
 public:
  std::vector<Stage> stages() const override { return {{"out", "counts", ""}, {"totals", "totals", ""}}; }
  Topology topology(const Plan& plan) const override {
    return Draft(plan)
        .source("lines", "lines")
        .process("split", {"lines"}, "split")
        .count("counts", "split", "counts")
        .sink("out", "counts", "out")
        .simple("updates", "to_stream", {"counts"})
        .process("rekey", {"updates"}, "rekey")
        .count("totals", "rekey", "totals")
        .sink("out2", "totals", "totals")
        .compiled();
  }
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) const override {
    for_each_word(r, [&](std::string word, std::string id) {
      add({0, word, id, lane_of(r), r.timestamp});
      add({1, group_of(word), kept_id(id), lane_of(r) + "/" + word, r.timestamp});
    });
  }
};

// Records that are held on their way, and completed by the scheduler in any order.
class Held final : public Keyed {
 public:
  std::vector<Stage> stages() const override { return {{"out", "counts", ""}}; }
  Topology topology(const Plan& plan) const override {
    return Draft(plan)
        .source("in", "in")
        .process("later", {"in"}, "later")
        .count("counts", "later", "counts")
        .sink("out", "counts", "out")
        .compiled();
  }
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) const override {
    const int ways = ways_of(r.value);
    if (ways & 1) add({0, r.key, tagged(r.value, "L"), lane_of(r), r.timestamp});
    if (ways & 2) add({0, r.key, tagged(r.value, "R"), lane_of(r), r.timestamp});
  }
};

// Records that wait in a store for a punctuation.
class Buffered final : public Keyed {
 public:
  std::vector<Stage> stages() const override { return {{"out", "counts", ""}}; }
  std::vector<std::string> emptied_stores() const override { return {"pending"}; }
  Topology topology(const Plan& plan) const override {
    return Draft(plan)
        .source("in", "in")
        .process("buffer", {"in"}, "buffer", {"pending"})
        .process("chain", {"buffer"}, "chain", {"counts"})
        .sink("out", "chain", "out")
        .compiled();
  }
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) const override {
    add({0, r.key, r.value, lane_of(r), r.timestamp});
  }
};

struct Made {
  const char* name;
  std::unique_ptr<Shape> (*make)();
};
template <typename T>
std::unique_ptr<Shape> made() {
  return std::make_unique<T>();
}
constexpr Made shapes[] = {
    {"counter", made<Counter>},
    {"stores", made<Stores>},
    {"two sources", made<TwoSources>},
    {"branch and merge", made<BranchAndMerge>},
    {"words", made<Words>},
    {"two stages", made<TwoStages>},
    {"held", made<Held>},
    {"buffered", made<Buffered>},
};

}  // namespace

int shape_count() { return static_cast<int>(std::size(shapes)); }
const char* shape_name(int shape) { return shapes[shape].name; }
std::unique_ptr<Shape> make_shape(int shape) { return shapes[shape].make(); }

}  // namespace kstreamd::sim

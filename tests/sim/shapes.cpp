#include "tests/sim/shapes.h"

#include "tests/sim/draft.h"
#include "tests/sim/tables.h"
#include "tests/sim/timed.h"

namespace kstreamd::sim {
namespace {

std::string some_key(const Plan& plan, Random& random) {
  return "k" + std::to_string(random.below(static_cast<uint64_t>(plan.keys)));
}
std::string some_id(Random& random, int n) { return std::to_string(n) + (random.below(12) == 0 ? "!" : ""); }

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
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) override {
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
        .process("chain", {"in"}, "chain_with_last", {"counts", {"last", "key_value"}})
        .sink("out", "chain", "out")
        .process("second", {"in"}, "chain", {"others"})
        .sink("out2", "second", "other")
        .compiled();
  }
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) override {
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
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) override {
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
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) override {
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
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) override {
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
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) override {
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
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) override {
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
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) override {
    add({0, r.key, r.value, lane_of(r), r.timestamp});
  }
};

// Records that a serde cannot read or a processor refuses go to the dead-letter topic.
class Refused final : public Keyed {
 public:
  std::vector<Stage> stages() const override { return {{"out", "counts", ""}, {dead_letter_topic, "", ""}}; }
  Topology topology(const Plan& plan) const override {
    return Draft(plan)
        .source("in", "in")
        .reading("fussy")
        .with_dead_letters()
        .process("picky", {"in"}, "picky")
        .with_dead_letters()
        .process("chain", {"picky"}, "chain", {"counts"})
        .sink("out", "chain", "out")
        .compiled();
  }
  void expect(const InputRecord& r, const std::function<void(Expected)>& add) override {
    Expected expected{0, r.key, r.value, lane_of(r), r.timestamp};
    if (is_unreadable(r.value) || is_refused(r.value)) {
      expected.stage = 1;
      expected.origin = lane_of(r) + "@" + std::to_string(r.offset);
    }
    add(std::move(expected));
  }
};

struct Made {
  const char* name;
  std::unique_ptr<Shape> (*make)(const Plan& plan);
  bool exactly_once = false;
};
template <typename T>
std::unique_ptr<Shape> made(const Plan&) {
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
    {"windows", make_windowed_shape},
    {"sessions", make_sessions_shape},
    {"refused", made<Refused>},
    {"global table", make_global_shape, true},
    {"foreign key", make_foreign_key_shape, true},
};

}  // namespace

int shape_count() { return static_cast<int>(std::size(shapes)); }
const char* shape_name(int shape) { return shapes[shape].name; }
bool needs_exactly_once(int shape) { return shapes[shape].exactly_once; }
std::unique_ptr<Shape> make_shape(const Plan& plan) { return shapes[plan.shape].make(plan); }
std::string lane_of(const InputRecord& record) { return record.topic + "-" + std::to_string(record.partition); }

}  // namespace kstreamd::sim

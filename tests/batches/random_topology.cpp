#include "tests/batches/random_topology.h"

#include <algorithm>

#include "tests/batches/draft.h"

namespace kstreamd::batches {
namespace {

using sim::Random;

std::string text_of(const std::string& name, uint64_t number) { return name + std::to_string(number); }

// What a key or a group may be.
std::string letter(Random& random) { return std::string(1, static_cast<char>('a' + random.below(5))); }

std::optional<std::string> value_of(Random& random, Type type, bool may_be_bad) {
  if (random.below(9) == 0) return std::nullopt;
  if (may_be_bad && random.below(15) == 0) return "{\"";
  const uint64_t n = random.below(12);
  if (type == Type::integer) return std::string(7, '\0') + static_cast<char>(n);
  std::string fields;
  const auto field = [&](const char* name, const std::string& value) {
    fields += (fields.empty() ? "\"" : ",\"") + std::string(name) + "\":" + value;
  };
  if (random.below(5) > 0) field("g", "\"" + letter(random) + "\"");
  if (random.below(5) > 0) field("n", std::to_string(n));
  if (random.below(4) > 0) field("u", "\"" + letter(random) + "\"");
  return "{" + fields + "}";
}

// Records one after the other in time, some late, with leaps; and in stretches of one topic, so that batches grow.
class Inputs {
 public:
  Inputs(Random& random, const Draft& draft)
      : random_(random), draft_(draft), late_(random.below(4)), now_(static_cast<int64_t>(random.below(20'000))) {}

  InputRecord next() {
    if (left_ == 0) {
      topic_ = &draft_.topics()[random_.below(draft_.topics().size())];
      left_ = random_.below(4) == 0 ? 100 + random_.below(700) : 1 + random_.below(12);
    }
    --left_;
    const auto grain = static_cast<uint64_t>(draft_.grain());
    now_ += static_cast<int64_t>(random_.below(grain / 2));
    if (random_.below(60) == 0) now_ += static_cast<int64_t>(random_.below(40 * grain));
    InputRecord record;
    record.topic = topic_->name;
    const bool late = random_.below(8) < late_;
    record.timestamp = std::max<int64_t>(
        0, now_ - (late ? static_cast<int64_t>(random_.below(grain * (random_.below(6) == 0 ? 30 : 5))) : 0));
    if (random_.below(15) > 0) record.key = letter(random_);
    record.value = value_of(random_, topic_->type, draft_.skips_errors());
    if (random_.below(8) == 0) record.headers.push_back({"h", text_of("", random_.below(3))});
    return record;
  }

 private:
  Random& random_;
  const Draft& draft_;
  const uint64_t late_;
  int64_t now_;
  const InputTopic* topic_ = nullptr;
  uint64_t left_ = 0;  // of the stretch
};

}  // namespace

RandomTopology random_topology(uint64_t seed) {
  Random random(seed);
  Draft draft(random);
  draft.draw();
  RandomTopology made;
  made.by_key = draft.holds();
  made.yaml = "kstreamd: 1\nname: batches\n" + draft.settings() +
              (draft.stores().empty() ? "" : "stores:\n" + draft.stores()) + "nodes:\n" + draft.nodes();
  for (const InputTopic& topic : draft.topics()) made.partitions[topic.name] = draft.partitions();
  for (const char* topic : {"out-a", "out-b"}) made.partitions[topic] = draft.partitions();
  Inputs inputs(random, draft);
  const uint64_t steps = 1 + random.below(4);
  for (uint64_t i = 0; i < steps; ++i) {
    Step step;
    const uint64_t records = random.below(4) == 0 ? 500 + random.below(600) : 1 + random.below(150);
    for (uint64_t r = 0; r < records; ++r) step.records.push_back(inputs.next());
    if (random.below(3) == 0) step.advance = std::chrono::milliseconds(random.below(5000));
    made.steps.push_back(std::move(step));
  }
  return made;
}

}  // namespace kstreamd::batches

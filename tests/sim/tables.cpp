#include "tests/sim/tables.h"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "core/record/murmur2.h"
#include "tests/sim/draft.h"

namespace kstreamd::sim {
namespace {

constexpr const char* nothing = "-";  // in an id: the other side has no row
constexpr const char* twice = "it was put out before";
constexpr const char* unasked = "no committed input has asked for it";

std::string numbered(const char* prefix, const Plan& plan, Random& random) {
  return prefix + std::to_string(random.below(static_cast<uint64_t>(plan.keys)));
}

// The rows that a key has had, one after the other.
class Versions {
 public:
  void add(const std::string& text, int64_t timestamp) { all_.push_back({text, timestamp}); }
  bool empty() const { return all_.empty(); }
  const Row& latest() const { return all_.back(); }
  const Row& at(int version) const { return all_[static_cast<size_t>(version)]; }
  // -1: there was none such.
  int find(const std::string& text) const {
    const auto found = std::find_if(all_.begin(), all_.end(), [&](const Row& row) { return row.value == text; });
    return found == all_.end() ? -1 : static_cast<int>(found - all_.begin());
  }

 private:
  std::vector<Row> all_;
};

std::pair<std::string, std::string> parts(const std::string& id, char separator) {
  const size_t at = id.find(separator);
  return {id.substr(0, at), at == std::string::npos ? "" : id.substr(at + 1)};
}

// ---- A stream and a global table

// "N@M": record N has found row M of its key. Each record comes once, in order; it may have found any row that the
// table had, for how far it is read differs from process to process. In the end all have read all of it.
class Global final : public Shape {
 public:
  explicit Global(const Plan& plan) : ends_(static_cast<size_t>(plan.partitions), 0) {}
  std::vector<std::string> inputs() const override { return {"in", global_topic}; }
  std::vector<Stage> stages() const override { return {{"out", "counts", "", true}}; }
  Topology topology(const Plan& plan) const override {
    return Draft(plan)
        .source("in", "in")
        .global_table("facts", global_topic, "facts-store")
        .left_join("join", "in", "facts", {{"key", "key"}, {"value", "left .. '@' .. (right or '-')"}})
        .process("chain", {"join"}, "chain", {"counts"})
        .sink("out", "chain", "out")
        .compiled();
  }
  InputRecord make(const Plan& plan, Random& random, int n) const override {
    return {random.below(3) == 0 ? global_topic : "in", -1, numbered("k", plan, random), std::to_string(n)};
  }
  void expect(const InputRecord& r, const std::function<void(Expected)>&) override {
    if (r.topic == global_topic) {
      facts_[r.key].add(r.value, r.timestamp);
      ends_[static_cast<size_t>(r.partition)] = r.offset + 1;
      return;
    }
    waiting_[r.key].push_back({r.value, r.timestamp});
    ++missing_;
  }
  std::string wrong_about(const std::string& key, const std::string& id, int64_t timestamp) override {
    const auto [record, fact] = parts(id, '@');
    auto& waiting = waiting_[key];
    if (waiting.empty() || waiting.front().value != record) {
      if (done_.contains(record)) return twice;
      const bool later = std::any_of(waiting.begin(), waiting.end(), [&](const Row& r) { return r.value == record; });
      return later ? "it comes before '" + waiting.front().value + "' of " + key + ", which is first" : unasked;
    }
    if (fact != nothing && facts_[key].find(fact) < 0) return "no committed row of the table is '" + fact + "'";
    if (timestamp != waiting.front().timestamp)
      return "it has timestamp " + std::to_string(timestamp) + ", its input " +
             std::to_string(waiting.front().timestamp);
    done_.insert(record);
    waiting.pop_front();
    --missing_;
    return "";
  }
  size_t missing() const override { return missing_; }
  Rows global_rows() const override {
    Rows rows;
    for (const auto& [key, versions] : facts_)
      if (!versions.empty()) rows[key] = versions.latest();
    return rows;
  }
  std::vector<int64_t> global_ends() const override { return ends_; }

 private:
  std::map<std::string, Versions> facts_;
  std::map<std::string, std::deque<Row>> waiting_;  // by key: records of the stream
  std::set<std::string> done_;
  std::vector<int64_t> ends_;
  size_t missing_ = 0;
};

// ---- Two tables by a foreign key

// "N:R|M": row N of a left key, which names the right key R, and row M of that. Rows of a left key only go on, and so
// do those of the right key that one of them meets; each pair comes once. The last one is of what both tables have
// then.
class ForeignKey final : public Shape {
 public:
  explicit ForeignKey(const Plan& plan) : partitions_(plan.partitions) {}
  std::vector<std::string> inputs() const override { return {"left", "right"}; }
  std::vector<Stage> stages() const override { return {{"out", "counts", "", true}}; }
  Topology topology(const Plan& plan) const override {
    return Draft(plan)
        .table("left", "left", "left-store")
        .table("right", "right", "right-store")
        .left_join("join", "left", "right",
                   {{"foreign_key", "string.match(value, ':(.*)')"}, {"value", "left .. '|' .. (right or '-')"}})
        .simple("updates", "to_stream", {"join"})
        .process("chain", {"updates"}, "chain", {"counts"})
        .sink("out", "chain", "out")
        .compiled();
  }
  InputRecord make(const Plan& plan, Random& random, int n) const override {
    if (random.coin()) return {"right", -1, numbered("r", plan, random), std::to_string(n)};
    return {"left", -1, numbered("l", plan, random), std::to_string(n) + ":" + numbered("r", plan, random)};
  }
  void expect(const InputRecord& r, const std::function<void(Expected)>&) override {
    (r.topic == "left" ? left_ : right_)[r.key].add(r.value, r.timestamp);
  }
  std::string wrong_about(const std::string& key, const std::string& id, int64_t timestamp) override {
    const auto [row, partner] = parts(id, '|');
    const auto left = left_.find(key);
    const int version = left == left_.end() ? -1 : left->second.find(row);
    if (version < 0) return unasked;
    const auto& right = right_[foreign_key(row)];
    const int met = partner == nothing ? -1 : right.find(partner);
    if (met < 0 && partner != nothing) return unasked;
    Last& last = last_[key];
    if (!last.pairs.insert(id).second) return twice;
    if (version < last.version || (version == last.version && met < last.met))
      return "it comes behind '" + last.id + "', which is later";
    const int64_t left_time = left->second.at(version).timestamp;
    const int64_t right_time = met < 0 ? left_time : right.at(met).timestamp;
    if (timestamp != right_time && timestamp != std::max(left_time, right_time))
      return "it has timestamp " + std::to_string(timestamp) + ", its rows " + std::to_string(left_time) + " and " +
             std::to_string(right_time);
    last.id = id;
    last.version = version;
    last.met = met;
    return "";
  }
  size_t missing() const override {
    return static_cast<size_t>(std::count_if(left_.begin(), left_.end(), [this](const auto& entry) {
      const auto last = last_.find(entry.first);
      return last == last_.end() || last->second.id != final_of(entry.second.latest().value);
    }));
  }
  std::vector<std::string> tables() const override { return {"left-store", "right-store"}; }
  Rows table_rows(const std::string& store, int32_t task) const override {
    Rows rows;
    for (const auto& [key, versions] : store == "left-store" ? left_ : right_)
      if (!versions.empty() && partition_of_key(key, partitions_) == task) rows[key] = versions.latest();
    return rows;
  }

 private:
  // What was put out last for a left key, and which versions of the rows that was.
  struct Last {
    std::string id;
    int version = -1, met = -1;
    std::set<std::string> pairs;
  };
  static std::string foreign_key(const std::string& row) { return parts(row, ':').second; }
  std::string final_of(const std::string& row) const {
    const auto right = right_.find(foreign_key(row));
    return row + "|" + (right == right_.end() || right->second.empty() ? nothing : right->second.latest().value);
  }

  const int32_t partitions_;
  std::map<std::string, Versions> left_, right_;
  std::map<std::string, Last> last_;  // by left key
};

}  // namespace

std::unique_ptr<Shape> make_global_shape(const Plan& plan) { return std::make_unique<Global>(plan); }
std::unique_ptr<Shape> make_foreign_key_shape(const Plan& plan) { return std::make_unique<ForeignKey>(plan); }

}  // namespace kstreamd::sim

// Holds what comes out against what went in: every update once, on the right state, in the order of its input; nothing
// else. Where the guarantee is at least once: every update, some of them again, nothing else, and on states that lack
// nothing; unless a process that was thrown out of the group went on for a while, which may leave its own in
// changelogs. It reads the log by itself, while the engine runs, so that a failure is found where it happens.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/ports/cluster.h"
#include "tests/sim/chaos.h"
#include "tests/sim/shapes.h"

namespace kstreamd::sim {

class Oracle {
 public:
  Oracle(Shape& shape, const Chaos& chaos, Cluster& log);
  ~Oracle();

  // Reads on. The first thing that is wrong, once found, is the answer for good; empty: nothing.
  const std::string& look();
  // All that is due for the input so far is there.
  bool complete() const { return missing() == 0; }
  size_t missing() const { return missing_ + shape_.missing(); }
  size_t outputs() const { return outputs_; }
  // Outputs that had been there before.
  size_t repeats() const { return repeats_; }
  // Of all outputs with their places.
  uint64_t digest() const { return digest_; }
  // Some of what is missing, for a message.
  std::string some_missing() const;
  // The ids of the input must be those that were sent.
  std::string check_inputs(const std::set<int>& sent) const;
  // The rows that a store must hold in a task.
  Rows rows(size_t stage, bool last_store, int32_t partition, int32_t partitions) const;

 private:
  struct Key {
    std::map<std::string, std::deque<Expected>> lanes;
    std::set<std::string> seen;
    bool deleted = false;                               // by any of them, perhaps before one that comes again
    std::map<std::string, int64_t> counts;              // by lane: ids so far
    std::map<std::string, int64_t, std::less<>> least;  // by id: what a state must count at least
    Link link;
    std::string last_id;
    int64_t timestamp = 0;
    int32_t partition = -1;
  };
  void take_input(const FetchedRecord& record);
  void take_output(size_t stage, const FetchedRecord& record);
  std::optional<Expected> take_due(Key& key, const std::string& id) const;
  std::optional<Expected> take_raced(size_t stage, const std::string& name, const std::string& id, int64_t timestamp,
                                     const std::string& at);
  std::string wrong_about(const Expected& due, const Key& key, const FetchedRecord& record, Link link) const;
  std::string lacks(size_t stage, const Key& key, const std::string& id, Link link) const;
  std::string why_unexpected(const Key& key, const std::string& id) const;
  bool read(RecordSource& source, const std::function<void(int32_t slot, const FetchedRecord&)>& take);

  Shape& shape_;
  const Chaos& chaos_;
  const int32_t partitions_;
  const bool at_least_once_;
  const std::vector<Stage> stages_;
  std::unique_ptr<RecordSource> inputs_;
  std::unique_ptr<RecordSource> outputs_source_;
  std::vector<std::map<std::string, Key>> keys_;  // by stage
  std::set<int> ids_;
  size_t missing_ = 0;
  size_t outputs_ = 0;
  size_t repeats_ = 0;
  uint64_t digest_ = 0;
  std::string problem_;
};

}  // namespace kstreamd::sim

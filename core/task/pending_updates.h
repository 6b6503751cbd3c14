// What a table with `emit: per_commit` puts out at the next commit: the last update of each key, in the order of these
// last updates. An update goes on with the timestamp, headers and origin that it came with; its old value, where it has
// one (sdk/change.h), is that of the last commit. A key that came and went since then is not mentioned.
//
// Life-cycle: of one node; emptied at each commit, gone with the node after an abort. Threads: the task's worker.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/record/owned_records.h"
#include "kstreamd/sdk/change.h"

namespace kstreamd {

class PendingUpdates {
 public:
  // Copies.
  void add(const kst_record& update);
  bool empty() const { return last_.empty(); }
  // About what it takes in memory.
  size_t bytes() const { return bytes_; }

  struct Taken {
    OwnedRecords owner;
    OwnedRecords before;
    std::deque<Change> changes;
    std::vector<kst_record> records;  // in order; they point into the others
  };
  // All of them; nothing is pending afterwards.
  Taken take();

 private:
  struct Last {
    uint32_t update = 0;             // number of the last update, in updates_
    std::optional<uint32_t> before;  // number of what there was at the last commit, in before_; none: it is not known
  };

  // Forgets updates that later ones have replaced, once these are the most.
  void compact();

  OwnedRecords updates_{chunk};       // with new values alone
  OwnedRecords before_{chunk};        // values of the last commit
  std::vector<const Last*> last_of_;  // of each of updates_; null: it was replaced
  std::unordered_map<std::string, Last> last_;
  std::string key_;  // of the update at hand
  size_t bytes_ = 0;

  static constexpr size_t chunk = 64 << 10;
};

}  // namespace kstreamd

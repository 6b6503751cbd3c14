// What a table with `emit: per_commit` puts out at the next commit: the last update of each key, in the order of these
// last updates. An update goes on with the timestamp, headers and origin that it came with.
//
// Life-cycle: of one node; emptied at each commit, gone with the node after an abort. Threads: the task's worker.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/record/owned_records.h"

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
    std::vector<kst_record> records;  // in order; they point into `owner`
  };
  // All of them; nothing is pending afterwards.
  Taken take();

 private:
  // Forgets updates that later ones have replaced, once these are the most.
  void compact();

  OwnedRecords updates_{chunk};
  std::vector<bool> replaced_;  // of each of updates_
  std::unordered_map<std::string, uint32_t> last_;
  std::string key_;  // of the update at hand
  size_t bytes_ = 0;

  static constexpr size_t chunk = 64 << 10;
};

}  // namespace kstreamd

#include "tests/sim/faults.h"

#include <cstdio>

namespace kstreamd::sim {
namespace {

// What a run of many seeds must have had of crashes, so that it says something about them.
constexpr uint64_t least_at_a_point = 10;
constexpr uint64_t least_at_all_points = 200;

}  // namespace

const char* name_of(Event event) {
  static constexpr const char* names[] = {
      "crash between steps",
      "crash before a produce",
      "crash after a produce",
      "crash before the offsets",
      "crash after the offsets",
      "crash before the commit",
      "crash after the commit",
      "crash before the local write",
      "crash after the local write",
      "crash before a flush",
      "crash after a flush",
      "crash before an ingestion",
      "crash after an ingestion",
      "crash before a checkpoint",
      "crash after a checkpoint",
      "crash while restoring",
      "crash in the group",
      "instance stopped",
      "worker stalled",
      "control stalled",
      "restorer stalled",
      "process stalled",
      "member expelled",
      "rebalance event delayed",
      "assignment announced again",
      "membership lost while taking",
      "init to be repeated",
      "init failed",
      "produce failed",
      "produce fenced",
      "offsets refused",
      "offsets to be repeated",
      "offsets unknown",
      "commit refused",
      "commit to be repeated",
      "commit unknown, done",
      "commit unknown, not done",
      "commit unknown, on its way",
      "abort failed",
      "committed() to be repeated",
      "committed() failed",
      "read failed",
      "changelog read failed",
      "restore slowed",
      "admin call failed",
      "state found damaged",
      "local write damaged",
      "local write refused",
      "state flushed",
      "state flushed in the background",
      "restored rows written early",
      "changelog cleaned",
      "input aborted",
      "input transaction left open",
      "member replaced unnoticed",
      "replaced while restoring",
      "rebalance",
      "tasks revoked",
      "tasks lost",
      "session timed out",
      "back under another member id",
      "zombie's offsets refused",
      "open transaction taken over",
      "transaction timed out",
      "late commit landed",
      "late commit fenced",
      "offsets pending",
      "transaction aborted",
      "unflushed commits lost",
      "unflushed commits kept",
      "background flush kept",
      "restored rows ingested",
      "store restored whole",
      "store restored from its tail",
      "state wiped and rebuilt",
      "repartition topic purged",
      "instance failed",
      "instance started again",
      "everything rebuilt at the end",
      "held record completed at once",
      "held record completed later",
      "held record completed too late",
      "punctuation with rows",
      "window already expired",
      "sessions merged",
      "record refused",
      "at least once, more than once",
  };
  static_assert(std::size(names) == static_cast<size_t>(Event::kinds));
  return names[static_cast<size_t>(event)];
}

void Coverage::merge(const Coverage& other) {
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

std::string Coverage::table() const {
  std::string text;
  const size_t rows = (counts_.size() + 1) / 2;
  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = row; i < counts_.size(); i += rows) {
      char cell[64];
      std::snprintf(cell, sizeof cell, "  %-31s %9llu", name_of(static_cast<Event>(i)),
                    static_cast<unsigned long long>(counts_[i]));
      text += cell;
    }
    text += '\n';
  }
  return text;
}

std::string Coverage::crash_table() const {
  std::string text = "  crashes at      before     after\n";
  auto line = [&text](const char* name, uint64_t before, uint64_t after) {
    char cells[64];
    std::snprintf(cells, sizeof cells, "  %-12s %9llu %9llu\n", name, static_cast<unsigned long long>(before),
                  static_cast<unsigned long long>(after));
    text += cells;
  };
  uint64_t before = 0, after = 0;
  for (const auto& point : crash_points) {
    line(point.name, of(point.before), of(point.after));
    before += of(point.before);
    after += of(point.after);
  }
  line("together", before, after);
  return text;
}

std::vector<std::string> Coverage::missing() const {
  std::vector<std::string> names;
  for (size_t i = 0; i < counts_.size(); ++i)
    if (counts_[i] == 0) names.push_back(std::string("never came: ") + name_of(static_cast<Event>(i)));
  uint64_t together = 0;
  auto too_few = [&names](const std::string& what, uint64_t count, uint64_t least) {
    if (count > 0 && count < least)
      names.push_back("came only " + std::to_string(count) + " times, " + std::to_string(least) +
                      " are asked for: " + what);
  };
  for (const auto& point : crash_points)
    for (Event event : {point.before, point.after}) {
      too_few(name_of(event), of(event), least_at_a_point);
      together += of(event);
    }
  too_few("crashes at all points", together, least_at_all_points);
  return names;
}

}  // namespace kstreamd::sim

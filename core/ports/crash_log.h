// Which records brought the process down before, as earlier processes of this instance wrote it down.
#pragma once
#include <string>
#include <string_view>

#include "kstreamd/abi/record.h"

namespace kstreamd {

enum class CrashVerdict {
  none,    // nothing is known of this record
  alone,   // one of the records of a batch on which the process crashed: to be processed alone, so that it shows which
  refuse,  // the process crashed on this record as often as is allowed: not to be processed again
};

// Thread safety: every function may be called from any thread.
class CrashLog {
 public:
  virtual ~CrashLog() = default;
  // Whether nothing is known of any record: then verdicts need not be asked for.
  virtual bool empty() const = 0;
  virtual CrashVerdict verdict(std::string_view topology, std::string_view node, const kst_origin& origin) const = 0;
};

}  // namespace kstreamd

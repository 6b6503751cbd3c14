// Forwards record by record through the C++ kit: what most authors will write.
#include <kstreamd/sdk/plugin.h>

namespace {

using namespace kstreamd;

class PassRecords {
 public:
  static constexpr const char* kName = "pass_records";
  static constexpr const char* kDescription = "forwards each record";
  PassRecords(sdk::Context&, const sdk::Config&) {}
  void process(const Record& record, sdk::Context& context) { context.forward(record); }
};

}  // namespace

KSTREAMD_PLUGIN("pass_records", "1.0.0", PassRecords);

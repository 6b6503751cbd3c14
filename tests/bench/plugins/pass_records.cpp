// Forwards record by record through the C++ kit, of any types and typed: what most authors will write.
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

class PassTyped {
 public:
  static constexpr const char* kName = "pass_typed";
  static constexpr const char* kDescription = "forwards each record, as bytes";
  PassTyped(sdk::Context&, const sdk::Config&) {}
  void process(const sdk::Typed<sdk::Bytes, sdk::Bytes>& record, sdk::Context& context) { context.forward(record); }
};

}  // namespace

KSTREAMD_PLUGIN("pass_records", "1.0.0", PassRecords, PassTyped);

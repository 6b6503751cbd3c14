// On the SDK: a processor that throws for some records, which is an error of those records and nothing else.
#include <kstreamd/sdk/plugin.h>

#include <stdexcept>

namespace {

class Throws {
 public:
  static constexpr const char* kName = "throws";
  static constexpr const char* kDescription = "throws at every value 'bad'";
  Throws(kstreamd::sdk::Context&, const kstreamd::sdk::Config& config) {
    if (config.boolean("at_once", false)) throw std::runtime_error("no luck today");
  }
  void process(const kstreamd::Record& record, kstreamd::sdk::Context& context) {
    if (kstreamd::data_of(record.value) == "bad") throw std::out_of_range("value is bad");
    context.forward(record);
  }
};

}  // namespace

KSTREAMD_PLUGIN("throws", "1.0.0", Throws);

// A plugin that stands for Kafka Streams' table(): keeps the last value of each key in its store, and hands the records
// on. kstreamd has no operator for that, and W6 is about the store's restoration.
#include <kstreamd/sdk/plugin.h>

namespace {

class Table {
 public:
  static constexpr const char* kName = "bench_table";
  static constexpr const char* kDescription = "keeps the last value of each key";
  static constexpr kstreamd::sdk::StoreNeed kStores[] = {{"the table"}};

  Table(kstreamd::sdk::Context& context, const kstreamd::sdk::Config&) : table_(context.store(0)) {}

  void process(const kstreamd::Record& record, kstreamd::sdk::Context& context) {
    table_.put(record.key, record.value, record.timestamp);
    context.forward(record);
  }

 private:
  const kstreamd::sdk::RawKeyValueStore table_;
};

}  // namespace

KSTREAMD_PLUGIN("bench_table", "1.0.0", Table);

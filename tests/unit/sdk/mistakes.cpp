// What authors get wrong: compiled once for each value of MISTAKE, by mistakes.py. The comment behind each #if is part
// of the message that the compiler must give; without MISTAKE everything is right.
#include <kstreamd/sdk/plugin.h>

namespace sdk = kstreamd::sdk;
using kstreamd::Record;

struct Right {
  static constexpr const char* kName = "right";
  static constexpr const char* kDescription = "one line";
  Right(sdk::Context&, const sdk::Config&) {}
  void process(const sdk::Typed<std::string_view, int64_t>& record, sdk::Context& context) { context.forward(record); }
};

#if MISTAKE == 1  // a processor needs `static constexpr const char* kName
struct Wrong {
  static constexpr const char* kDescription = "one line";
  Wrong(sdk::Context&, const sdk::Config&) {}
  void process(const Record&, sdk::Context&) {}
};
#elif MISTAKE == 2   // a processor needs `static constexpr const char* kDescription
struct Wrong {
  static constexpr const char* kName = "wrong";
  Wrong(sdk::Context&, const sdk::Config&) {}
  void process(const Record&, sdk::Context&) {}
};
#elif MISTAKE == 3   // a processor needs a function `void process(
struct Wrong {
  static constexpr const char* kName = "wrong";
  static constexpr const char* kDescription = "one line";
  Wrong(sdk::Context&, const sdk::Config&) {}
};
#elif MISTAKE == 4   // a processor has exactly one process, public and no template
struct Wrong : Right {
  using Right::Right;
  void process(const Record&, sdk::Context&) {}
  void process(std::span<const Record>, sdk::Context&) {}
};
#elif MISTAKE == 5   // a processor has exactly one process, public and no template
class Wrong {
 public:
  static constexpr const char* kName = "wrong";
  static constexpr const char* kDescription = "one line";
  Wrong(sdk::Context&, const sdk::Config&) {}

 private:
  void process(const Record&, sdk::Context&) {}
};
#elif MISTAKE == 6   // a processor's process takes (const sdk::Typed<Key, Value>&, sdk::Context&)
struct Wrong : Right {
  using Right::Right;
  void process(std::string_view, sdk::Context&) {}
};
#elif MISTAKE == 7   // a processor's process takes (const sdk::Typed<Key, Value>&, sdk::Context&)
struct Wrong : Right {
  using Right::Right;
  void process(const Record&) {}
};
#elif MISTAKE == 8   // a processor's process takes its records as const
struct Wrong : Right {
  using Right::Right;
  void process(Record&, sdk::Context&) {}
};
#elif MISTAKE == 9   // a processor's process returns nothing
struct Wrong : Right {
  using Right::Right;
  bool process(const Record&, sdk::Context&) { return true; }
};
#elif MISTAKE == 10  // kOutputs is a list of names
struct Wrong : Right {
  using Right::Right;
  static constexpr const char* kOutputs = "late";
};
#elif MISTAKE == 11  // kStores is a list of needs
struct Wrong : Right {
  using Right::Right;
  static constexpr uint32_t kStores = 1;
};
#elif MISTAKE == 12  // kMaxInFlight is a number of records
struct Wrong : Right {
  using Right::Right;
  static constexpr int kMaxInFlight = 100;
};
#elif MISTAKE == 13  // kCompletionTimeout is a duration, beside a kMaxInFlight
struct Wrong : Right {
  using Right::Right;
  static constexpr std::chrono::seconds kCompletionTimeout{5};
};
#elif MISTAKE == 14  // a processor needs a public constructor (sdk::Context&, const sdk::Config&)
struct Wrong {
  static constexpr const char* kName = "wrong";
  static constexpr const char* kDescription = "one line";
  void process(const Record&, sdk::Context&) {}
};
#elif MISTAKE == 15  // a processor's punctuate is `void punctuate(const sdk::Schedule&, int64_t timestamp
struct Wrong : Right {
  using Right::Right;
  void punctuate(int64_t) {}
};
#elif MISTAKE == 16  // a processor's init is `void init(sdk::Context&)`
struct Wrong : Right {
  using Right::Right;
  void init() {}
};
#elif MISTAKE == 17  // a processor's check is `static void check(const sdk::Config&)`
struct Wrong : Right {
  using Right::Right;
  void check(const sdk::Config&) {}
};
#elif MISTAKE == 18  // this type cannot be a key or value
struct Wrong : Right {
  using Right::Right;
  void process(const sdk::Typed<std::string_view, std::vector<int> >&, sdk::Context&) {}
};
#elif MISTAKE == 19  // this type cannot be a key or value
struct Wrong : Right {
  using Right::Right;
  void process(const sdk::Typed<std::string_view, int64_t>&, sdk::Context& context) {
    context.store<std::string_view, float>(0).get("k");
  }
};
#elif MISTAKE == 20  // T needs `std::string to_json() const;`
struct Order {
  static constexpr const char* kTypeId = "acme.order/1";
};
struct Wrong : Right {
  using Right::Right;
  void process(const sdk::Typed<std::string_view, sdk::Object<Order> >&, sdk::Context&) {}
};
#elif MISTAKE == 21  // a serde needs `static T read(std::string_view bytes, sdk::Memory& memory)`
struct Wrong {
  static constexpr const char* kName = "wrong";
  static constexpr const char* kDescription = "one line";
  static int64_t read(std::string_view) { return 0; }
  static std::string write(int64_t, sdk::Memory&) { return {}; }
};
#elif MISTAKE == 22  // a serde needs `static std::string_view write(const T& value, sdk::Memory& memory)`
struct Wrong {
  static constexpr const char* kName = "wrong";
  static constexpr const char* kDescription = "one line";
  static int64_t read(std::string_view, sdk::Memory&) { return 0; }
  static int64_t write(int64_t, sdk::Memory&) { return 0; }
};
#elif MISTAKE == 23  // exactly one public function process
struct Wrong final {
  static constexpr const char* kName = "wrong";
  static constexpr const char* kDescription = "one line";
  Wrong(sdk::Context&, const sdk::Config&) {}
};
#else
using Wrong = Right;
#endif

KSTREAMD_PLUGIN("mistakes", "1.0.0", Wrong);

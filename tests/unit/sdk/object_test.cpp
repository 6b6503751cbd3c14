// Objects of the author's own type between processors, and serdes.
#include <kstreamd/sdk/plugin.h>
#include <kstreamd/sdk/testing.h>

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

using namespace kstreamd;
using sdk::Config;
using sdk::Context;
using sdk::Object;
using sdk::Typed;
using sdk::testing::record;
using sdk::testing::TestTask;
using Texts = std::vector<std::string>;

namespace {

struct Order {
  static constexpr const char* kTypeId = "test.order/1";
  std::string item;
  int count = 0;
  Order(std::string i, int c) : item(std::move(i)), count(c) {}
  std::string to_json() const {
    if (count < 0) throw std::domain_error("a negative count");
    return "{\"item\":\"" + item + "\",\"count\":" + std::to_string(count) + "}";
  }
  std::string to_bytes() const { return item + "x" + std::to_string(count); }
};
struct Plain {
  static constexpr const char* kTypeId = "test.plain/1";
  std::string_view to_json() const { return "{}"; }
};

// Makes two orders of a text, or passes on the ones it gets.
struct Maker {
  static constexpr const char* kName = "maker";
  static constexpr const char* kDescription = "for tests";
  static constexpr sdk::StoreNeed kStores[] = {{"orders"}};
  Maker(Context& context, const Config&) : orders(context.store<std::string_view, Object<Order>>(0)) {}
  void process(const Typed<std::string_view, std::string_view>& record, Context& context) {
    const auto order = Object<Order>::make(std::string(record.value), 1);
    context.forward(record.with_value(order));
    orders.put(record.key, order, 0);
    context.forward(record.with_value(Object<Order>::make("more", 2)));
    context.forward(record.with_value(*orders.get(record.key)));
  }
  sdk::KeyValueStore<std::string_view, Object<Order>> orders;
};
struct Taker {
  static constexpr const char* kName = "taker";
  static constexpr const char* kDescription = "for tests";
  Taker(Context&, const Config&) {}
  void process(const Typed<std::string_view, Object<Order>>& record, Context& context) {
    context.forward(record);
    context.forward(record.with_value(record.value->count));
  }
};
struct JsonTaker {
  static constexpr const char* kName = "json_taker";
  static constexpr const char* kDescription = "for tests";
  JsonTaker(Context&, const Config&) {}
  void process(const Typed<Value, sdk::Json>& record, Context& context) {
    context.forward(record.with_value(record.value.text));
  }
};
// Keeps an owner too many.
struct Leaker {
  static constexpr const char* kName = "leaker";
  static constexpr const char* kDescription = "for tests";
  Leaker(Context&, const Config&) {}
  void process(const Record& record, Context& context) {
    Record out = record;
    out.value = Object<Order>::make("lost", 1).release_value();
    lost = out.value.u.object;
    context.forward(out);
  }
  static inline const kst_object* lost = nullptr;
};

struct OrderSerde {
  static constexpr const char* kName = "test_order";
  static constexpr const char* kDescription = "orders as item*count";
  static Object<Order> read(std::string_view bytes, sdk::Memory&) {
    const size_t star = bytes.find('*');
    if (star == bytes.npos) throw std::invalid_argument("a '*' is missing");
    return Object<Order>::make(std::string(bytes.substr(0, star)), std::stoi(std::string(bytes.substr(star + 1))));
  }
  static std::string write(const Object<Order>& order, sdk::Memory&) {
    return order->item + "*" + std::to_string(order->count);
  }
};
struct TrimSerde {
  static constexpr const char* kName = "trimmed";
  static constexpr const char* kDescription = "text without the last byte";
  static std::string_view read(std::string_view bytes, sdk::Memory&) { return bytes.substr(0, bytes.size() - 1); }
  static std::string_view write(std::string_view text, sdk::Memory& memory) {
    return memory.copy(std::string(text) + ".");
  }
};
struct NumberSerde {
  static constexpr const char* kName = "hex";
  static constexpr const char* kDescription = "numbers in hexadecimal, null for none";
  static std::optional<std::string> read(std::string_view bytes, sdk::Memory&) {
    if (bytes.empty()) return std::nullopt;
    return "a number too long for a small string: " + std::string(bytes);
  }
  static std::string write(Value value, sdk::Memory&) { return type_name(value); }
};

std::string error(const std::function<void()>& act) {
  try {
    act();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("objects pass from processor to processor as they are, in batches of any size, and none is lost") {
  for (const bool batch : {false, true}) {
    TestTask<Maker> maker;
    TestTask<Taker> taker;
    const Record in = record(string_value("k"), string_value("bolt"));
    CHECK((batch ? maker.pipe({in, in}) : maker.pipe({in})) == KST_OK);
    REQUIRE(maker.output().size() == (batch ? 6 : 3));
    CHECK(maker.output()[1].value.text() == R"({"item":"more","count":2})");
    CHECK(maker.output()[0].value.get().u.object != maker.output()[1].value.get().u.object);
    {
      std::vector<Record> orders;
      const auto made = maker.take_output();
      for (const auto& out : made) orders.push_back(record(out.key.get(), out.value.get()));
      CHECK(taker.pipe(orders) == KST_OK);
      CHECK(taker.output()[0].value.get().u.object == orders[0].value.u.object);
      CHECK(taker.take_output()[3].value.integer() == 2);
    }
    CHECK(maker.close().empty());
    CHECK(taker.close().empty());
  }
}

TEST_CASE("an object that is never released is reported") {
  TestTask<Leaker> task;
  task.pipe({record(null_value(), null_value())});
  CHECK(task.close() == Texts{"1 object of the plugin's types are still alive: an owner was never released"});
  Leaker::lost->type->release(Leaker::lost);  // for LeakSanitizer, which is right too
}

TEST_CASE("who does not know the type of an object gets its JSON or its bytes") {
  const auto order = Object<Order>::make("nut", 3);
  TestTask<JsonTaker> task;
  task.pipe({record(null_value(), order.value())});
  CHECK(task.output()[0].value.text() == R"({"item":"nut","count":3})");
  sdk::OwnMemory memory;
  CHECK(sdk::bytes_of(order.value().u.object, memory) == "nutx3");
  CHECK(sdk::bytes_of(Object<Plain>::make().value().u.object, memory) == "{}");
  const auto bad = Object<Order>::make("nut", -1);
  task.pipe({record(null_value(), bad.value())});
  CHECK(task.errors() == Texts{"an object of type 'test.order/1' cannot be turned into JSON: a negative count"});
  TestTask<Taker> taker;
  const auto plain = Object<Plain>::make();
  taker.pipe({record(string_value("k"), plain.value())});
  CHECK(taker.errors() == Texts{"the value is an object, this processor takes test.order/1"});
}

TEST_CASE("a serde reads and writes its types, and says what it does not take") {
  const auto* orders = sdk::serde_type<OrderSerde>();
  CHECK(sdk::testing::read(orders, "nail*12").text() == R"({"item":"nail","count":12})");
  CHECK(sdk::testing::write(orders, Object<Order>::make("nail", 12).value()) == "nail*12");
  CHECK(error([&] { sdk::testing::read(orders, "nail"); }) == "a '*' is missing");
  CHECK(error([&] { sdk::testing::write(orders, int64_value(1)); }) ==
        "the serde test_order writes test.order/1, not an int64");
  const auto* trimmed = sdk::serde_type<TrimSerde>();
  CHECK(sdk::testing::read(trimmed, "abc").text() == "ab");
  CHECK(sdk::testing::write(trimmed, string_value("abc")) == "abc.");
  const auto* numbers = sdk::serde_type<NumberSerde>();
  CHECK(sdk::testing::read(numbers, "ff").text() == "a number too long for a small string: ff");
  CHECK(sdk::testing::read(numbers, "").is_null());
  CHECK(sdk::testing::write(numbers, json_value("1")) == "json");
}

TEST_CASE("a plugin lists processors and serdes apart") {
  const auto* plugin = sdk::plugin<Maker, OrderSerde, Taker, TrimSerde>("mixed", "1.2.3");
  CHECK(plugin->abi_major == KST_ABI_MAJOR);
  CHECK(std::string(plugin->processors[0]->name) == "maker");
  CHECK(std::string(plugin->processors[1]->name) == "taker");
  CHECK(plugin->processors[2] == nullptr);
  CHECK(std::string(plugin->serdes[0]->name) == "test_order");
  CHECK(std::string(plugin->serdes[1]->name) == "trimmed");
  CHECK(plugin->serdes[2] == nullptr);
}

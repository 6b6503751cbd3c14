// Processors made by the host: through the ABI, by plugins that keep its rules and by one that does not.
#include <kstreamd/sdk/plugin.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>

#include "tests/unit/plugin_host/fixture.h"

using namespace kstreamd;
namespace fs = std::filesystem;

namespace {

using Forwarded = std::vector<std::pair<uint32_t, std::string>>;

class Shout {
 public:
  static constexpr const char* kName = "shout";
  static constexpr const char* kDescription = "adds '!'";
  static constexpr const char* kOutputs[] = {"loud", "silent"};
  Shout(sdk::Context& context, const sdk::Config&) : name_(context.node_name()) {}
  static void check(const sdk::Config& config) { config.problem_at("expression", 2, 7, "is wrong", "do it right"); }
  void process(const Record& record, sdk::Context& context) {
    if (record.value.size == 0) return context.drop("empty");
    const std::string text = name_ + ":" + std::string(data_of(record.value)) + "!";
    Record out = record;
    out.value = string_value(text);
    context.forward(out);
  }

 private:
  const std::string name_;
};

}  // namespace

TEST_CASE("a built-in operator is found, described, checked and run") {
  PluginHost host;
  REQUIRE(host.add_builtin(sdk::plugin<Shout>("whatever", "1.0.0")).ok());
  const ProcessorInfo* info = host.find("shout");
  REQUIRE(info);
  CHECK(info->plugin == "builtin");
  CHECK(info->outputs == std::vector<std::string>{"loud", "silent"});
  CHECK(info->deterministic);
  CHECK(host.list().size() == 1);

  const auto problems = host.check("shout", "{}");
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].pointer == "/expression");
  CHECK(problems[0].line == 2);
  CHECK(problems[0].column == 7);
  CHECK(problems[0].message == "'expression' is wrong");
  CHECK(problems[0].hint == "do it right");

  FakeContext context;
  auto processor = host.create("shout", "{}", context);
  REQUIRE(processor.ok());
  size_t done = 0;
  const std::vector<Record> records = {text_record("a", "x"), text_record("b", ""), text_record("c", "y")};
  CHECK((*processor)->process(records, done) == KST_OK);
  CHECK(context.forwarded == Forwarded{{0, "node:x!"}, {0, "node:y!"}});
  CHECK(context.drops["empty"] == 1);
  context.answer = KST_STOP;
  CHECK((*processor)->process(records, done) == KST_STOP);

  CHECK_FALSE(host.add_builtin(sdk::plugin<Shout>("whatever", "1.0.0")).ok());
}

TEST_CASE("an unknown processor is an error that says how to look") {
  PluginHost host;
  FakeContext context;
  CHECK(host.find("nothing") == nullptr);
  const auto made = host.create("nothing", "{}", context);
  REQUIRE_FALSE(made.ok());
  CHECK(made.error().text() ==
        "there is no processor 'nothing' (`kstreamd plugins` lists what is loaded, and why a file was refused)");
  CHECK(host.check("nothing", "{}").size() == 1);
}

TEST_CASE("the example plugins load from their files and work") {
  PluginHost host;
  REQUIRE(host.load_folder(KSTREAMD_PLUGINS).empty());
  CHECK(host.find("mask")->plugin == "mask 1.0.0");
  CHECK(host.find("dedup")->stores.size() == 1);
  FakeContext context;
  size_t done = 0;

  auto mask = host.create("mask", "{}", context);
  REQUIRE(mask.ok());
  const std::vector<Record> cards = {text_record("k", "4111 1111 1111 1111"), text_record("k", "none")};
  CHECK((*mask)->process(cards, done) == KST_OK);
  CHECK(context.forwarded == Forwarded{{0, "**** **** **** 1111"}, {0, "none"}});

  context.forwarded.clear();
  auto dedup = host.create("dedup", R"({"within":"1m"})", context);
  REQUIRE(dedup.ok());
  const std::vector<Record> events = {text_record("k", "x"), text_record("k", "y"), text_record("k", "x")};
  CHECK((*dedup)->process(events, done) == KST_OK);
  CHECK(context.forwarded == Forwarded{{0, "x"}, {0, "y"}});
  CHECK(context.drops["duplicate"] == 1);

  const auto refused = host.create("dedup", R"({"withn":"1m"})", context);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message ==
        "processor 'dedup' cannot be made for node 'node': 'within' is missing; unknown key 'withn' (did you mean "
        "'within'?)");
}

TEST_CASE("a plugin exports its entry and nothing else") {
  for (const char* name : {"mask", "dedup"}) {
    FILE* nm = ::popen(("nm -D --defined-only " + example_plugin(name)).c_str(), "r");
    REQUIRE(nm);
    std::string symbols;
    for (char line[256]; std::fgets(line, sizeof line, nm);) {
      const std::string text(line);
      symbols += text.substr(text.rfind(' ') + 1);
    }
    ::pclose(nm);
    CHECK(symbols == "kst_plugin_entry\n");
  }
}

TEST_CASE("an exception behind the SDK is an error of its record") {
  PluginHost host;
  REQUIRE(host.load_file(bad_plugin("throws")).ok());
  FakeContext context;
  auto processor = host.create("throws", "{}", context);
  REQUIRE(processor.ok());
  const std::vector<Record> records = {text_record("1", "a"), text_record("2", "b"), text_record("3", "bad"),
                                       text_record("4", "c")};
  size_t done = 0;
  CHECK((*processor)->process(records, done) == KST_RECORD_ERROR);
  CHECK(done == 2);
  CHECK(context.failure == "value is bad");
  CHECK(context.forwarded == Forwarded{{0, "a"}, {0, "b"}});
  CHECK((*processor)->process(std::span(records).subspan(3), done) == KST_OK);
  CHECK(context.forwarded.size() == 3);

  const auto refused = host.create("throws", R"({"at_once":true})", context);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message == "processor 'throws' cannot be made for node 'node': no luck today");
}

TEST_CASE("a plugin that breaks the rules stops its task, and says so, but does not end the process") {
  PluginHost host;
  REQUIRE(host.load_file(bad_plugin("misbehaves")).ok());
  const auto run = [&](const char* act) {
    FakeContext context;
    auto processor = host.create("misbehaves", R"({"act":")" + std::string(act) + "\"}", context);
    if (!processor.ok()) return processor.error().message;
    const std::vector<Record> records = {text_record("k", "x")};
    size_t done = 0;
    CHECK((*processor)->process(records, done) == KST_FATAL);
    return context.failure;
  };
  const std::string made = "processor 'misbehaves' cannot be made for node 'node': ";
  const std::string ran = "the plugin's processor 'misbehaves' ", bug = ": this is a bug of the plugin";
  CHECK(run("throw in create") == made + ran + "threw a C++ exception across the plugin ABI in create" + bug);
  CHECK(run("fail silently") == made + "it gives no reason");
  CHECK(run("refuse") == made + "no such table");
  CHECK(run("throw") == ran + "threw a C++ exception across the plugin ABI in process" + bug);
  CHECK(run("blame") == ran + "said that record 6 of a batch of 1 failed" + bug);
  CHECK(run("unknown status") == ran + "returned an unknown status 42" + bug);
}

TEST_CASE("a file is copied by its content, so that it may be replaced or damaged afterwards") {
  const TemporaryFolder folder;
  const std::string copies = folder.path("state/plugins");
  const std::string path = folder.path("sound.so");
  fs::copy_file(bad_plugin("sound"), path);
  const auto count = [&] { return std::distance(fs::directory_iterator(copies), fs::directory_iterator()); };
  for (int start = 0; start < 2; ++start) {
    PluginHost host(copies);
    REQUIRE(host.load_file(path).ok());
    CHECK(count() == 1);
    CHECK((fs::status(copies).permissions() & fs::perms::all) == fs::perms::owner_all);
    if (start == 0) {
      fs::remove(path);
      FakeContext context;
      CHECK(host.create("bad", "{}", context).ok());
      fs::copy_file(bad_plugin("sound"), path);
    }
  }
  // A copy that was cut off by a full disk is not trusted for its name.
  const fs::path copy = fs::directory_iterator(copies)->path();
  fs::remove(copy);
  std::ofstream(copy) << "cut";
  PluginHost host(copies);
  CHECK(host.load_file(path).ok());
  CHECK(fs::file_size(copy) == fs::file_size(path));
}

// Expressions in topology files: scripts that they call, and where what is wrong with them is shown.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/testing/driver_fixture.h"

using namespace kstreamd;
using namespace kstreamd::testing;

namespace {

// A folder with a topology and the script beside it.
class Folder {
 public:
  Folder(const std::string& nodes, const std::string& script) {
    std::filesystem::create_directories(path_ / "lua");
    std::ofstream(path_ / "t.yaml") << "kstreamd: 1\nname: app\nscript: { file: lua/x.lua }\nnodes:\n" << nodes;
    std::ofstream(path_ / "lua" / "x.lua") << script;
  }
  ~Folder() { std::filesystem::remove_all(path_); }

  SpecResult<Topology> load() const { return load_topology((path_ / "t.yaml").string(), builtin_host()); }
  // What `validate` says, without the path of the folder.
  std::string said() const {
    std::string out;
    for (const auto& diagnostic : load().diagnostics) {
      auto line = text(diagnostic);
      REQUIRE(line.starts_with(path_.string() + "/"));
      out += line.substr(path_.string().size() + 1) + "\n";
    }
    return out;
  }

 private:
  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("kstreamd-script-" + std::to_string(getpid()));
};

const std::string kIn = "  in: { source: { topic: in, key: string, value: int64 } }\n";

}  // namespace

TEST_CASE("the expressions of every operator call the functions of the topology's script") {
  const Folder folder(kIn +
                          "  some: { from: in, filter: \"big(value)\" }\n"
                          "  keyed: { from: some, select_key: \"key .. twice(value)\" }\n"
                          "  split: { from: keyed, branch: { huge: \"twice(value) > 100\", rest: default } }\n"
                          "  counted: { from: split.huge, count: {}, group_by: \"twice(1)\", serde: { key: int64 } }\n"
                          "  rest: { from: split.rest, sink: { topic: rest, key: string, value: int64 } }\n"
                          "  out: { from: counted, sink: { topic: out, key: int64, value: int64 } }\n",
                      "local limit = 5\nfunction big(x) return x > limit end\nfunction twice(x) return 2 * x end\n");
  auto loaded = folder.load();
  for (const auto& diagnostic : loaded.diagnostics) UNSCOPED_INFO(text(diagnostic));
  REQUIRE(loaded.ok());
  auto driver =
      TopologyTestDriver::make(std::make_shared<const Topology>(std::move(*loaded.value)), builtin_host(), {});
  REQUIRE(driver);
  for (const int64_t value : {3, 6, 60}) REQUIRE((*driver)->send("in", string_value("k"), int64_value(value), value));
  CHECK(read_text(**driver, "rest") == "k12=6@6");
  CHECK(read_text(**driver, "out") == "2=1@60");
}

TEST_CASE("what is wrong with a script is shown once, at its line") {
  const std::string nodes =
      kIn + "  a: { from: in, filter: \"big(value)\" }\n  b: { from: a, filter: \"big(valu)\" }\n";
  CHECK(Folder(nodes, "function big(x)\n  return x > limt\nend\nlocal limit = 5\n").said() ==
        "lua/x.lua:2:14: error: unknown name 'limt'\n  hint: did you mean 'list'?\n"
        "t.yaml:7:30: error: node 'b': unknown name 'valu'\n  hint: did you mean 'value'?\n");
  CHECK(Folder(kIn + "  a: { from: in, filter: \"big(value)\" }\n", "function big(x)\n  return x >\nend\n").said() ==
        "lua/x.lua:3:1: error: unexpected symbol near 'end'\n");
  CHECK(Folder(kIn + "  a: { from: in, filter: \"big(value)\" }\n", "\n\nwhile true do end\n").said() ==
        "lua/x.lua:3:1: error: stopped after the work of 10000000 instructions: it runs too long\n"
        "  hint: a script runs once, to define functions\n"
        "t.yaml:6:27: error: node 'a': unknown name 'big'\n"
        "  hint: a text goes in quotes, a field is value.NAME, a variable is declared with local\n");
}

TEST_CASE("an expression that asks for null or for a name that its operator does not know is shown where it stands") {
  CHECK(Folder(kIn + "  a:\n    from: in\n    filter: |\n      local x = value\n      return x == null\n", "").said() ==
        "t.yaml:10:19: warning: node 'a': a comparison with null is never true\n"
        "  hint: absence reads as nil: compare with nil\n");
  CHECK(Folder(kIn + "  a: { from: in, map: { value: \"value + aggregate\" } }\n", "").said() ==
        "t.yaml:6:41: error: node 'a': unknown name 'aggregate'\n"
        "  hint: this expression sees key, value, window, timestamp, headers, topic, partition and offset\n");
}

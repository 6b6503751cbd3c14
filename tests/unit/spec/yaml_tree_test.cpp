#include "core/spec/yaml_tree.h"

#include <catch2/catch.hpp>
#include <random>

#include "core/spec/spec.h"
#include "tests/unit/spec/fake_catalog.h"

using namespace kstreamd;
using Catch::Matchers::Contains;

namespace {

std::shared_ptr<const YamlNode> good(const std::string& text) {
  std::vector<Diagnostic> diagnostics;
  auto root = parse_yaml(text, "f", diagnostics);
  for (const auto& d : diagnostics) UNSCOPED_INFO(kstreamd::text(d));
  REQUIRE(root);
  REQUIRE(diagnostics.empty());
  return root;
}

Diagnostic bad(const std::string& text) {
  std::vector<Diagnostic> diagnostics;
  CHECK_FALSE(parse_yaml(text, "f", diagnostics));
  REQUIRE(diagnostics.size() == 1);
  CHECK_FALSE(diagnostics[0].hint.empty());
  return diagnostics[0];
}

// "line:column" of a character of the value of `a`.
std::string within(const std::string& source, int line, int column) {
  auto root = good(source);
  auto place = place_within(*root->find("a")->value, source, line, column);
  return std::to_string(place.line) + ":" + std::to_string(place.column);
}

}  // namespace

TEST_CASE("the tree keeps order, places and repeated keys") {
  auto root = good("b: 1\na: [x, 'y']\nb: 2\n");
  REQUIRE(root->entries.size() == 2);
  CHECK(root->entries[0].key == "b");
  CHECK(root->entries[0].value->text == "1");
  CHECK(root->entries[1].value->place.line == 2);
  CHECK(root->entries[1].value->place.column == 4);
  CHECK(root->entries[1].value->items[1]->style == YamlNode::Style::single_quoted);
  REQUIRE(root->duplicates.size() == 1);
  CHECK(root->duplicates[0].place.line == 3);
  CHECK(root->duplicates[0].first.line == 1);
}

TEST_CASE("places within scalars") {
  CHECK(within("a: value > 1", 1, 7) == "1:10");
  CHECK(within("a: \"value > 1\"", 1, 7) == "1:11");
  CHECK(within("a: 'it''s x'", 1, 6) == "1:11");
  CHECK(within("a: \"x \\\"y\\\" z\"", 1, 7) == "1:13");
  CHECK(within("a: |\n  first\n    second\n", 2, 3) == "3:5");
  CHECK(within("b: { x: 1 }\na: one\n   two\n", 1, 6) == "2:4");  // folded: the scalar's own place
  CHECK(within("a: \"\\u00e4 x\"", 1, 4) == "1:4");
  CHECK(within("a: value", 5, 100) == "1:9");
}

TEST_CASE("what is not YAML says where") {
  auto d = bad("a: 1\nb: [1, 2\nc: 3\n");
  CHECK(d.line >= 2);
  CHECK_THAT(d.message, Contains("this is not YAML"));
  CHECK(bad("a: 1\n\tb: 2\n").line == 2);
  CHECK_THAT(bad("").message, Contains("empty"));
  CHECK(bad("").line == 1);
  CHECK_THAT(bad("# only a comment\n").message, Contains("empty"));
  CHECK_THAT(bad("a: 1\n---\nb: 2\n").message, Contains("second document"));
  CHECK_THAT(bad("a: *nothing\n").message, Contains("this is not YAML"));
  CHECK_THAT(bad("[a]: 1\n").message, Contains("a key has to be text"));
}

TEST_CASE("hostile input is refused") {
  CHECK_THAT(bad(std::string("a: \0b", 5)).message, Contains("not UTF-8 text"));
  CHECK(bad("a: 1\nb: \xff\xfe").line == 2);
  CHECK_THAT(bad(std::string(5 << 20, 'a')).message, Contains("4 MiB"));
  CHECK_THAT(bad("a: " + std::string(100'000, '[')).message, Contains("deep"));
  CHECK_THAT(bad("a: " + std::string(100'000, '{')).message, Contains("deep"));
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  CHECK_THAT(bad(nested).message, Contains("deep"));
  CHECK_THAT(bad("a: &a [*a]\n").message, Contains("inside of its own anchor"));
  std::string chain = "a0: &a0 [x]\n";
  for (int i = 1; i < 1000; ++i) {
    auto n = std::to_string(i);
    chain += "a" + n + ": &a" + n + " [*a" + std::to_string(i - 1) + "]\n";
  }
  CHECK_THAT(bad(chain).message, Contains("deep"));
}

TEST_CASE("a short file that unfolds without end is refused") {
  std::string bomb =
      "kstreamd: 1\nname: b\nnodes:\n  in: { source: { topic: t, key: string, value: string } }\n"
      "  x:\n    from: in\n    process: dedup\n    stores: [s]\n    config:\n      a0: &a0 [lol, lol]\n";
  for (int i = 1; i < 30; ++i) {
    auto n = std::to_string(i), before = std::to_string(i - 1);
    bomb += "      a" + n + ": &a" + n + " [*a" + before + ", *a" + before + "]\n";
  }
  auto result = load_topology_text(bomb, "f", kstreamd::testing::FakeCatalog());
  REQUIRE(result.diagnostics.size() == 1);
  CHECK_THAT(result.diagnostics[0].message, Contains("1 MiB"));
}

TEST_CASE("a mutilated file never crashes") {
  const std::string whole =
      "kstreamd: 1\nname: x\non_error: { processing: skip }\nstores: { s: { type: key_value } }\nnodes:\n"
      "  in: { source: { topics: [a, b], key: string, value: \"json\" } }\n  p:\n    from: [in]\n    branch: { x: "
      "'a''b', y: default "
      "}\n  m:\n    from: p.x\n    map: { key: |\n      value\n, value: \"x\\\"y\" }\n  c: { from: m, group_by: &e "
      "\"1\", "
      "count: { store: s } }\n  d: { from: in, process: dedup, stores: [s], config: { a: [1, ~, *e] } }\n";
  kstreamd::testing::FakeCatalog catalog;
  std::mt19937 random(7);
  for (int round = 0; round < 1500; ++round) {
    auto text = whole;
    for (int change = 0; change < 3; ++change) {
      auto at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text.erase(at, 1 + random() % 10);
          break;
        case 1:
          text.insert(at, 1, "{}[]:,&*|>'\"\n -#!%@"[random() % 20]);
          break;
        case 2:
          text[at] = static_cast<char>(random() % 256);
          break;
        case 3:
          text = text.substr(0, at) + text.substr(random() % text.size());
          break;
      }
      if (text.empty()) break;
    }
    auto result = load_topology_text(text, "f", catalog);
    CHECK(result.ok() == std::none_of(result.diagnostics.begin(), result.diagnostics.end(),
                                      [](const Diagnostic& d) { return d.severity == Severity::error; }));
  }
}

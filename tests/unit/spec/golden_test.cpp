// tests/validation: files with mistakes, and word for word what is said of them. An .expected file holds the
// diagnostics as `kstreamd validate NAME.yaml` prints them in that folder.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/spec/spec.h"
#include "tests/unit/spec/fake_catalog.h"

using namespace kstreamd;
using kstreamd::testing::FakeCatalog;

namespace {

std::string content(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in.good());
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace

TEST_CASE("files with mistakes give exactly the expected diagnostics") {
  size_t checked = 0;
  for (const auto& entry : std::filesystem::directory_iterator(KSTREAMD_VALIDATION_DIR)) {
    if (entry.path().extension() != ".yaml") continue;
    ++checked;
    auto name = entry.path().filename().string();
    INFO(name);
    auto result = load_topology_text(content(entry.path()), name, FakeCatalog(), "/usr/lib/kstreamd/plugins");
    CHECK_FALSE(result.ok());
    std::string all;
    for (const auto& diagnostic : result.diagnostics) {
      all += text(diagnostic) + "\n";
      CHECK(diagnostic.line > 0);
      CHECK_FALSE(diagnostic.hint.empty());
    }
    auto expected = entry.path();
    expected.replace_extension(".expected");
    CHECK(all == content(expected));
  }
  CHECK(checked >= 2);
}

TEST_CASE("ten mistakes are ten errors") {
  auto result = load_topology(KSTREAMD_VALIDATION_DIR "/ten_mistakes.yaml", FakeCatalog());
  CHECK(result.diagnostics.size() == 10);
}

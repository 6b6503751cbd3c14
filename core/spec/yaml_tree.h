// A YAML file as a tree that keeps the order of keys, the place of everything, and keys given twice. The one place that
// sees yaml-cpp. Bad input of any kind (binary, endless nesting, anchors that contain themselves) ends in a diagnostic.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/spec/diagnostic.h"

namespace kstreamd {

struct YamlPlace {
  int line = 0;    // from 1; 0: the file as a whole
  int column = 0;  // from 1, in bytes
};

struct YamlNode {
  enum class Kind { null, scalar, list, map };
  // How a scalar is written. Only `plain` ones may stand for numbers and the like.
  enum class Style { plain, single_quoted, double_quoted, block };

  struct Entry {
    std::string key;
    YamlPlace place;  // of the key
    std::shared_ptr<const YamlNode> value;
  };
  // A key that the map has already; its value is dropped.
  struct Duplicate {
    std::string key;
    YamlPlace place;
    YamlPlace first;
  };

  Kind kind = Kind::null;
  YamlPlace place;
  Style style = Style::plain;
  std::string text;
  std::vector<std::shared_ptr<const YamlNode>> items;
  std::vector<Entry> entries;
  std::vector<Duplicate> duplicates;

  const Entry* find(std::string_view key) const;
};

// Null after an error, which is in `diagnostics` then.
std::shared_ptr<const YamlNode> parse_yaml(std::string_view text, const std::string& filename,
                                           std::vector<Diagnostic>& diagnostics);

// Where, in the file, the character at `line` and `column` (from 1) of a scalar's text is; the scalar's own place when
// that cannot be told. `source` is the text of the file.
YamlPlace place_within(const YamlNode& scalar, std::string_view source, int line, int column);

}  // namespace kstreamd

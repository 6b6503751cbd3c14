// Typed reading of a YAML tree that collects everything wrong with it: shared by the readers of the file formats.
// One object reads one file; not thread-safe.
#pragma once
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/spec/diagnostic.h"
#include "core/spec/yaml_tree.h"

namespace kstreamd {

class Reader {
 public:
  Reader(std::string filename, std::vector<Diagnostic>& diagnostics)
      : filename_(std::move(filename)), diagnostics_(diagnostics) {}

  void error(YamlPlace place, std::string message, std::string hint) {
    add(Severity::error, place, std::move(message), std::move(hint));
  }
  void warning(YamlPlace place, std::string message, std::string hint) {
    add(Severity::warning, place, std::move(message), std::move(hint));
  }
  // Diagnostics name this node of the topology; empty: none.
  void enter_node(std::string name) { node_ = std::move(name); }
  size_t errors() const { return errors_; }
  const std::string& filename() const { return filename_; }

  // Each reads one value, or says what is wrong with it and gives nothing. `name` is the key, for messages.
  std::optional<std::string> text(const YamlNode& value, const std::string& name);
  std::optional<std::string> expression(const YamlNode& value, const std::string& name);
  std::optional<std::chrono::milliseconds> duration(const YamlNode& value, const std::string& name);
  std::optional<uint64_t> size(const YamlNode& value, const std::string& name);
  std::optional<int64_t> integer(const YamlNode& value, const std::string& name, int64_t least, int64_t most);
  std::optional<bool> boolean(const YamlNode& value, const std::string& name);
  // The index of the word among `words`.
  std::optional<size_t> choice(const YamlNode& value, const std::string& name, const std::vector<std::string>& words);
  // One text or a list of them.
  std::optional<std::vector<std::string>> texts(const YamlNode& value, const std::string& name);
  std::optional<std::map<std::string, std::string>> text_map(const YamlNode& value, const std::string& name);
  // Any value as JSON.
  std::optional<std::string> json(const YamlNode& value, const std::string& name);

  // Whether the value is a map, whose unknown and repeated keys are reported. Keys in `later` belong to the format but
  // not to this version. An empty value counts as an empty map.
  bool map(const YamlNode& value, YamlPlace key, const std::string& name, const std::vector<std::string>& known,
           const std::vector<std::string>& later = {});
  void duplicates(const YamlNode& map);

 private:
  void add(Severity severity, YamlPlace place, std::string message, std::string hint);
  bool write_json(const YamlNode& value, const std::string& name, std::string& out);
  bool write_json_scalar(const YamlNode& value, const std::string& name, std::string& out);

  const std::string filename_;
  std::vector<Diagnostic>& diagnostics_;
  std::string node_;
  size_t errors_ = 0;
};

// "a list", "a map", "text", "empty"
const char* kind_name(const YamlNode& value);

}  // namespace kstreamd

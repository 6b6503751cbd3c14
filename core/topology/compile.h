// compile(): from what a file says to the immutable graph, or to everything that is wrong with it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/topology/declaration.h"
#include "core/topology/topology.h"

namespace kstreamd {

// What compile() has to know about processor types. core/spec answers from the ProcessorCatalog.
class ProcessorTypes {
 public:
  struct StoreNeed {
    std::string purpose;  // a few words; may be empty
    StoreKind kind = StoreKind::any;
  };
  struct Shape {
    std::vector<std::string> outputs;  // empty: one unnamed
    std::vector<StoreNeed> stores;     // as the plugin numbers them
    bool asynchronous = false;         // it may hold records and finish them later
  };
  // `pointer` points into the configuration; line and column count within the text there.
  struct Problem {
    std::string pointer;
    uint32_t line = 0;
    uint32_t column = 0;
    std::string message;
    std::string hint;
    bool warning = false;
  };

  virtual ~ProcessorTypes() = default;
  virtual std::optional<Shape> shape(const std::string& type) const = 0;
  virtual std::vector<std::string> names() const = 0;
  // Names of serdes that plugins give, besides available_serdes().
  virtual std::vector<std::string> plugin_serdes() const { return {}; }
  // What is wrong with the spec of a serde (a name that begins with a brace: compact JSON), its pointer into the spec.
  virtual std::optional<Problem> check_serde(const std::string&) const { return std::nullopt; }
  virtual std::vector<Problem> check(const std::string& type, const std::string& config) const = 0;
  // Where a plugin that was not found would have to be, for a hint.
  virtual std::string where_plugins_are() const = 0;
};

// How many stream times the nodes of one sub-topology may keep: they are committed beside the offsets of its inputs, in
// a text for which brokers have so much room (core/protocol/input_start.h).
constexpr size_t most_times = 250;

struct Compiled {
  std::optional<Topology> topology;    // there when no problem was found
  std::vector<GraphProblem> problems;  // all of them, in file order of the nodes
  std::vector<GraphProblem> warnings;
};

// Checks the whole declaration and derives everything that topology.h has. Pure; any thread.
Compiled compile(const Declaration& declaration, const ProcessorTypes& types);

// The operators, and the plain names of serdes.
const std::vector<std::string>& available_operators();
const std::vector<std::string>& available_serdes();
// The kinds of serdes with arguments: {time_windowed: SERDE}.
const std::vector<std::string>& serde_kinds();

}  // namespace kstreamd

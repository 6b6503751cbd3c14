// Batches never change a result: random topologies, each run with its records one by one and in batches of several
// sizes, come to the same. The exit code is 0 only if no seed differs; of a planted error, only if one was found.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "core/plugin_host/plugin_host.h"
#include "core/spec/spec.h"
#include "plugins/builtin/builtin.h"
#include "tests/batches/play.h"
#include "tests/batches/processors.h"
#include "tests/batches/random_topology.h"

namespace kstreamd::batches {
namespace {

constexpr const char* usage =
    "batches [--from N] [--seeds COUNT] [--show] [--all-kinds] [--plant NAME]\n"
    "\n"
    "  --from N       the first seed (default 1)\n"
    "  --seeds COUNT  how many, one after another (default 1)\n"
    "  --show         print each topology\n"
    "  --all-kinds    fail if an operator or processor came in too few topologies\n"
    "  --plant NAME   plant an error, which must be found: backwards, last_only, end_of_batch, whole\n";

struct Options {
  uint64_t from = 1;
  uint64_t seeds = 1;
  bool show = false;
  bool all_kinds = false;
  Planted planted = Planted::none;
};

bool read_number(const char* text, uint64_t& number) {
  const char* end = text + std::strlen(text);
  const auto read = std::from_chars(text, end, number);
  return read.ec == std::errc() && read.ptr == end;
}

bool read_planted(const char* text, Planted& planted) {
  const auto* found = std::find(std::begin(planted_names), std::end(planted_names), text);
  if (found == std::end(planted_names)) return false;
  planted = static_cast<Planted>(found - std::begin(planted_names));
  return true;
}

bool read_options(int count, char** arguments, Options& options) {
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    const char* value = i + 1 < count ? arguments[i + 1] : "";
    if (name == "--show")
      options.show = true;
    else if (name == "--all-kinds")
      options.all_kinds = true;
    else if ((name == "--from" && read_number(value, options.from)) ||
             (name == "--seeds" && read_number(value, options.seeds)) ||
             (name == "--plant" && read_planted(value, options.planted)))
      ++i;
    else
      return false;
  }
  return true;
}

void print_line(const std::string& line) { std::printf("%s\n", line.c_str()); }

// What came to pass in all runs together.
class Coverage {
 public:
  void add(const Topology& topology) {
    std::map<std::string, bool> here;
    for (const Node& node : topology.nodes)
      here[node.processor_type.empty() || node.processor_type.starts_with("kstreamd.") ? node.operator_name
                                                                                       : node.processor_type] = true;
    for (const SubTopology& sub : topology.sub_topologies)
      here[sub.batches ? "(taken in batches)" : "(taken one by one)"] = true;
    for (const auto& [kind, unused] : here) ++topologies_[kind];
  }
  void print() const {
    std::string all;
    for (const auto& [kind, count] : topologies_) all += kind + " " + std::to_string(count) + "  ";
    print_line("in so many topologies: " + all);
  }
  std::vector<std::string> missing() const {
    std::vector<std::string> missing;
    for (const char* kind : {"source",
                             "table",
                             "filter",
                             "filter_not",
                             "map",
                             "map_values",
                             "flat_map",
                             "flat_map_values",
                             "select_key",
                             "branch",
                             "merge",
                             "peek",
                             "count",
                             "reduce",
                             "aggregate",
                             "cogroup",
                             "to_table",
                             "to_stream",
                             "repartition",
                             "join",
                             "suppress",
                             "sink",
                             "tally",
                             "moments",
                             "parity",
                             "recent",
                             "in_hand",
                             "(taken in batches)",
                             "(taken one by one)"}) {
      const auto found = topologies_.find(kind);
      if (found == topologies_.end() || found->second < 10) missing.push_back(kind);
    }
    return missing;
  }

 private:
  std::map<std::string, int> topologies_;
};

// The topology as the file has it; what is wrong with it, were the generator to make one that is refused.
Result<Topology> load(const RandomTopology& random, const ProcessorCatalog& processors) {
  auto loaded = load_topology_text(random.yaml, "random.yaml", processors);
  if (loaded.ok()) return std::move(*loaded.value);
  std::string why;
  for (const auto& diagnostic : loaded.diagnostics) why += "\n" + text(diagnostic);
  return Error{Recovery::stop_topology, "the topology is refused:" + why, ""};
}

// A processor that holds records lets those of other ways pass: where they meet again, batches may be seen.
bool comparable(const Topology& topology) {
  for (const SubTopology& sub : topology.sub_topologies)
    for (const int node : sub.nodes)
      if (!sub.batches && topology.nodes[static_cast<size_t>(node)].processor_type == "in_hand") return false;
  return true;
}

class Comparison {
 public:
  Comparison(const ProcessorCatalog& processors, const Options& options) : processors_(processors), options_(options) {}

  // What is wrong with a seed; empty: nothing.
  std::string compare(uint64_t seed) {
    const RandomTopology random = random_topology(seed);
    if (options_.show) print_line(random.yaml);
    const auto topology = load(random, processors_);
    if (!topology) return topology.error().text();
    if (!comparable(*topology)) return "";
    coverage_.add(*topology);
    const auto expected = play(random, *topology, processors_, {"one by one", 1, true, false});
    if (!expected) return "one by one: " + expected.error().text();
    records_ += expected->records;
    for (const size_t most : {1, 2, 7, 512}) {
      const Way way{"in batches of " + std::to_string(most), most, false, options_.planted == Planted::whole};
      const auto got = play(random, *topology, processors_, way);
      if (!got) return way.name + ": " + got.error().text();
      if (const std::string where = difference(*expected, *got); !where.empty())
        return way.name + " it differs from one by one: " + where;
    }
    return "";
  }

  int run() {
    uint64_t seeds = 0, failed = 0;
    const uint64_t enough = options_.planted == Planted::none ? 10 : 1;
    for (uint64_t seed = options_.from; seed < options_.from + options_.seeds && failed < enough; ++seed) {
      ++seeds;
      const std::string problem = compare(seed);
      if (problem.empty()) continue;
      ++failed;
      const std::string plant = options_.planted == Planted::none
                                    ? ""
                                    : " --plant " + std::string(planted_names[static_cast<size_t>(options_.planted)]);
      print_line("\nseed " + std::to_string(seed) + " FAILED: " + problem + "\nrepeat with: batches --show --from " +
                 std::to_string(seed) + plant);
    }
    coverage_.print();
    print_line(std::to_string(seeds) + " seeds from " + std::to_string(options_.from) + ", " + std::to_string(failed) +
               " failed; " + std::to_string(records_) + " records out");
    if (options_.planted != Planted::none) return failed > 0 ? 0 : 1;
    const auto missing = options_.all_kinds ? coverage_.missing() : std::vector<std::string>();
    for (const auto& kind : missing) print_line("FAILED: came in fewer than 10 topologies: " + kind);
    return failed == 0 && missing.empty() ? 0 : 1;
  }

 private:
  const ProcessorCatalog& processors_;
  const Options& options_;
  Coverage coverage_;
  size_t records_ = 0;
};

}  // namespace
}  // namespace kstreamd::batches

int main(int count, char** arguments) {
  using namespace kstreamd;
  batches::Options options;
  if (!batches::read_options(count, arguments, options)) {
    std::fputs(batches::usage, stderr);
    return 2;
  }
  batches::plant(options.planted);
  PluginHost host;
  for (const auto* plugin : {builtin_plugin(), batches::processors()})
    if (const auto added = host.add_builtin(plugin); !added) {
      std::fputs((added.error().text() + "\n").c_str(), stderr);
      return 2;
    }
  return batches::Comparison(host, options).run();
}

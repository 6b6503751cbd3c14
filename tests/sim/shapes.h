// The topologies that are simulated, and what each must make of its input.
//
// All of them end in `chain` processors, which leave proof of how they worked: each input has an id, and a chain's row
// for a key holds how many ids it has seen and a digest of them in their order. Each record that it puts out says both
// and the id. So a record that was lost, doubled, taken in another order, or taken on a state that was not that of the
// record before it, shows in the output alone. Those with windows and sessions (timed.h) do so for each of these. Where
// records are refused, each has its dead letter, which says where it came from. Where it depends on who comes first
// what a chain is given (tables.h), the ids themselves say what was joined.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/topology/topology.h"
#include "tests/fakes/fake_processors.h"
#include "tests/sim/plan.h"
#include "tests/sim/random.h"

namespace kstreamd::sim {

inline constexpr const char* dead_letter_topic = "dead";
inline constexpr const char* global_topic = "facts";

// A chain's row after `id`. An id that ends in '!' deletes the row.
struct Link {
  int64_t count = 0;
  uint64_t digest = 0;
  bool operator==(const Link&) const = default;
};
Link next_link(Link link, std::string_view id);
bool deletes(std::string_view id);
std::string row_of(Link link);                          // as it is stored
bool read_row(std::string_view text, Link& link);       // false: it is no row
std::string output_of(Link link, std::string_view id);  // as it is put out
// False: not what a chain puts out.
bool read_output(std::string_view text, Link& link, std::string& id);

// A row as a store or a changelog must hold it.
struct Row {
  std::string value;
  int64_t timestamp = 0;
  bool operator==(const Row&) const = default;
};
using Rows = std::map<std::string, Row>;

// A chain, or a dead-letter topic, and where its work shows.
struct Stage {
  std::string topic;       // of its output
  std::string store;       // empty: the stage is the dead-letter topic
  std::string last_store;  // holds the last id of each key; empty: there is none
  bool raced = false;      // its ids depend on who comes first: Shape::wrong_about judges them
};

// One record that a stage has to put out.
struct Expected {
  size_t stage = 0;
  std::string key;
  std::string id;
  std::string lane;  // what the order of this key's ids is kept within
  int64_t timestamp = 0;
  std::optional<Link> link = {};  // what it has to say, if not that which follows from the output before it
  std::string origin = {};        // of a dead letter: the record it stands for, as TOPIC-PARTITION@OFFSET
};

struct InputRecord {
  std::string topic;
  int32_t partition = -1;  // -1: that of the key
  std::string key;
  std::string value;
  int64_t timestamp = 0;
  int64_t offset = 0;
};

class Shape {
 public:
  virtual ~Shape() = default;
  virtual std::vector<std::string> inputs() const = 0;
  virtual std::vector<Stage> stages() const = 0;
  // Stores that must be empty when everything is done.
  virtual std::vector<std::string> emptied_stores() const { return {}; }
  virtual Topology topology(const Plan& plan) const = 0;
  // The n-th record to be sent: topic, partition, key and value.
  virtual InputRecord make(const Plan& plan, Random& random, int n) const = 0;
  // What has to come of a record that was read back from its partition; partition by partition in order.
  virtual void expect(const InputRecord& record, const std::function<void(Expected)>& add) = 0;
  // What the store must hold in a task, for all that was expected; nullopt: what a chain holds.
  virtual std::optional<Rows> rows(int32_t) const { return std::nullopt; }
  // Of a stage that is raced: what is wrong with its next output of a key; empty: nothing. It has come then.
  virtual std::string wrong_about(const std::string&, const std::string&, int64_t) { return ""; }
  // How many of its results are not yet what they must be in the end.
  virtual size_t missing() const { return 0; }
  // Tables that are read from the input as it is, by their stores, and what such a one must hold in a task.
  virtual std::vector<std::string> tables() const { return {}; }
  virtual Rows table_rows(const std::string&, int32_t) const { return {}; }
  // What every process must hold of global_topic, and the offset up to which each of its partitions must have been
  // read.
  virtual Rows global_rows() const { return {}; }
  virtual std::vector<int64_t> global_ends() const { return {}; }
  // Whether a row of a changelog has not expired.
  virtual bool live(int32_t, std::string_view) const { return true; }
};

int shape_count();
// Whether what comes of it in the end is known only where nothing is processed twice.
bool needs_exactly_once(int shape);
const char* shape_name(int shape);
std::unique_ptr<Shape> make_shape(const Plan& plan);

// The processor types of all shapes.
class HeldRecords;
class Chaos;
void add_processors(FakeProcessors& processors, HeldRecords& held, Chaos& chaos);
// The operators that are not simulated.
std::unique_ptr<ProcessorCatalog> real_operators(Chaos& chaos);

uint64_t hash_of(std::string_view text, uint64_t from = 14695981039346656037u);
std::string lane_of(const InputRecord& record);

// What the other processors do to an id or a key.
bool is_unreadable(std::string_view id);  // for the serde "fussy"
bool is_refused(std::string_view id);
int ways_of(std::string_view id);  // bit 0: it goes to the left, bit 1: to the right
std::string tagged(std::string_view id, const char* mark);
std::string group_of(std::string_view key);
std::string kept_id(std::string_view id);

}  // namespace kstreamd::sim

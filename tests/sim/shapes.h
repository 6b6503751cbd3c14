// The topologies that are simulated, and what each must make of its input.
//
// All of them end in `chain` processors, which leave proof of how they worked: each input has an id, and a chain's row
// for a key holds how many ids it has seen and a digest of them in their order. Each record that it puts out says both
// and the id. So a record that was lost, doubled, taken in another order, or taken on a state that was not that of the
// record before it, shows in the output alone.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/topology/topology.h"
#include "tests/fakes/fake_processors.h"
#include "tests/sim/plan.h"
#include "tests/sim/random.h"

namespace kstreamd::sim {

// A chain and where its work shows.
struct Stage {
  std::string topic;  // of its output
  std::string store;
  std::string last_store;  // holds the last id of each key; empty: there is none
};

// One record that a chain has to put out.
struct Expected {
  size_t stage = 0;
  std::string key;
  std::string id;
  std::string lane;  // what the order of this key's ids is kept within
  int64_t timestamp = 0;
};

struct InputRecord {
  std::string topic;
  int32_t partition = -1;  // -1: that of the key
  std::string key;
  std::string value;
  int64_t timestamp = 0;
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
  // What has to come of a record that was read back from its partition.
  virtual void expect(const InputRecord& record, const std::function<void(Expected)>& add) const = 0;
};

int shape_count();
const char* shape_name(int shape);
std::unique_ptr<Shape> make_shape(int shape);

// The processor types of all shapes.
class HeldRecords;
class Chaos;
void add_processors(FakeProcessors& processors, HeldRecords& held, Chaos& chaos);

uint64_t hash_of(std::string_view text, uint64_t from = 14695981039346656037u);

// A chain's row after `id`. An id that ends in '!' deletes the row.
struct Link {
  int64_t count = 0;
  uint64_t digest = 0;
};
Link next_link(Link link, std::string_view id);
bool deletes(std::string_view id);
std::string row_of(Link link);                          // as it is stored
std::string output_of(Link link, std::string_view id);  // as it is put out
// False: not what a chain puts out.
bool read_output(std::string_view text, Link& link, std::string& id);

// What the other processors do to an id or a key.
int ways_of(std::string_view id);  // bit 0: it goes to the left, bit 1: to the right
std::string tagged(std::string_view id, const char* mark);
std::string group_of(std::string_view key);
std::string kept_id(std::string_view id);

}  // namespace kstreamd::sim

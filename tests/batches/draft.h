// A random topology file in the making: the nodes so far, and what is known of them.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/sim/random.h"

namespace kstreamd::batches {

enum class Kind { stream, table, global };
// Values are objects with the fields n (a number), g and u (texts), each perhaps absent; or integers.
enum class Type { object, integer };

struct Shape {
  std::string name;  // of the node, or of its output
  Kind kind = Kind::stream;
  Type type = Type::object;
  std::string windowed;    // empty, `time_windowed` or `session_windowed`
  bool closes = false;     // its windows close, as suppress may ask
  bool versioned = false;  // a table, kept in a store with versions
  bool own_topic = false;  // it is a table that reads its topic
  bool by_key = false;     // only records of one key have an order: below a processor that holds them
  bool used = false;
};

struct InputTopic {
  std::string name;
  Type type;
};

// Writes nodes as lines of YAML.
//
// Life-cycle: construct, draw() once; then the parts are there to be read.
class Draft {
 public:
  explicit Draft(sim::Random& random);
  void draw();

  const std::string& nodes() const { return nodes_; }
  const std::string& stores() const { return stores_; }
  const std::string& settings() const { return settings_; }
  const std::vector<InputTopic>& topics() const { return topics_; }
  int64_t grain() const { return grain_; }
  bool skips_errors() const { return skips_errors_; }
  bool holds() const { return holds_; }
  int32_t partitions() const { return partitions_; }

 private:
  using Fits = std::function<bool(const Shape&)>;

  bool percent(uint64_t n) { return random_.below(100) < n; }
  std::string pick(const std::vector<std::string>& texts) { return texts[random_.below(texts.size())]; }
  Type any_type() { return percent(50) ? Type::object : Type::integer; }
  std::string duration(int64_t least, int64_t most);
  std::string name(const std::string& op) { return op + std::to_string(++counter_); }

  // An index into shapes_ of one that fits, -1 without; those that nothing reads yet are more likely.
  int any(const Fits& fits);
  int any_stream(bool windowed, bool by_key = false);
  int any_table(bool windowed);
  // Adds a node and what it makes; `rest` is all that follows `from`.
  void add(Shape made, const std::vector<int>& from, const std::string& rest);
  std::string from(const std::vector<int>& nodes);

  // Each gives false when nothing fits.
  void source();
  void table();
  void global_table();
  bool draw_one();
  bool stateless();
  bool branch();
  bool merge();
  bool process();
  bool aggregate_stream();
  bool cogroup();
  bool aggregate_table();
  bool of_table();
  bool suppress();
  Shape join_below(int left);
  bool add_join(Shape made, int left, int right, const std::string& how);
  bool join_streams();
  bool join_table();
  bool join_tables();
  bool join_global();
  void sinks();
  void sink(Shape& shape, const std::string& topic);

  std::string window(Shape& made, bool& session);
  std::string fold(const std::string& op, Type from, Type to, bool session, bool subtract);
  std::string emit(Shape& made, bool may_close);

  // Expressions. `of` is value, left or right.
  std::string number(Type type, const std::string& of);
  std::string condition(Type type, bool of_stream);
  std::string value(Type from, Type to);
  std::string new_key(const Shape& from);
  std::string joined(Type left, Type right, Type to);

  sim::Random& random_;
  const int64_t grain_;  // ms: records are about so far apart, windows some of these wide
  const bool skips_errors_;
  const bool holds_;  // it may have processors that hold records, and then nothing in which ways meet again
  const int32_t partitions_;
  std::string nodes_, stores_, settings_;
  std::vector<Shape> shapes_;
  std::vector<InputTopic> topics_;
  std::vector<std::string> shared_stores_;
  int counter_ = 0;
};

}  // namespace kstreamd::batches

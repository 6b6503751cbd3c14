// The rows of a table, and its updates on their way to the operators below.
#pragma once
#include <kstreamd/sdk/change.h>
#include <kstreamd/sdk/config.h>
#include <kstreamd/sdk/context.h>
#include <kstreamd/sdk/store.h>
#include <kstreamd/sdk/versioned_store.h>

#include <cstdint>
#include <span>

namespace kstreamd::builtin {

// A value of a table with its timestamp in ms; null: there is none.
struct Stamped {
  Value value = null_value();
  int64_t timestamp = 0;
};

// Writes what a table has now, reads what it had, and sends on what has changed. It is told by the node's
// configuration: `stored` (the rows are in the node's first store), `versioned` (which keeps versions), `changes`
// (operators below want old values). One for each node; used inside the calls of its processor.
class TableRows {
 public:
  // What became of a row that was put.
  enum class Put { too_old, older, latest };

  TableRows(sdk::Context& context, const sdk::Config& config, bool stored);
  // The same where `stored` is said by the configuration.
  TableRows(sdk::Context& context, const sdk::Config& config)
      : TableRows(context, config, config.boolean("stored", false)) {}
  // Asks for what the constructor asks for: for checks of a configuration.
  static void check(const sdk::Config& config);

  bool stored() const { return stored_; }
  bool sends_changes() const { return changes_; }

  // The latest value of a key, valid until the call into the processor returns.
  Stamped get(const Value& key) const;
  // Puts the value of the record's key; null deletes. The changelog has a deletion at the time of the record.
  Put put(const Record& record, const Value& value, int64_t timestamp) const;

  // Hands on an update that `record` caused. What the change points to stays until the call into the processor returns.
  void forward(const Record& record, const Change& change, int64_t timestamp) const;

  // put, then forward unless the row was too old. Where the record is an update that is older than the latest, so is
  // what comes of it without a store.
  void update(const Record& record, const Value& now, const Value& before, int64_t timestamp, bool latest = true) const;

 private:
  sdk::Context& context_;
  const bool stored_;
  const bool versioned_;
  const bool changes_;
  const sdk::RawKeyValueStore rows_;
  const sdk::RawVersionedStore versions_;
};

// The record that came: a change, or a new value alone, whose old value is not known.
inline Change change_in(const Record& record) {
  return is_change(record.value) ? change_of(record.value) : Change{record.value};
}

// update(record, change) for each update of what is now in a table: not for what came late, nor without a key.
template <typename Update>
void each_latest(std::span<const Record> records, sdk::Context& context, const Update& update) {
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    const Change change = change_in(records[i]);
    if (is_null(records[i].key))
      context.drop("null_key");
    else if (change.latest)
      update(records[i], change);
  }
}

}  // namespace kstreamd::builtin

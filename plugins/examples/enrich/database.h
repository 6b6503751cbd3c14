// One table of an SQLite database, asked for many keys at once.
#pragma once
#include <kstreamd/sdk/value.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace enrich {

// Opened read-only. Used by one thread at a time, but for stop(). Throws std::runtime_error with SQLite's message.
class Database {
 public:
  struct Place {
    std::string file;
    std::string table;
    std::string key;                   // a column, unique and indexed
    std::vector<std::string> columns;  // what is read; at least one
  };

  // `at_most`: keys of one call of find.
  Database(const Place& place, size_t at_most);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // The row of each key as a JSON object of its columns; nothing where there is none. Keys are integers and strings.
  // One SELECT for all of them.
  std::vector<std::optional<std::string>> find(std::span<const kstreamd::Value> keys);

  // Has a find that is running, and all later ones, end with an error soon. [any thread]
  void stop() { stopped_ = true; }

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };

  std::runtime_error error(const std::string& what) const;
  void bind(int parameter, const kstreamd::Value& key);

  const std::string file_;
  const size_t at_most_;
  std::atomic<bool> stopped_{false};
  std::unique_ptr<sqlite3, Close> connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> select_;
};

}  // namespace enrich

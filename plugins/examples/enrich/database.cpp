#include "database.h"

#include <sqlite3.h>

#include <stdexcept>
#include <string_view>

namespace enrich {
namespace {

constexpr int kPauseMs = 50;           // between attempts to read a database that is being written
constexpr int kPauses = 100;           // after 5 s it is an error
constexpr int kInstructions = 10'000;  // of SQLite's machine, between looks at whether to stop

std::string quoted(std::string_view name, char quote) {
  std::string out(1, quote);
  for (const char c : name) out.append(c == quote ? 2 : 1, c);
  return out + quote;
}

// A row for each key that is found: the key's number, and the columns as JSON. The keys stand first, so that each is
// looked up in the table's index; those that are not used are NULL, which equals nothing.
std::string select_text(const Database::Place& place, size_t keys) {
  std::string text = "WITH asked(number, key) AS (VALUES ";
  for (size_t i = 0; i < keys; ++i) text += (i ? ",(" : "(") + std::to_string(i) + ",?)";
  text += ") SELECT asked.number, json_object(";
  for (size_t i = 0; i < place.columns.size(); ++i)
    text += (i ? ", " : "") + quoted(place.columns[i], '\'') + ", found." + quoted(place.columns[i], '"');
  return text + ") FROM asked CROSS JOIN " + quoted(place.table, '"') + " AS found ON found." + quoted(place.key, '"') +
         " = asked.key";
}

}  // namespace

void Database::Close::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
void Database::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Database::Database(const Place& place, size_t at_most) : file_(place.file), at_most_(at_most) {
  sqlite3* connection = nullptr;
  const int opened =
      sqlite3_open_v2(place.file.c_str(), &connection, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
  connection_.reset(connection);
  if (opened != SQLITE_OK) throw error("cannot be opened");
  sqlite3_busy_handler(
      connection,
      [](void* self, int times) -> int {
        if (static_cast<Database*>(self)->stopped_ || times >= kPauses) return 0;
        sqlite3_sleep(kPauseMs);
        return 1;
      },
      this);
  sqlite3_progress_handler(
      connection, kInstructions, [](void* self) -> int { return static_cast<Database*>(self)->stopped_ ? 1 : 0; },
      this);
  const std::string text = select_text(place, at_most);
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(connection, text.c_str(), static_cast<int>(text.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                         nullptr) != SQLITE_OK)
    throw error("cannot be asked for these columns");
  select_.reset(statement);
}

Database::~Database() = default;

std::runtime_error Database::error(const std::string& what) const {
  return std::runtime_error("the database " + file_ + " " + what + ": " +
                            (connection_ ? sqlite3_errmsg(connection_.get()) : "out of memory"));
}

void Database::bind(int parameter, const kstreamd::Value& key) {
  const auto text = kstreamd::data_of(key);
  const int bound = kstreamd::is_null(key) ? sqlite3_bind_null(select_.get(), parameter)
                    : kstreamd::is_integer(key)
                        ? sqlite3_bind_int64(select_.get(), parameter, key.u.integer)
                        : sqlite3_bind_text(select_.get(), parameter, text.empty() ? "" : text.data(),
                                            static_cast<int>(text.size()), SQLITE_STATIC);
  if (bound != SQLITE_OK) throw error("does not take a key");
}

std::vector<std::optional<std::string>> Database::find(std::span<const kstreamd::Value> keys) {
  if (keys.size() > at_most_) throw std::logic_error("more keys at once than the statement was made for");
  struct Reset {
    ~Reset() { sqlite3_reset(statement); }
    sqlite3_stmt* statement;
  } reset{select_.get()};
  for (size_t i = 0; i < at_most_; ++i)
    bind(static_cast<int>(i) + 1, i < keys.size() ? keys[i] : kstreamd::null_value());
  std::vector<std::optional<std::string>> rows(keys.size());
  int status;
  while ((status = sqlite3_step(select_.get())) == SQLITE_ROW) {
    auto& row = rows.at(static_cast<size_t>(sqlite3_column_int64(select_.get(), 0)));
    if (row) continue;  // the key is not unique; the first row counts
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(select_.get(), 1));
    row.emplace(text, static_cast<size_t>(sqlite3_column_bytes(select_.get(), 1)));
  }
  if (status != SQLITE_DONE) throw error("could not be read");
  return rows;
}

}  // namespace enrich

#include "core/state/rocksdb_handle.h"

#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <charconv>
#include <filesystem>
#include <set>
#include <vector>

#include "core/base/log.h"
#include "core/state/stored_key.h"

namespace kstreamd {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 2;
constexpr std::string_view kStorePrefix = "store/";

// A database without CURRENT is one that lost it: RocksDB would silently begin a new one in its place.
Status check_files(const std::string& path, bool& exists) {
  exists = false;
  bool remains = false;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    auto name = entry.path().filename().string();
    exists |= name == "CURRENT";
    remains |= name.rfind("MANIFEST-", 0) == 0 || entry.path().extension() == ".sst";
  }
  if (error)
    return Error{.message = "cannot read the state folder " + path + ": " + error.message(),
                 .hint = "check the disk and the permissions of the folder"};
  if (remains && !exists)
    return database_error(rocksdb::Status::Corruption("the file CURRENT is missing"), "open", path);
  return {};
}

// Of what its rows are made, and where they lie. Another kind is another store.
std::string store_kind(const StoreConfig& store) {
  const std::string segments = " by " + std::to_string(segment_interval(store)) + " ms";
  switch (store.layout) {
    case KeyLayout::window:
      return (store.timestamped ? "timestamped window 1" : "window 1") + segments;
    case KeyLayout::session:
      return (store.timestamped ? "timestamped session 1" : "session 1") + segments;
    case KeyLayout::versioned:
      return "versioned 1";
    case KeyLayout::plain:
      break;
  }
  return store.timestamped ? "timestamped 1" : "key_value 1";
}

// The options of a column: that of the store of this name, or one that is about to be dropped.
rocksdb::ColumnFamilyOptions options_of(DatabaseHandle& handle, const RocksdbCommon& common,
                                        const TaskStateConfig& config, const std::string& column) {
  auto options = column_options(common);
  for (const auto& store : config.stores) {
    if (column_name(store.name) != column || !store.persistent || store.retention <= 0 || segmented(store)) continue;
    auto& until = handle.expired_until[column];
    if (!until) until = make_expired_until();
    expire_by_timestamp(options, until, store.retention);
  }
  return options;
}

// What a database says of itself: the entries of its meta column other than positions.
struct Identity {
  std::string format, cluster, task;
  std::map<std::string, std::string> stores;  // name -> kind
};

Result<Identity> read_identity(DatabaseHandle& handle, const std::string& path) {
  Identity identity;
  std::unique_ptr<rocksdb::Iterator> it(handle.db->NewIterator(rocksdb::ReadOptions(), handle.meta()));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    std::string key = it->key().ToString();
    std::string value = it->value().ToString();
    if (key == "format") identity.format = value;
    if (key == "cluster") identity.cluster = value;
    if (key == "task") identity.task = value;
    if (key.rfind(kStorePrefix, 0) == 0) identity.stores[key.substr(kStorePrefix.size())] = value;
  }
  if (!it->status().ok()) return database_error(it->status(), "read", path);
  return identity;
}

Status check_identity(const Identity& identity, const std::string& path, const TaskStateConfig& config) {
  if (identity.format.empty()) return {};
  int format = 0;
  std::from_chars(identity.format.data(), identity.format.data() + identity.format.size(), format);
  if (format > kFormat)
    return Error{
        .message = "the state in " + path + " has format " + identity.format + "; this kstreamd knows format " +
                   std::to_string(kFormat),
        .hint = "run the newer kstreamd that made it, or remove the folder: it is then rebuilt from the changelog"};
  if (format < kFormat)
    return Error{.recovery = Recovery::rebuild_state,
                 .message = "the state in " + path + " was made by an older kstreamd and has format " +
                            identity.format + "; this one keeps format " + std::to_string(kFormat),
                 .hint = "it is rebuilt from the changelog; stores without one begin empty"};
  if (!config.cluster_id.empty() && !identity.cluster.empty() && identity.cluster != config.cluster_id)
    return Error{.message = "the state in " + path + " belongs to the Kafka cluster " + identity.cluster +
                            ", but this is the cluster " + config.cluster_id,
                 .hint =
                     "connect to that cluster, set another state_dir, or remove the folder to rebuild its state from "
                     "this cluster's changelogs"};
  if (identity.task != config.topology + "/" + config.task.text())
    return Error{.recovery = Recovery::rebuild_state,
                 .message = "the state in " + path + " is that of " + identity.task,
                 .hint = "it is rebuilt from the changelog"};
  for (const auto& store : config.stores) {
    auto known = identity.stores.find(store.name);
    if (!store.persistent || known == identity.stores.end() || known->second == store_kind(store)) continue;
    return Error{.recovery = Recovery::rebuild_state,
                 .message = "the store " + store.name + " in " + path + " was made as '" + known->second +
                            "' and is now '" + store_kind(store) + "'",
                 .hint = "it is rebuilt from the changelog"};
  }
  return {};
}

// Forgets stores that are no more, or whose column is. Their positions go first and durably: a position must never
// outlive its rows.
Status drop_stale(DatabaseHandle& handle, const Identity& identity, const std::set<std::string>& wanted) {
  rocksdb::WriteBatch batch;
  for (const auto& [store, kind] : identity.stores) {
    if (wanted.count(store) && handle.find(column_name(store))) continue;
    batch.Delete(handle.meta(), std::string(kStorePrefix) + store);
    batch.Delete(handle.meta(), position_key(store));
    batch.Delete(handle.meta(), clock_key(store));
  }
  rocksdb::Status status;
  if (batch.Count() > 0) {
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    status = handle.db->Write(options, &batch);
    if (status.ok()) status = handle.flush(true);
  }
  std::vector<std::string> stale;
  for (const auto& [name, column] : handle.columns)
    if (column != handle.meta() &&
        (name.rfind(column_name(""), 0) != 0 || !wanted.count(name.substr(column_name("").size()))))
      stale.push_back(name);
  for (const auto& name : stale) {
    if (!status.ok()) break;
    log(LogLevel::info, "store is no longer in the topology: its local state is dropped", {{"column", name}});
    status = handle.db->DropColumnFamily(handle.columns[name]);
    if (status.ok()) status = handle.db->DestroyColumnFamilyHandle(handle.columns[name]);
    handle.columns.erase(name);
  }
  return status.ok() ? Status() : database_error(status, "change", handle.db->GetName());
}

// Opens it. A record that is cut off at the end of RocksDB's log is one whose writing was interrupted; whatever else is
// wrong there is damage. Only stores without a changelog have rows in it, and nothing else that they could be had from:
// what comes before the damage is kept, and what is lost is said.
rocksdb::Status open_all(rocksdb::DBOptions options, const std::string& path,
                         const std::vector<rocksdb::ColumnFamilyDescriptor>& descriptors,
                         std::vector<rocksdb::ColumnFamilyHandle*>& columns, rocksdb::DB*& db) {
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  const auto strict = rocksdb::DB::Open(options, path, descriptors, &columns, &db);
  if (!strict.IsCorruption()) return strict;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  const auto status = rocksdb::DB::Open(options, path, descriptors, &columns, &db);
  if (status.ok())
    log(LogLevel::error,
        "the log of a task's state is damaged: what was written last to its stores without a changelog is lost",
        {{"folder", path}, {"cause", strict.ToString()}, {"hint", "if this comes again, check the disk"}});
  return status;
}

}  // namespace

Result<std::unique_ptr<DatabaseHandle>> DatabaseHandle::open(const std::string& path, const RocksdbCommon& common,
                                                             const TaskStateConfig& config) {
  bool exists = false;
  KSTREAMD_TRY(check_files(path, exists));
  auto handle = std::make_unique<DatabaseHandle>();
  handle->background = std::make_shared<BackgroundWork>();
  rocksdb::DBOptions options = database_options(common);
  options.create_if_missing = !exists;
  options.listeners.push_back(handle->background);
  std::vector<std::string> names{rocksdb::kDefaultColumnFamilyName};
  if (exists) {
    names.clear();
    auto status = rocksdb::DB::ListColumnFamilies(options, path, &names);
    if (!status.ok()) return database_error(status, "open", path);
  }
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const auto& name : names) descriptors.emplace_back(name, options_of(*handle, common, config, name));
  std::vector<rocksdb::ColumnFamilyHandle*> columns;
  rocksdb::DB* db = nullptr;
  auto status = open_all(options, path, descriptors, columns, db);
  if (!status.ok()) return database_error(status, "open", path);
  handle->db.reset(db);
  for (size_t i = 0; i < names.size(); ++i) handle->columns[names[i]] = columns[i];
  return handle;
}

DatabaseHandle::~DatabaseHandle() {
  if (!db) return;
  for (const auto& [name, column] : columns) {
    auto status = db->DestroyColumnFamilyHandle(column);
    if (!status.ok()) log(LogLevel::warn, "rocksdb", {{"message", status.ToString()}});
  }
  auto status = db->Close();
  if (!status.ok()) log(LogLevel::warn, "state closed with an error", {{"message", status.ToString()}});
}

rocksdb::Status DatabaseHandle::flush(bool wait) {
  rocksdb::FlushOptions options;
  options.wait = wait;
  options.allow_write_stall = true;  // else it would wait for a lull even when it is not to wait
  std::vector<rocksdb::ColumnFamilyHandle*> all;
  for (const auto& [name, column] : columns) all.push_back(column);
  return db->Flush(options, all);
}

Status reconcile(DatabaseHandle& handle, const std::string& path, const RocksdbCommon& common,
                 const TaskStateConfig& config) {
  auto identity = read_identity(handle, path);
  if (!identity) return std::move(identity).error();
  KSTREAMD_TRY(check_identity(*identity, path, config));
  std::set<std::string> wanted;
  for (const auto& store : config.stores)
    if (store.persistent) wanted.insert(store.name);
  KSTREAMD_TRY(drop_stale(handle, *identity, wanted));

  rocksdb::WriteBatch batch;
  batch.Put(handle.meta(), "format", std::to_string(kFormat));
  if (!config.cluster_id.empty()) batch.Put(handle.meta(), "cluster", config.cluster_id);
  batch.Put(handle.meta(), "task", config.topology + "/" + config.task.text());
  for (const auto& store : config.stores) {
    if (!store.persistent) continue;
    batch.Put(handle.meta(), std::string(kStorePrefix) + store.name, store_kind(store));
    auto& column = handle.columns[column_name(store.name)];
    if (column) continue;
    const std::string name = column_name(store.name);
    auto status = handle.db->CreateColumnFamily(options_of(handle, common, config, name), name, &column);
    if (!status.ok()) {
      handle.columns.erase(name);
      return database_error(status, "make the store " + store.name + " in", path);
    }
  }
  rocksdb::WriteOptions options;
  options.disableWAL = true;  // durable with the first flush, and with it anything that it vouches for
  auto status = handle.db->Write(options, &batch);
  return status.ok() ? Status() : database_error(status, "write", path);
}

}  // namespace kstreamd

#include "core/state/rocksdb_bulk.h"

#include <rocksdb/options.h>
#include <rocksdb/sst_file_writer.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

namespace kstreamd {
namespace {

namespace fs = std::filesystem;

// One file of a store at a time keeps a hash of each of its keys in memory, for its filter.
constexpr uint64_t kFileBytes = 64 << 20;

std::string bulk_folder(const std::string& database) { return database + "/bulk"; }

// The folder of the files, which is removed with what is still in it.
class Folder {
 public:
  explicit Folder(std::string path) : path_(std::move(path)) {}
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);  // what stays is removed at the next opening
  }
  rocksdb::Status make() {
    if (::mkdir(path_.c_str(), 0700) == 0 || errno == EEXIST) return rocksdb::Status::OK();
    return rocksdb::Status::IOError("cannot make " + path_, std::strerror(errno));
  }
  std::string next_file() { return path_ + "/" + std::to_string(files_++) + ".sst"; }

 private:
  const std::string path_;
  int files_ = 0;
};

// Not compressed, as everything is in Kafka Streams by default: of a restoration that is the dearest single step. What
// a compaction takes up later is compressed.
rocksdb::Options bulk_options(const RocksdbCommon& common) {
  rocksdb::Options options(database_options(common), column_options(common));
  options.compression = rocksdb::kNoCompression;
  return options;
}

// Files of one column, one after the other.
class Files {
 public:
  Files(Folder& folder, const RocksdbCommon& common, rocksdb::ColumnFamilyHandle* column)
      : folder_(folder), options_(bulk_options(common)), column_(column) {}

  rocksdb::Status put(const rocksdb::Slice& key, const rocksdb::Slice& row) {
    auto status = ready(key.size() + row.size());
    return status.ok() ? writer_->Put(key, row) : status;
  }
  rocksdb::Status remove(const rocksdb::Slice& key) {
    auto status = ready(key.size());
    return status.ok() ? writer_->Delete(key) : status;
  }
  rocksdb::Status finish() {
    if (!writer_) return rocksdb::Status::OK();
    auto status = writer_->Finish();
    writer_.reset();
    return status;
  }

  rocksdb::IngestExternalFileArg ingestion() const {
    rocksdb::IngestExternalFileArg argument;
    argument.column_family = column_;
    argument.external_files = names_;
    argument.options.move_files = true;
    argument.options.write_global_seqno = false;
    return argument;
  }
  bool any() const { return !names_.empty(); }

 private:
  // There is a file that takes so many bytes more.
  rocksdb::Status ready(size_t bytes) {
    if (writer_ && file_bytes_ >= kFileBytes) {
      auto status = finish();
      if (!status.ok()) return status;
    }
    file_bytes_ += bytes;
    if (writer_) return rocksdb::Status::OK();
    file_bytes_ = bytes;
    names_.push_back(folder_.next_file());
    writer_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(options_), options_, column_, false);
    return writer_->Open(names_.back());
  }

  Folder& folder_;
  const rocksdb::Options options_;
  rocksdb::ColumnFamilyHandle* const column_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  uint64_t file_bytes_ = 0;  // what it was given
  std::vector<std::string> names_;
};

bool is_empty(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* column) {
  std::unique_ptr<rocksdb::Iterator> rows(db.NewIterator(rocksdb::ReadOptions(), column));
  rows->SeekToFirst();
  return !rows->Valid() && rows->status().ok();
}

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace

Status remove_bulk_files(const std::string& database) {
  std::error_code error;
  fs::remove_all(bulk_folder(database), error);
  if (!error) return {};
  return Error{.message = "cannot remove " + bulk_folder(database) + ": " + error.message(),
               .hint = "check the disk and the permissions of the folder, or remove it by hand"};
}

rocksdb::Status write_bulk(DatabaseHandle& handle, const RocksdbCommon& common, rocksdb::ColumnFamilyHandle* column,
                           RestoreBuffer& rows, const std::map<std::string, std::string>& entries) {
  Folder folder(bulk_folder(handle.db->GetName()));
  auto status = folder.make();
  Files row_files(folder, common, column);
  Files entry_files(folder, common, handle.meta());
  // Where there is nothing, there is nothing to delete.
  const bool deletes = !is_empty(*handle.db, column);
  for (auto walk = rows.walk(); walk.valid() && status.ok(); walk.next()) {
    if (!walk.removed())
      status = row_files.put(slice(walk.key()), slice(walk.row()));
    else if (deletes)
      status = row_files.remove(slice(walk.key()));
  }
  if (status.ok() && rows.error() != 0)
    status = rocksdb::Status::IOError("rows set aside for restoration", std::strerror(rows.error()));
  for (const auto& [key, value] : entries)
    if (status.ok()) status = entry_files.put(key, value);
  if (status.ok()) status = row_files.finish();
  if (status.ok()) status = entry_files.finish();
  if (!status.ok()) return status;
  std::vector<rocksdb::IngestExternalFileArg> files;
  if (row_files.any()) files.push_back(row_files.ingestion());
  files.push_back(entry_files.ingestion());
  return handle.db->IngestExternalFiles(files);
}

}  // namespace kstreamd

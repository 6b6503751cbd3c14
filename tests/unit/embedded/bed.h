// A bed for tests of the embedded log: clusters, and records in and out in one line each.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/embedded/embedded_cluster.h"

namespace kstreamd {

constexpr Duration kNow{0};
constexpr Duration kPatience = std::chrono::seconds(20);

struct Read {
  int64_t offset;
  std::optional<std::string> key, value;
};

// A folder that is gone when the test is.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

class Bed {
 public:
  explicit Bed(EmbeddedOptions options = {});
  Cluster& cluster() { return *cluster_; }
  EmbeddedLevers& levers() { return *embedded_levers(*cluster_); }
  void close() { cluster_.reset(); }

  void topic(const std::string& name, int32_t partitions = 1, std::map<std::string, std::string> configs = {});
  std::unique_ptr<Producer> producer(const std::string& id = "");
  std::unique_ptr<GroupMember> member(const std::string& instance, const std::string& group = "g",
                                      const std::string& topic = "tasks");
  Admin::Watermarks watermarks(const std::string& topic, int32_t partition = 0);
  // Everything up to the end that can be seen now.
  std::vector<Read> read(const std::string& topic, int32_t partition = 0, bool committed_only = true, int64_t from = 0);
  // "offset:key=value ..." of the same.
  std::string text(const std::string& topic, int32_t partition = 0, bool committed_only = true, int64_t from = 0);

 private:
  std::unique_ptr<Cluster> cluster_;
};

// Opens the topic each time: for a few records.
Status put(Producer& producer, const std::string& topic, std::optional<std::string_view> key,
           std::optional<std::string_view> value, int32_t partition = -1, int64_t timestamp = 0);
// The next event of a member, without waiting.
GroupEvent next(GroupMember& member);
// Answers all events of all members until there are none; what each member owns in the end is kept in `owned`.
void settle(std::vector<GroupMember*> members, std::map<GroupMember*, std::vector<int32_t>>& owned);
std::string text(std::vector<int32_t> partitions);
PartitionOffset at(const std::string& topic, int32_t partition, int64_t offset);

}  // namespace kstreamd

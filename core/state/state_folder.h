// The files of a state folder around its databases. Internal to core/state.
//
//   FOLDER/.lock              held while a process uses the folder; its pid
//   FOLDER/.format            version of the layout
//   FOLDER/TOPOLOGY/instance  who this process is in that topology's group
//   FOLDER/TOPOLOGY/TASK/     the task's RocksDB
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/ports/state.h"
#include "core/record/topic_partition.h"

namespace kstreamd {

// A random id, as a version 4 uuid.
std::string new_instance_id();

// A folder that this process holds. Thread safety: constant after open; instance_id is for one thread at a time.
class StateFolder {
 public:
  // Creates the folder if need be, private to the user, and locks it. A folder of a newer layout is refused.
  static Result<std::unique_ptr<StateFolder>> open(const std::string& path);
  ~StateFolder();
  StateFolder(const StateFolder&) = delete;
  StateFolder& operator=(const StateFolder&) = delete;

  std::filesystem::path topology_path(const std::string& topology) const;
  std::filesystem::path task_path(const std::string& topology, const TaskId& task) const;
  // Makes the topology's and the task's folder.
  Status make_task_folder(const std::string& topology, const TaskId& task) const;
  // The tasks that have a folder, and the sizes of their files.
  Result<std::vector<KeptState>> tasks(const std::string& topology) const;
  Result<std::string> instance_id(const std::string& topology) const;

 private:
  StateFolder(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}

  const std::filesystem::path path_;
  const int lock_;  // file descriptor
};

}  // namespace kstreamd

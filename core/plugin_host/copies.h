// Private copies of plugin files, named after their content: what is loaded, so that a file may be replaced or damaged
// while the process runs.
//
// Several processes may share a folder. Each holds a lock on the copies that it has loaded, and only copies that nobody
// holds are removed. Beside a copy lies, once that is known, the note that it can be loaded without harm.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace kstreamd {

// Makes (or finds) a folder that only this user can enter.
Status make_private_folder(const std::string& folder);

// A copy that cannot be removed by anybody while this lives.
class PluginCopy {
 public:
  // Finds the copy of this content in a private folder, or makes it.
  static Result<PluginCopy> of(const std::string& folder, std::string_view bytes);

  const std::string& path() const { return path_; }
  // Tells contents apart.
  const std::string& content() const { return content_; }

  // Where the note lies that the copy can be loaded, as `stamp` (a version of kstreamd) found out.
  std::string note() const;
  bool noted_as_sound(std::string_view stamp) const;
  void note_as_sound(std::string_view stamp) const;

 private:
  PluginCopy(std::string path, std::string content, std::shared_ptr<const void> lock)
      : path_(std::move(path)), content_(std::move(content)), lock_(std::move(lock)) {}
  std::string path_;
  std::string content_;
  std::shared_ptr<const void> lock_;
};

// Removes the copies that no process holds.
void remove_unused_copies(const std::string& folder);

}  // namespace kstreamd

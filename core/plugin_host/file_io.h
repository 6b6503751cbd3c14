// Files by descriptor, with errors that name them.
#pragma once
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace kstreamd {

// An open file, closed at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }

 private:
  int number_;
};

// "WHAT: " and the text of errno.
Error system_error(const std::string& what, std::string hint = {});
// All from here to the end. `what` is for messages.
Result<std::string> read_all(int file, const std::string& what);
Status write_all(int file, std::string_view bytes, const std::string& what);

}  // namespace kstreamd

// The files of new plugins, built into the program from daemon/templates.
#pragma once
#include <vector>

namespace kstreamd {

struct TemplateFile {
  const char* language;  // "c", "cpp" or "rust"
  const char* path;      // below the project
  const char* content;
};

// All of them, by language.
const std::vector<TemplateFile>& template_files();

}  // namespace kstreamd

// What is wrong with a file, and where.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace kstreamd {

enum class Severity { error, warning };

struct Diagnostic {
  std::string file;
  int line = 0;  // from 1; 0: the file as a whole
  int column = 0;
  Severity severity = Severity::error;
  std::string node;  // may be empty
  std::string message;
  std::string hint;
};

// "file:line:column: error: node 'x': message", and a second line "  hint: ..." where there is one.
std::string text(const Diagnostic& diagnostic);

// What reading a file gave: the value when there was no error, and all errors and warnings by line.
template <typename T>
struct SpecResult {
  std::optional<T> value;
  std::vector<Diagnostic> diagnostics;

  bool ok() const { return value.has_value(); }
};

}  // namespace kstreamd

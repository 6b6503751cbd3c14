// Pieces of canonical JSON text. Internal to core/serde; any thread.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kstreamd {

// The shortest digits that read back as the same number, and always as a float: 4.0, 0.1, 1e+16. Of what JSON has no
// number for, the text "NaN", "Infinity" or "-Infinity", as Protobuf's JSON has it.
void append_json_float(std::string& out, double number);
void append_json_float(std::string& out, float number);
// With quotes. The text is UTF-8.
void append_json_text(std::string& out, std::string_view text);

// An object whose fields are appended in any order, and stand sorted by name in the end.
class JsonObjectWriter {
 public:
  explicit JsonObjectWriter(std::string& out) : out_(out), start_(out.size()) { out_ += '{'; }
  // Writes the name; what is appended until the next field, or close, is its value. Of fields of one name the last
  // counts.
  void field(std::string_view name);
  void close();

 private:
  struct Field {
    std::string name;
    size_t begin;  // of its text, name included
  };
  void sort();

  std::string& out_;
  const size_t start_;
  std::vector<Field> fields_;
  bool sorted_ = true;
};

}  // namespace kstreamd

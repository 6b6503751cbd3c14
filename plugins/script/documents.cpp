#include "plugins/script/documents.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "plugins/script/json_text.h"

namespace kstreamd::script {

namespace dom = simdjson::dom;

void DeleteDocuments::operator()(Documents* documents) const { delete documents; }

simdjson::error_code find_root(State& state, uint8_t slot, dom::element& out) {
  auto& document = state.documents->slots[slot];
  if (document.parsed != state.slots[slot].epoch) {
    document.parsed = 0;
    if (const auto error = document.parser.parse(document.text.data(), document.text.size()).get(document.root))
      return error;
    document.parsed = state.slots[slot].epoch;
  }
  out = document.root;
  return simdjson::SUCCESS;
}

bool find_field(dom::object object, std::string_view name, dom::element& out) {
  bool found = false;
  for (const auto field : object)
    if (field.key == name) {
      out = field.value;
      found = true;
    }
  return found;
}

void append_json_integer(int64_t integer, std::string& out) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, integer).ptr);
}

namespace {

bool append_object(dom::object object, std::string& out) {
  std::vector<dom::key_value_pair> fields;
  for (const auto field : object) fields.push_back(field);
  std::stable_sort(fields.begin(), fields.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  const char* comma = "";
  out += '{';
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i + 1 < fields.size() && fields[i + 1].key == fields[i].key) continue;
    out += comma;
    comma = ",";
    if (!append_json_text(fields[i].key, out)) return false;
    out += ':';
    if (!append_json_element(fields[i].value, out)) return false;
  }
  out += '}';
  return true;
}

bool append_array(dom::array array, std::string& out) {
  const char* comma = "";
  out += '[';
  for (const dom::element item : array) {
    out += comma;
    comma = ",";
    if (!append_json_element(item, out)) return false;
  }
  out += ']';
  return true;
}

}  // namespace

bool append_json_element(dom::element element, std::string& out) {
  switch (element.type()) {
    case dom::element_type::OBJECT:
      return append_object(dom::object(element), out);
    case dom::element_type::ARRAY:
      return append_array(dom::array(element), out);
    case dom::element_type::STRING:
      return append_json_text(std::string_view(element), out);
    case dom::element_type::INT64:
      append_json_integer(int64_t(element), out);
      return true;
    case dom::element_type::UINT64:
      out += std::to_string(uint64_t(element));
      return true;
    case dom::element_type::DOUBLE:
      return append_json_number(double(element), out);
    case dom::element_type::BOOL:
      out += bool(element) ? "true" : "false";
      return true;
    case dom::element_type::NULL_VALUE:
      out += "null";
  }
  return true;
}

}  // namespace kstreamd::script

// The JSON of the variables at hand, parsed once however many expressions look into it. Internal.
#pragma once
#include <simdjson.h>

#include <string>
#include <string_view>

#include "plugins/script/state.h"

namespace kstreamd::script {

struct Documents {
  struct Document {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    std::string_view text;
    uint64_t parsed = 0;  // the epoch of the slot in which root was made
  };
  Document slots[kValueCount];
  simdjson::dom::parser decoder;
};

// The root of a slot's document, whose text was set.
simdjson::error_code find_root(State& state, uint8_t slot, simdjson::dom::element& out);

// The last of equal names counts, as in most readers of JSON.
bool find_field(simdjson::dom::object object, std::string_view name, simdjson::dom::element& out);

// Appends canonical JSON. False: it holds a text that is not UTF-8.
bool append_json_element(simdjson::dom::element element, std::string& out);

void append_json_integer(int64_t integer, std::string& out);

// The first character of a JSON text that is no blank; 0: there is none.
inline char first_of_json(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first == text.npos ? '\0' : text[first];
}

}  // namespace kstreamd::script

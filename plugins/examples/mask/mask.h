// The processor of the mask plugin: see README.md for what it does to records.
#pragma once
#include <kstreamd/sdk/plugin.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mask {

struct Options {
  std::vector<std::string> fields;
  bool card_numbers;
  size_t keep_last;

  explicit Options(const kstreamd::sdk::Config& config)
      : fields(config.string_list("fields")), card_numbers(config.boolean("card_numbers", true)) {
    const int64_t keep = config.integer("keep_last", 4);
    if (keep < 0 || keep > 6) config.problem("keep_last", "must be from 0 to 6");
    keep_last = static_cast<size_t>(keep);
    if (!card_numbers && fields.empty())
      config.problem("", "nothing is to be masked", "name `fields`, or leave `card_numbers` on");
  }
};

// Stateless: one instance per node and task, nothing shared.
class Mask {
 public:
  static constexpr const char* kName = "mask";
  static constexpr const char* kDescription = "Masks card numbers and named JSON fields in values";
  static constexpr const char* kConfigSchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "fields": {"type": "array", "items": {"type": "string"}, "default": [],
               "description": "names of JSON fields whose content is masked whole, at any depth"},
    "card_numbers": {"type": "boolean", "default": true,
                     "description": "mask card numbers (13 to 19 digits with a valid check digit) in any text"},
    "keep_last": {"type": "integer", "minimum": 0, "maximum": 6, "default": 4,
                  "description": "digits of a card number that stay readable"}
  }
})json";

  Mask(kstreamd::sdk::Context&, const kstreamd::sdk::Config& config) : options_(config) {}
  static void check(const kstreamd::sdk::Config& config) { Options{config}; }
  void process(const kstreamd::Record& record, kstreamd::sdk::Context& context);

 private:
  // Each appends the masked text to out_.
  void mask_text(std::string_view text);
  void mask_json(std::string_view json);
  size_t mask_card(std::string_view text, size_t at);
  bool is_masked_field(std::string_view name) const;

  const Options options_;
  std::string out_;  // reused from record to record
};

}  // namespace mask

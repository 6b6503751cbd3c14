#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <limits>

#include "core/base/base64.h"
#include "core/serde/avro_codec.h"
#include "core/serde/field_path.h"
#include "core/serde/json_writer.h"

namespace kstreamd {
namespace {

// Limits for bytes that mean harm: a few of them may stand for endless nesting, or for lists without end.
constexpr int kMaxDepth = 200;
constexpr size_t kMaxText = 256 << 20;
constexpr size_t kMaxSteps = 64 << 20;

bool is_number(AvroKind kind) {
  return kind == AvroKind::int32 || kind == AvroKind::int64 || kind == AvroKind::float32 || kind == AvroKind::float64;
}

bool same_name(const AvroType& writer, const AvroType& reader) {
  return writer.name == reader.name ||
         std::find(reader.aliases.begin(), reader.aliases.end(), writer.name) != reader.aliases.end();
}

// Whether the writer's type can be read as the reader's, as far as it shows without looking inside. Neither is a union.
bool fits(const AvroType& writer, const AvroType& reader) {
  if (writer.kind == reader.kind) {
    const bool named =
        writer.kind == AvroKind::record || writer.kind == AvroKind::enumeration || writer.kind == AvroKind::fixed;
    return !named || (same_name(writer, reader) && writer.size == reader.size);
  }
  if (is_number(writer.kind) && is_number(reader.kind)) return writer.kind < reader.kind;
  return (writer.kind == AvroKind::bytes && reader.kind == AvroKind::string) ||
         (writer.kind == AvroKind::string && reader.kind == AvroKind::bytes);
}

// The branch of the reader's union that a type of the writer's is read as.
const AvroType* branch_for(const AvroType& writer, const AvroType& reader) {
  const AvroType* promoted = nullptr;
  for (const auto* branch : reader.branches) {
    if (!fits(writer, *branch)) continue;
    if (branch->kind == writer.kind) return branch;
    if (!promoted) promoted = branch;
  }
  return promoted;
}

}  // namespace

// One call of decode.
class AvroReading {
 public:
  AvroReading(const AvroDecoder& decoder, std::string_view bytes, std::string& out)
      : decoder_(decoder), bytes_(bytes), out_(out) {}

  Status run() {
    if (!value(decoder_.writer_, decoder_.reader_, 0) || !at_end())
      return failure_.error("check that the topic was written with this schema");
    return {};
  }

 private:
  bool at_end() {
    return bytes_.empty() || failure_.fail(std::to_string(bytes_.size()) + " bytes are left after the value");
  }

  bool step(int depth) {
    if (depth > kMaxDepth) return failure_.fail("values are nested more than " + std::to_string(kMaxDepth) + " deep");
    if (++steps_ > kMaxSteps || out_.size() > kMaxText) return failure_.fail("the value unfolds to more than 256 MiB");
    return true;
  }

  // ---- Pieces

  bool take(size_t size, std::string_view& piece) {
    if (size > bytes_.size()) return failure_.fail("the bytes end within the value");
    piece = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return true;
  }

  bool integer(int64_t& number) {
    uint64_t bits = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      std::string_view piece;
      if (!take(1, piece)) return false;
      const auto byte = static_cast<uint8_t>(piece[0]);
      bits |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte & 0x80) continue;
      number = static_cast<int64_t>(bits >> 1) ^ -static_cast<int64_t>(bits & 1);
      return true;
    }
    return failure_.fail("an integer has more than 10 bytes");
  }

  bool sized(std::string_view& piece) {
    int64_t size = 0;
    if (!integer(size)) return false;
    if (size < 0) return failure_.fail("a length is negative");
    return take(static_cast<uint64_t>(size), piece);
  }

  template <typename Bits>
  bool little_endian(Bits& bits) {
    std::string_view piece;
    if (!take(sizeof(Bits), piece)) return false;
    bits = 0;
    for (size_t i = sizeof(Bits); i-- > 0;) bits = static_cast<Bits>((bits << 8) | static_cast<uint8_t>(piece[i]));
    return true;
  }

  // The number of the branch of a union, or of the symbol of an enum.
  bool index(size_t count, size_t& number) {
    int64_t given = 0;
    if (!integer(given)) return false;
    if (given < 0 || static_cast<uint64_t>(given) >= count)
      return failure_.fail("there is no number " + std::to_string(given) + " among " + std::to_string(count));
    number = static_cast<size_t>(given);
    return true;
  }

  // The items of a list or map, block by block.
  template <typename Item>
  bool blocks(const Item& item) {
    for (;;) {
      int64_t count = 0;
      if (!integer(count)) return false;
      if (count == 0) return true;
      if (count < 0) {
        int64_t size = 0;
        if (count == std::numeric_limits<int64_t>::min()) return failure_.fail("a block has no count");
        if (!integer(size)) return false;
        count = -count;
      }
      for (; count > 0; --count)
        if (!item()) return false;
    }
  }

  // ---- Values

  bool value(const AvroType& writer, const AvroType& reader, int depth) {
    if (!step(depth)) return false;
    if (writer.kind == AvroKind::one_of) {
      size_t branch = 0;
      return index(writer.branches.size(), branch) && value(*writer.branches[branch], reader, depth + 1);
    }
    if (reader.kind == AvroKind::one_of) {
      const AvroType* branch = branch_for(writer, reader);
      return branch ? value(writer, *branch, depth + 1) : unreadable(writer, reader);
    }
    if (!fits(writer, reader)) return unreadable(writer, reader);
    switch (writer.kind) {
      case AvroKind::null:
        out_ += "null";
        return true;
      case AvroKind::boolean:
        return boolean();
      case AvroKind::int32:
      case AvroKind::int64:
        return whole_number(writer, reader);
      case AvroKind::float32:
      case AvroKind::float64:
        return real_number(writer, reader);
      case AvroKind::bytes:
      case AvroKind::string:
      case AvroKind::fixed:
        return text_or_bytes(writer, reader);
      case AvroKind::enumeration:
        return symbol(writer, reader);
      case AvroKind::array:
        return list(writer, reader, depth);
      case AvroKind::map:
        return map(writer, reader, depth);
      default:
        return record(writer, reader, depth);
    }
  }

  bool unreadable(const AvroType& writer, const AvroType& reader) {
    return failure_.fail("the writer's " + avro_type_name(writer) + " cannot be read as " + avro_type_name(reader));
  }

  bool boolean() {
    std::string_view piece;
    if (!take(1, piece)) return false;
    if (piece[0] != 0 && piece[0] != 1) return failure_.fail("a boolean is a byte 0 or 1");
    out_ += piece[0] ? "true" : "false";
    return true;
  }

  bool whole_number(const AvroType& writer, const AvroType& reader) {
    int64_t number = 0;
    if (!integer(number)) return false;
    if (writer.kind == AvroKind::int32 && number != static_cast<int32_t>(number))
      return failure_.fail("an int is out of range");
    if (reader.kind == AvroKind::float32)
      append_json_float(out_, static_cast<float>(number));
    else if (reader.kind == AvroKind::float64)
      append_json_float(out_, static_cast<double>(number));
    else
      out_ += std::to_string(number);
    return true;
  }

  bool real_number(const AvroType& writer, const AvroType& reader) {
    if (writer.kind == AvroKind::float64) {
      uint64_t bits = 0;
      if (!little_endian(bits)) return false;
      append_json_float(out_, std::bit_cast<double>(bits));
      return true;
    }
    uint32_t bits = 0;
    if (!little_endian(bits)) return false;
    const auto number = std::bit_cast<float>(bits);
    if (reader.kind == AvroKind::float32)
      append_json_float(out_, number);
    else
      append_json_float(out_, static_cast<double>(number));
    return true;
  }

  bool text_or_bytes(const AvroType& writer, const AvroType& reader) {
    std::string_view piece;
    if (!(writer.kind == AvroKind::fixed ? take(writer.size, piece) : sized(piece))) return false;
    if (reader.kind != AvroKind::string) {
      append_json_text(out_, base64_encode(piece));
      return true;
    }
    if (!simdjson::validate_utf8(piece.data(), piece.size())) return failure_.fail("a string is not UTF-8");
    append_json_text(out_, piece);
    return true;
  }

  bool symbol(const AvroType& writer, const AvroType& reader) {
    size_t number = 0;
    if (!index(writer.symbols.size(), number)) return false;
    const std::string& name = writer.symbols[number];
    const bool known = std::find(reader.symbols.begin(), reader.symbols.end(), name) != reader.symbols.end();
    if (!known && !reader.default_symbol)
      return failure_.fail("'" + name + "' is no symbol of the reader's " + avro_type_name(reader));
    append_json_text(out_, known ? name : *reader.default_symbol);
    return true;
  }

  bool list(const AvroType& writer, const AvroType& reader, int depth) {
    out_ += '[';
    size_t count = 0;
    const bool good = blocks([&] {
      if (count > 0) out_ += ',';
      if (!value(*writer.items, *reader.items, depth + 1)) return failure_.at(count);
      ++count;
      return true;
    });
    out_ += ']';
    return good;
  }

  bool map(const AvroType& writer, const AvroType& reader, int depth) {
    JsonObjectWriter object(out_);
    const bool good = blocks([&] {
      std::string_view key;
      if (!step(depth) || !sized(key)) return false;
      if (!simdjson::validate_utf8(key.data(), key.size())) return failure_.fail("a key is not UTF-8");
      object.field(key);
      return value(*writer.items, *reader.items, depth + 1) || failure_.within(key);
    });
    object.close();
    return good;
  }

  bool record(const AvroType& writer, const AvroType& reader, int depth) {
    const auto& plan = decoder_.plans_.at({&writer, &reader});
    if (!plan.problem.empty()) return failure_.fail(plan.problem);
    JsonObjectWriter object(out_);
    for (size_t i = 0; i < writer.fields.size(); ++i) {
      const AvroField& from = writer.fields[i];
      if (plan.fields[i] < 0) {
        if (!skip(*from.type, depth + 1)) return failure_.within(from.name);
        continue;
      }
      const AvroField& to = reader.fields[static_cast<size_t>(plan.fields[i])];
      object.field(to.name);
      if (!value(*from.type, *to.type, depth + 1)) return failure_.within(to.name);
    }
    for (int missing : plan.defaults) {
      const AvroField& field = reader.fields[static_cast<size_t>(missing)];
      object.field(field.name);
      out_ += *field.default_json;
    }
    object.close();
    return true;
  }

  bool skip(const AvroType& type, int depth) {
    if (!step(depth)) return false;
    std::string_view piece;
    int64_t number = 0;
    size_t branch = 0;
    switch (type.kind) {
      case AvroKind::null:
        return true;
      case AvroKind::boolean:
        return take(1, piece);
      case AvroKind::int32:
      case AvroKind::int64:
      case AvroKind::enumeration:
        return integer(number);
      case AvroKind::float32:
        return take(4, piece);
      case AvroKind::float64:
        return take(8, piece);
      case AvroKind::bytes:
      case AvroKind::string:
        return sized(piece);
      case AvroKind::fixed:
        return take(type.size, piece);
      case AvroKind::array:
        return blocks([&] { return skip(*type.items, depth + 1); });
      case AvroKind::map:
        return blocks([&] { return sized(piece) && skip(*type.items, depth + 1); });
      case AvroKind::one_of:
        return index(type.branches.size(), branch) && skip(*type.branches[branch], depth + 1);
      case AvroKind::record:
        return std::all_of(type.fields.begin(), type.fields.end(),
                           [&](const AvroField& field) { return skip(*field.type, depth + 1); });
    }
    return true;
  }

  const AvroDecoder& decoder_;
  std::string_view bytes_;
  std::string& out_;
  FieldFailure failure_;
  size_t steps_ = 0;
};

AvroDecoder::AvroDecoder(const AvroType& writer, const AvroType& reader) : writer_(writer), reader_(reader) {
  plan(writer_, reader_);
}

void AvroDecoder::plan(const AvroType& writer, const AvroType& reader) {
  if (writer.kind == AvroKind::one_of) {
    for (const auto* branch : writer.branches) plan(*branch, reader);
    return;
  }
  if (reader.kind == AvroKind::one_of) {
    if (const auto* branch = branch_for(writer, reader)) plan(writer, *branch);
    return;
  }
  if (!fits(writer, reader)) return;
  if (writer.items) plan(*writer.items, *reader.items);
  if (writer.kind != AvroKind::record) return;
  const auto [found, fresh] = plans_.try_emplace({&writer, &reader});
  if (!fresh) return;
  Plan& plan = found->second;
  std::vector<bool> given(reader.fields.size());
  for (const auto& field : writer.fields) {
    const auto to = std::find_if(reader.fields.begin(), reader.fields.end(), [&](const AvroField& candidate) {
      return candidate.name == field.name ||
             std::find(candidate.aliases.begin(), candidate.aliases.end(), field.name) != candidate.aliases.end();
    });
    const auto index = static_cast<size_t>(to - reader.fields.begin());
    const bool taken = to != reader.fields.end() && !given[index];
    plan.fields.push_back(taken ? static_cast<int>(index) : -1);
    if (!taken) continue;
    given[index] = true;
    this->plan(*field.type, *to->type);
  }
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i]) continue;
    if (reader.fields[i].default_json)
      plan.defaults.push_back(static_cast<int>(i));
    else
      plan.problem = "the writer's " + avro_type_name(writer) + " has no field '" + reader.fields[i].name +
                     "', and the reader's schema gives it no default";
  }
}

Status AvroDecoder::decode(std::string_view bytes, std::string& json) const {
  return AvroReading(*this, bytes, json).run();
}

}  // namespace kstreamd

#include "plugins/builtin/foreign_key.h"

#include <kstreamd/sdk/big_endian.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "plugins/builtin/murmur3.h"
#include "plugins/builtin/table_joins.h"

namespace kstreamd::builtin {
namespace {

constexpr uint8_t kNoHash = 0x80;  // in the first byte, beside the version
constexpr uint8_t kSubscriptionVersion = 1;
constexpr uint8_t kAnswerVersion = 0;
constexpr size_t kHashSize = 16;
constexpr size_t kLengthSize = 4;

sdk::FatalError unreadable(const std::string& what) {
  return sdk::FatalError("the " + what +
                         " of a join by foreign key cannot be read: something else has written to its topic, or it is "
                         "of a later version; reset the topology, or give the node another name");
}

std::string_view bytes_of(const Value& value, const std::string& what) {
  if (!has_data(value)) throw unreadable(what);
  return data_of(value);
}

// The version, and the hash unless it says that there is none.
RowHash read_hash(BytesReader& in, uint8_t newest, const std::string& what) {
  const auto first = in.number<uint8_t>();
  if ((first & ~kNoHash) > newest || !in.ok()) throw unreadable(what);
  return first & kNoHash ? RowHash() : RowHash({0, 0});
}
void read_numbers(BytesReader& in, RowHash& hash) {
  if (hash)
    for (uint64_t& number : *hash) number = in.number<uint64_t>();
}
void write_numbers(BytesWriter& out, const RowHash& hash) {
  if (hash)
    for (const uint64_t number : *hash) out.number(number);
}
uint8_t first_byte(uint8_t version, const RowHash& hash) {
  return static_cast<uint8_t>(hash ? version : version | kNoHash);
}

RowHash hash_of(const Value& value, SerdeBytes& serde) {
  return is_null(value) ? RowHash() : murmur3_128(serde.write(value));
}

// What the right table has, for a left row: no bytes stand for none.
Record answer(const Record& to, const Subscription& asked, std::string_view right, int64_t timestamp,
              sdk::Context& context) {
  BytesWriter out(context.scratch<char>(1 + kHashSize + right.size()));
  out.number(first_byte(kAnswerVersion, asked.hash));
  write_numbers(out, asked.hash);
  Record record = to;
  record.key = bytes_value(asked.left_key);
  record.value = bytes_value(out.bytes(right).written());
  record.timestamp = timestamp;
  record.input = static_cast<uint32_t>(asked.partition);  // Node::takes_partitions
  return record;
}

}  // namespace

Subscription Subscription::read(std::string_view bytes) {
  Subscription asked;
  BytesReader in(bytes);
  asked.hash = read_hash(in, kSubscriptionVersion, "subscription");
  asked.instruction = static_cast<Instruction>(in.number<uint8_t>());
  read_numbers(in, asked.hash);
  if (!in.ok() || in.rest().size() < kLengthSize || asked.instruction > answer_if_found)
    throw unreadable("subscription");
  asked.left_key = in.bytes(in.rest().size() - kLengthSize);
  asked.partition = in.number<int32_t>();
  return asked;
}

std::string_view Subscription::write(sdk::Context& context) const {
  BytesWriter out(context.scratch<char>(2 + kHashSize + left_key.size() + kLengthSize));
  out.number(first_byte(kSubscriptionVersion, hash)).number(static_cast<uint8_t>(instruction));
  write_numbers(out, hash);
  return out.bytes(left_key).number(partition).written();
}

std::string_view subscription_key(std::string_view foreign_key, std::string_view left_key, sdk::Context& context) {
  return BytesWriter(context.scratch<char>(kLengthSize + foreign_key.size() + left_key.size()))
      .sized(foreign_key)
      .bytes(left_key)
      .written();
}

// ---- In the left table's task: asking

ForeignKeySubscribe::ForeignKeySubscribe(const sdk::Config& config)
    : expressions_(config),
      left_(JoinSides::read(config).alone[0]),
      foreign_key_(expressions_.compile(config, "foreign_key", script::kForeignKeyScope)) {
  for (const char* serde : {"left_key", "left_value", "right_key"}) config.string(serde, "");
}

ForeignKeySubscribe::ForeignKeySubscribe(sdk::Context& context, const sdk::Config& config)
    : ForeignKeySubscribe(config) {
  serdes_.emplace(Serdes{{context, config.string("left_key")},
                         {context, config.string("left_value")},
                         {context, config.string("right_key")}});
  const std::string_view task = context.task_id();
  const char* number = task.data() + task.rfind('-') + 1;
  std::from_chars(number, task.data() + task.size(), partition_);
}

void ForeignKeySubscribe::process(std::span<const Record> records, sdk::Context& context) {
  each_latest(records, context, [&](const Record& record, const Change& change) { update(record, change, context); });
}

std::optional<std::string_view> ForeignKeySubscribe::foreign_key(const Value& key, const Value& value,
                                                                 ScratchMemory& memory) {
  if (is_null(value)) return std::nullopt;
  auto& engine = expressions_.engine();
  engine.set(script::Variable::key, key);
  engine.set(script::Variable::value, value);
  const Value named = engine.key(foreign_key_, memory);
  if (is_null(named)) return std::nullopt;
  return serdes_->right_key.write(named);
}

void ForeignKeySubscribe::update(const Record& record, const Change& change, sdk::Context& context) {
  if (is_null(change.before) && is_null(change.now)) return;  // there was no row, and is none
  ScratchMemory memory(context);
  const auto before = foreign_key(record.key, change.before, memory);
  const auto now = foreign_key(record.key, change.now, memory);
  Subscription asked{hash_of(change.now, serdes_->left_value), Subscription::answer,
                     serdes_->left_key.write(record.key), partition_};
  const auto ask = [&](const std::optional<std::string_view>& key, Subscription::Instruction instruction) {
    asked.instruction = instruction;
    Record out = record;
    out.key = key ? bytes_value(*key) : null_value();
    out.value = bytes_value(asked.write(context));
    context.forward_borrowed(out);
  };
  if (left_) {
    // Also without a foreign key there is an answer: that there is no partner.
    if (before && before != now) ask(before, Subscription::remove);
    ask(now, Subscription::answer);
  } else if (!now) {
    if (before) ask(before, Subscription::remove_and_answer);
  } else {
    // Only of another right row there may have been a result to be taken back.
    const bool other = before && before != now;
    if (other) ask(before, Subscription::remove);
    ask(now, other ? Subscription::answer : Subscription::answer_if_found);
  }
}

// ---- In the right table's task: answering

ForeignKeyLookup::ForeignKeyLookup(sdk::Context& context, const sdk::Config& config)
    : subscriptions_(context.store(0)),
      right_(context, config, "view", 1),
      right_key_(context, config.string("right_key")),
      right_value_(context, config.string("right_value")) {
  config.string("script", "");
}

void ForeignKeyLookup::process(std::span<const Record> records, sdk::Context& context) {
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    take(records[i], context);
  }
}

void ForeignKeyLookup::take(const Record& record, sdk::Context& context) {
  const Subscription asked = Subscription::read(bytes_of(record.value, "subscription"));
  Stamped found;
  if (is_null(record.key)) {
    if (asked.instruction != Subscription::answer) return context.drop("null_key");
  } else {
    const std::string_view foreign_key = data_of(record.key);
    const bool kept = asked.instruction == Subscription::answer || asked.instruction == Subscription::answer_if_found;
    subscriptions_.put(bytes_value(subscription_key(foreign_key, asked.left_key, context)),
                       kept ? record.value : null_value(), record.timestamp);
    if (asked.instruction == Subscription::remove) return;
    found = right_.get(right_key_.read(foreign_key));
  }
  const bool exists = !is_null(found.value);
  if (!exists && asked.instruction == Subscription::answer_if_found) return;
  const bool tells = exists && asked.instruction != Subscription::remove_and_answer;
  context.forward_borrowed(answer(record, asked, tells ? right_value_.write(found.value) : std::string_view(),
                                  exists ? std::max(record.timestamp, found.timestamp) : record.timestamp, context));
}

ForeignKeyUpdate::ForeignKeyUpdate(sdk::Context& context, const sdk::Config& config)
    : subscriptions_(context.store(0)),
      right_key_(context, config.string("right_key")),
      right_value_(context, config.string("right_value")) {}

void ForeignKeyUpdate::process(std::span<const Record> records, sdk::Context& context) {
  each_latest(records, context, [&](const Record& record, const Change& change) { tell(record, change.now, context); });
}

void ForeignKeyUpdate::tell(const Record& record, const Value& now, sdk::Context& context) {
  const std::string_view prefix = subscription_key(right_key_.write(record.key), {}, context);
  const std::string_view right = is_null(now) ? std::string_view() : right_value_.write(now);
  answers_.clear();
  subscriptions_.prefix(prefix, [&](const sdk::Row& row) {
    Subscription asked = Subscription::read(data_of(row.value));
    asked.left_key = context.copy(data_of(row.key).substr(prefix.size()));
    answers_.push_back(answer(record, asked, right, record.timestamp, context));
  });
  context.forward(sdk::Output{}, answers_);
}

// ---- In the left table's task: joining the answer

ForeignKeyJoin::ForeignKeyJoin(const sdk::Config& config)
    : expressions_(config),
      left_(JoinSides::read(config).alone[0]),
      value_(expressions_.compile(config, "value", script::kJoinScope)) {
  TableRows::check(config);
  for (const char* serde : {"left_value", "right_value"}) config.string(serde, "");
}

ForeignKeyJoin::ForeignKeyJoin(sdk::Context& context, const sdk::Config& config) : ForeignKeyJoin(config) {
  rows_.emplace(context, config);
  left_table_.emplace(context, config, "view", rows_->stored() ? 1 : 0);
  serdes_.emplace(Serdes{{context, config.string("left_value")}, {context, config.string("right_value")}});
}

void ForeignKeyJoin::process(std::span<const Record> records, sdk::Context& context) {
  ScratchMemory memory(context);
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    if (is_null(records[i].key))
      context.drop("null_key");
    else
      take(records[i], memory);
  }
}

// An answer to what the row was before is of no use any more: another one comes.
void ForeignKeyJoin::take(const Record& record, ScratchMemory& memory) {
  BytesReader in(bytes_of(record.value, "answer"));
  RowHash hash = read_hash(in, kAnswerVersion, "answer");
  read_numbers(in, hash);
  if (!in.ok()) throw unreadable("answer");
  const Value left = left_table_->get(record.key).value;
  if (hash != hash_of(left, serdes_->left_value)) return;
  const Value right = in.rest().empty() ? null_value() : serdes_->right_value.read(in.rest());
  Value now = null_value();
  if (!is_null(left) && (left_ || !is_null(right))) {
    auto& engine = expressions_.engine();
    engine.set(script::Variable::key, record.key);
    engine.set(script::Variable::left, left);
    engine.set(script::Variable::right, right);
    now = engine.value(value_, memory);
  }
  const bool looks = rows_->stored() && rows_->sends_changes();
  rows_->update(record, now, looks ? rows_->get(record.key).value : null_value(), record.timestamp);
}

}  // namespace kstreamd::builtin

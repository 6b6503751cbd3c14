#include "tests/sim/oracle.h"

#include "core/record/murmur2.h"

namespace kstreamd::sim {
namespace {

std::string place(const FetchedRecord& record) {
  const Origin& o = record.origin;
  return std::string(o.topic, o.topic_size) + "-" + std::to_string(o.partition) + "@" + std::to_string(o.offset);
}

// Of a dead letter: the record that its headers name.
std::string origin_said(const FetchedRecord& record) {
  std::string topic, partition, offset;
  for (uint32_t i = 0; i < record.header_count; ++i) {
    const Header& header = record.headers[i];
    const std::string_view name(header.name, header.name_size);
    const std::string value(static_cast<const char*>(header.value), header.value_size);
    if (name == "__streams.errors.topic") topic = value;
    if (name == "__streams.errors.partition") partition = value;
    if (name == "__streams.errors.offset") offset = value;
  }
  return topic.empty() ? "" : topic + "-" + partition + "@" + offset;
}

std::unique_ptr<RecordSource> reader_of(Cluster& log, const std::vector<std::string>& topics, int32_t partitions) {
  auto made = log.make_reader(true);
  if (!made) return nullptr;
  int32_t slot = 0;
  for (const auto& topic : topics)
    for (int32_t p = 0; p < partitions; ++p)
      if (!(*made)->assign(slot++, {topic, p}, 0)) return nullptr;
  return std::move(*made);
}

}  // namespace

Oracle::Oracle(Shape& shape, const Chaos& chaos, Cluster& log)
    : shape_(shape),
      chaos_(chaos),
      partitions_(chaos.plan.partitions),
      at_least_once_(chaos.plan.at_least_once),
      stages_(shape.stages()),
      keys_(stages_.size()) {
  std::vector<std::string> topics;
  for (const auto& stage : stages_) topics.push_back(stage.topic);
  inputs_ = reader_of(log, shape.inputs(), partitions_);
  outputs_source_ = reader_of(log, topics, partitions_);
  if (!inputs_ || !outputs_source_) problem_ = "the oracle cannot read the log";
}

Oracle::~Oracle() = default;

bool Oracle::read(RecordSource& source, const std::function<void(int32_t, const FetchedRecord&)>& take) {
  std::vector<FetchedBatch> batches;
  auto read = source.poll(batches, 1000, Duration(0));
  if (!read) problem_ = "the oracle cannot read: " + read.error().text();
  bool any = false;
  for (const auto& batch : batches)
    for (const auto& record : batch.records) {
      any = true;
      if (problem_.empty()) take(batch.slot, record);
    }
  return any && problem_.empty();
}

const std::string& Oracle::look() {
  while (problem_.empty() && read(*inputs_, [this](int32_t, const FetchedRecord& r) { take_input(r); })) {
  }
  while (problem_.empty() && read(*outputs_source_, [this](int32_t slot, const FetchedRecord& r) {
           take_output(static_cast<size_t>(slot / partitions_), r);
         })) {
  }
  return problem_;
}

void Oracle::take_input(const FetchedRecord& record) {
  const Origin& o = record.origin;
  InputRecord input{std::string(o.topic, o.topic_size), o.partition,      std::string(raw_key(o)),
                    std::string(raw_value(o)),          record.timestamp, o.offset};
  ids_.insert(std::atoi(input.value.c_str()));
  shape_.expect(input, [this](Expected expected) {
    Key& key = keys_[expected.stage][expected.key];
    ++missing_;
    const std::string lane = expected.lane;
    if (at_least_once_ && !expected.link) {
      key.deleted = key.deleted || deletes(expected.id);
      key.least[expected.id] = ++key.counts[lane];
    }
    key.lanes[lane].push_back(std::move(expected));
  });
}

void Oracle::take_output(size_t stage, const FetchedRecord& record) {
  ++outputs_;
  const std::string name(raw_key(record.origin));
  const std::string at = place(record) + " (key " + name + ", '" + std::string(raw_value(record.origin)) + "')";
  digest_ = hash_of(at, digest_);
  Link link;
  std::string id(raw_value(record.origin));
  if (!stages_[stage].store.empty() && !read_output(raw_value(record.origin), link, id)) {
    problem_ = at + " is not the output of a chain";
    return;
  }
  Key& key = keys_[stage][name];
  const auto due = stages_[stage].raced ? take_raced(stage, name, id, record.timestamp, at) : take_due(key, id);
  if (!problem_.empty()) return;
  if (!due && at_least_once_ && key.seen.contains(id)) {
    ++repeats_;
    if (const auto wrong = lacks(stage, key, id, link); !wrong.empty()) problem_ = at + " " + wrong;
    return;
  }
  if (const auto wrong = due ? wrong_about(*due, key, record, link) : why_unexpected(key, id); !wrong.empty())
    problem_ = at + (due ? " " : ": ") + wrong;
  if (!due) return;
  key.link = due->link.value_or(next_link(key.link, id));
  key.last_id = id;
  key.timestamp = record.timestamp;
  key.seen.insert(id);
  --missing_;
}

std::optional<Expected> Oracle::take_due(Key& key, const std::string& id) const {
  for (auto& [lane, waiting] : key.lanes)
    for (auto at = waiting.begin(); at != waiting.end(); ++at) {
      if (at->id == id) {
        Expected due = std::move(*at);
        waiting.erase(at);
        return due;
      }
      if (!at_least_once_) break;
    }
  return std::nullopt;
}

// What may come now is due as it comes.
std::optional<Expected> Oracle::take_raced(size_t stage, const std::string& name, const std::string& id,
                                           int64_t timestamp, const std::string& at) {
  if (const auto wrong = shape_.wrong_about(name, id, timestamp); !wrong.empty()) problem_ = at + ": " + wrong;
  ++missing_;
  return Expected{stage, name, id, "", timestamp};
}

std::string Oracle::wrong_about(const Expected& due, const Key& key, const FetchedRecord& record, Link link) const {
  const bool chained = !stages_[due.stage].store.empty();
  const Link wanted = due.link.value_or(next_link(key.link, due.id));
  if (chained && !at_least_once_ && link != wanted)
    return "was made on another state than that of the record before it: after '" + key.last_id + "' it should be '" +
           output_of(wanted, due.id) + "'";
  if (auto wrong = lacks(due.stage, key, due.id, link); !wrong.empty()) return wrong;
  if (due.timestamp != record.timestamp)
    return "has timestamp " + std::to_string(record.timestamp) + ", its input " + std::to_string(due.timestamp);
  if (partition_of_key(due.key, partitions_) != record.origin.partition) return "is on the wrong partition";
  if (const auto origin = origin_said(record); origin != due.origin)
    return "says that it comes from '" + origin + "', not from '" + due.origin + "'";
  return "";
}

// At least once: of a key whose updates come from one partition and delete nothing, a state holds all those before. Not
// where records wait in a store: some may go on from there before others are read again.
std::string Oracle::lacks(size_t stage, const Key& key, const std::string& id, Link link) const {
  if (!at_least_once_ || chaos_.zombies || stages_[stage].store.empty()) return "";
  if (key.lanes.size() != 1 || key.deleted || !shape_.emptied_stores().empty()) return "";
  const auto least = key.least.find(id);
  if (least == key.least.end() || link.count >= least->second) return "";
  return "was made on a state that lacks updates: it has seen " + std::to_string(link.count) + ", and there were " +
         std::to_string(least->second);
}

std::string Oracle::why_unexpected(const Key& key, const std::string& id) const {
  if (key.seen.contains(id)) return "it was put out before";
  for (const auto& [lane, waiting] : key.lanes)
    for (const auto& expected : waiting)
      if (expected.id == id) return "it comes before '" + waiting.front().id + "' of " + lane + ", which is first";
  return "no committed input has asked for it";
}

std::string Oracle::some_missing() const {
  std::string text;
  int shown = 0;
  for (size_t stage = 0; stage < keys_.size(); ++stage)
    for (const auto& [name, key] : keys_[stage])
      for (const auto& [lane, waiting] : key.lanes)
        for (const auto& expected : waiting)
          if (++shown <= 5)
            text += (shown > 1 ? ", " : "") + stages_[stage].topic + ": '" + expected.id + "' of key " + name +
                    " from " + lane;
  return text;
}

std::string Oracle::check_inputs(const std::set<int>& sent) const {
  for (int id : sent)
    if (!ids_.contains(id)) return "input " + std::to_string(id) + " was committed and cannot be read";
  for (int id : ids_)
    if (!sent.contains(id)) return "input " + std::to_string(id) + " was not committed and can be read";
  return "";
}

Rows Oracle::rows(size_t stage, bool last_store, int32_t partition, int32_t partitions) const {
  if (auto modelled = shape_.rows(partition)) return *modelled;
  Rows rows;
  for (const auto& [name, key] : keys_[stage])
    if (!key.last_id.empty() && !deletes(key.last_id) && partition_of_key(name, partitions) == partition)
      rows[name] = {last_store ? key.last_id : row_of(key.link), key.timestamp};
  return rows;
}

}  // namespace kstreamd::sim

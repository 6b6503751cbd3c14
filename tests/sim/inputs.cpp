#include "tests/sim/inputs.h"

#include <cstdio>
#include <cstdlib>

namespace kstreamd::sim {
namespace {

// The log below is not at fault here: what it refuses to the input is a defect of the simulation.
void must(const Status& status) {
  if (status) return;
  std::fprintf(stderr, "simulated input: %s\n", status.error().text().c_str());
  std::abort();
}

}  // namespace

Inputs::Inputs(const Shape& shape, Chaos& chaos, Cluster& log)
    : shape_(shape),
      chaos_(chaos),
      random_(chaos.random.fork()),
      plain_(log.make_producer({}).value()),
      transactional_(log.make_producer({"input"}).value()) {
  must(transactional_->init(Duration(0)));
}

TopicHandle Inputs::handle(Producer& producer, const std::string& topic) {
  auto opened = producer.open_topic(topic, Duration(0));
  must(opened ? Status() : Status(opened.error()));
  return *opened;
}

void Inputs::send(Producer& producer, std::vector<int>& numbers) {
  for (int64_t n = random_.between(1, 12); n > 0 && sent_ < chaos_.plan.records; --n) {
    const InputRecord made = shape_.make(chaos_.plan, random_, sent_);
    OutgoingRecord record;
    record.topic = handle(producer, made.topic);
    record.partition = made.partition;
    record.key_null = record.value_null = false;
    record.key = made.key;
    record.value = made.value;
    record.timestamp = chaos_.clock.wall_ms() - random_.between(0, 50);
    must(producer.produce(record));
    numbers.push_back(sent_++);
  }
}

void Inputs::step() {
  if (!open_.empty()) return decide();
  if (sent_ >= chaos_.plan.records) return;
  if (random_.coin()) {
    std::vector<int> numbers;
    send(*plain_, numbers);
    must(plain_->flush(Duration(0)));
    committed_.insert(numbers.begin(), numbers.end());
    chaos_.trace.add(Trace::world, "input", "plain, up to", sent_);
    return;
  }
  must(transactional_->begin());
  send(*transactional_, open_);
  chaos_.trace.add(Trace::world, "input", "in a transaction, up to", sent_);
  if (!chaos_.strikes(Event::input_left_open, Trace::world)) decide();
}

void Inputs::decide() {
  if (chaos_.strikes(Event::input_aborted, Trace::world)) {
    must(transactional_->abort());
  } else {
    must(transactional_->commit());
    committed_.insert(open_.begin(), open_.end());
    chaos_.trace.add(Trace::world, "input committed");
  }
  open_.clear();
}

}  // namespace kstreamd::sim

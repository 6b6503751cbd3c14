// Commits transaction after transaction to an embedded log, says so on standard output, and is killed meanwhile.
//
//   embedded_victim FOLDER
//
// Transaction n: three records "n" to each of the partitions of `out`, input offset n, and after it a line "n". Between
// two of them a second producer has records open that are never committed, and a third writes without transactions to
// `plain`, flushes, and says "p n".
#include <cstdio>
#include <string>

#include "core/embedded/embedded_cluster.h"

using namespace kstreamd;

namespace {

bool put(Producer& producer, TopicHandle topic, int32_t partition, const std::string& value) {
  OutgoingRecord record;
  record.topic = topic;
  record.partition = partition;
  record.key_null = record.value_null = false;
  record.key = "k";
  record.value = value;
  return producer.produce(record).ok();
}

int work(Cluster& cluster) {
  Duration none{0};
  TopicSpec specs[] = {{"out", 3}, {"plain", 1}, {"tasks", 1}};
  if (!cluster.admin().create(specs, none)) return 2;
  auto member = cluster.join({"g", "i", "tasks"}).value();
  GroupEvent event = member->poll(none);
  if (!member->finish(event)) return 2;
  auto producer = cluster.make_producer({"good"}).value();
  auto open = cluster.make_producer({"open"}).value();
  auto plain = cluster.make_producer({""}).value();
  for (auto* p : {producer.get(), open.get(), plain.get()})
    if (!p->init(none)) return 2;
  TopicHandle out = *producer->open_topic("out", none), out_open = *open->open_topic("out", none);
  TopicHandle out_plain = *plain->open_topic("plain", none);
  TopicPartition input{"in", 0};
  int64_t n = member->committed(std::span(&input, 1), none)->at(0).offset;
  for (;;) {
    ++n;
    if (!open->begin() || !producer->begin()) return 3;
    for (int32_t p = 0; p < 3; ++p)
      for (int i = 0; i < 3; ++i)
        if (!put(*open, out_open, p, "never") || !open->flush(none) || !put(*producer, out, p, std::to_string(n)) ||
            !producer->flush(none))
          return 3;
    PartitionOffset offset{input, n, "m"};
    if (!producer->send_offsets(std::span(&offset, 1), *member->token())) return 3;
    if (!producer->commit()) return 3;
    std::printf("%lld\n", static_cast<long long>(n));
    std::fflush(stdout);
    if (!put(*plain, out_plain, 0, std::to_string(n)) || !plain->flush(none)) return 3;
    std::printf("p %lld\n", static_cast<long long>(n));
    std::fflush(stdout);
    if (!open->abort()) return 3;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 1;
  EmbeddedOptions options;
  options.folder = argv[1];
  options.cache_bytes = 64 << 10;
  auto cluster = make_embedded_cluster(options);
  if (!cluster) {
    std::fprintf(stderr, "%s\n", cluster.error().text().c_str());
    return 1;
  }
  return work(**cluster);
}

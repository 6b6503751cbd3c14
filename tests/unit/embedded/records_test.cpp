#include "core/embedded/records.h"

#include <catch2/catch.hpp>

namespace kstreamd::embedded {

TEST_CASE("damaged bytes end the walk, and are noticed") {
  Pack pack;
  OutgoingRecord record;
  Header header{"name", "value", 4, 5};
  record.key_null = record.value_null = false;
  record.key = "key";
  record.value = "value";
  record.headers = std::span(&header, 1);
  pack.add(record);
  pack.add(record);
  std::string good(pack.bytes());

  for (size_t size = 0; size <= good.size(); ++size) {
    std::string cut = good.substr(0, size);
    PackReader reader(cut);
    PackedRecord read;
    size_t count = 0;
    while (reader.next(read)) ++count;
    CHECK(count == size / (good.size() / 2));
    CHECK(reader.intact() == (size % (good.size() / 2) == 0));
  }
  for (size_t at = 0; at < good.size(); ++at)
    for (char c : {'\0', '\x7f', '\xff'}) {
      std::string bad = good;
      bad[at] = c;
      PackReader reader(bad);
      PackedRecord read;
      while (reader.next(read)) {
        HeaderReader headers(read.headers);
        Header h;
        while (headers.next(h)) CHECK(h.name_size + h.value_size <= bad.size());
        CHECK(read.key.size() + read.value.size() <= bad.size());
      }
    }
}

}  // namespace kstreamd::embedded

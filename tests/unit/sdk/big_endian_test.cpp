#include <kstreamd/sdk/big_endian.h>

#include <catch2/catch.hpp>
#include <limits>

using namespace kstreamd;

namespace {

template <typename Number>
std::string bytes_of(Number number) {
  std::string bytes;
  append_big_endian(bytes, number);
  return bytes;
}

template <typename Number>
void check_limits() {
  for (const Number number : {Number{0}, Number{1}, std::numeric_limits<Number>::min(),
                              static_cast<Number>(std::numeric_limits<Number>::max() - 1)}) {
    CHECK(bytes_of(number).size() == sizeof number);
    CHECK(read_big_endian<Number>(bytes_of(number).data()) == number);
  }
}

}  // namespace

TEST_CASE("numbers of every size become big-endian bytes and come back") {
  CHECK(bytes_of(uint8_t{0xfe}) == "\xfe");
  CHECK(bytes_of(int16_t{-2}) == "\xff\xfe");
  CHECK(bytes_of(0x01020304) == "\1\2\3\4");
  CHECK(bytes_of(int64_t{0x0102030405060708}) == "\1\2\3\4\5\6\7\x8");
  check_limits<uint8_t>();
  check_limits<int16_t>();
  check_limits<int32_t>();
  check_limits<uint32_t>();
  check_limits<int64_t>();
  check_limits<uint64_t>();
}

TEST_CASE("what is written one after the other is read so, and no further than its end") {
  char room[32];
  const auto written = BytesWriter(room).number(int32_t{-1}).sized("key").bytes("rest").written();
  CHECK(written == std::string_view("\xff\xff\xff\xff\0\0\0\3keyrest", 15));

  BytesReader in(written);
  bool present = true;
  CHECK(in.sized(present).empty());
  CHECK_FALSE(present);
  CHECK(in.sized(present) == "key");
  CHECK(present);
  CHECK(in.rest() == "rest");
  CHECK(in.number<int64_t>() == 0);
  CHECK_FALSE(in.ok());
  CHECK(in.bytes(1).empty());
}

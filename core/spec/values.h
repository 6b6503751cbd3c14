// The small languages inside scalars: durations, sizes.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kstreamd {

// "0s", "250ms", "30s", "5m", "2h", "7d". Also for options on the command line.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// "64KiB", "1GiB", "512": bytes; KiB, MiB, GiB, TiB.
std::optional<uint64_t> parse_size(std::string_view text);

inline constexpr const char* duration_hint = "write a number and a unit: 0s 250ms 30s 5m 2h 7d";
inline constexpr const char* size_hint = "write a number and a unit: 512B 64KiB 16MiB 2GiB";

}  // namespace kstreamd

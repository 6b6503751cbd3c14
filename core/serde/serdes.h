// The groups of built-in serdes, for the registry in serde.cpp. Internal to core/serde.
#pragma once
#include <vector>

#include "core/serde/serde.h"

namespace kstreamd {

std::vector<const Serde*> text_serdes();   // string, bytes, uuid
std::vector<const Serde*> fixed_serdes();  // bool, int16, int32, int64, float32, float64
std::vector<const Serde*> json_serdes();   // json

}  // namespace kstreamd

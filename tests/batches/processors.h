// Processors of plugins for the random topologies: they take batches, share stores, keep time, have outputs, windows
// and records in hand. An error can be planted into them, to see that the comparison finds it.
#pragma once
#include <string_view>

#include "kstreamd/abi/plugin.h"

namespace kstreamd::batches {

// Errors that let batches show. `whole` is none of the processors': the engine takes every sub-topology whole.
enum class Planted { none, backwards, last_only, end_of_batch, whole };

constexpr std::string_view planted_names[] = {"none", "backwards", "last_only", "end_of_batch", "whole"};

// The types tally, moments, parity, recent and in_hand.
const kst_plugin* processors();
// For the processors that are made from now on. Threads: one.
void plant(Planted error);

}  // namespace kstreamd::batches

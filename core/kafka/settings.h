// The properties of each kind of client: kstreamd's tuning, then the user's, then what must not be changed. Internal to
// core/kafka.
#pragma once
#include "core/kafka/client.h"
#include "core/ports/cluster.h"

namespace kstreamd::kafka {

Properties admin_properties(const Properties& user);
Properties member_properties(const Properties& user, const GroupConfig& config);
// Of a source that feeds a worker, or (`bulk`) of a reader; `memory` in bytes bounds its queue.
Properties source_properties(const Properties& user, const std::string& group_id, bool committed_only, bool bulk,
                             uint64_t memory);
Properties producer_properties(const Properties& user, const std::string& transactional_id, uint64_t memory);

// The bootstrap servers, for messages.
std::string bootstrap(const Properties& properties);

}  // namespace kstreamd::kafka

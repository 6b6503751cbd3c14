// Which log produce and consume talk to.
#pragma once
#include <initializer_list>
#include <memory>
#include <string>

#include "core/ports/processor.h"
#include "daemon/commands/commands.h"
#include "daemon/topic_client.h"

namespace kstreamd {

// Kafka with --bootstrap (or a daemon file that names one), the daemon with --daemon or by default, the log in DIR with
// --embedded=DIR: by the daemon that has it open, else by this process. The client has been reached. On an error,
// `exit_code` is set and everything was said.
std::unique_ptr<TopicClient> open_target(const CommonOptions& common, const TargetOptions& target, const Clock& clock,
                                         int& exit_code);

// The plugins, with their serdes, where one of the names is none of kstreamd's own; null where all are, or where there
// is no plugin folder. What cannot be loaded was said.
std::unique_ptr<ProcessorCatalog> plugins_for_serdes(const CommonOptions& common,
                                                     std::initializer_list<std::string> names);

// The daemon's address: --daemon, KSTREAMD_DAEMON, or the default one.
Result<Address> daemon_address(const TargetOptions& target);

}  // namespace kstreamd

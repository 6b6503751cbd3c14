// HTTP to schema registries, for core/serde.
#pragma once
#include <memory>

#include "core/serde/http_transport.h"

namespace kstreamd {

// Any thread.
std::shared_ptr<HttpTransport> make_registry_http();

}  // namespace kstreamd

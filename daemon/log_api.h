// The embedded log's topics over HTTP: /api/v1/topics and below.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/ports/cluster.h"
#include "daemon/http_api.h"

namespace kstreamd {

// Life-cycle: with its HttpApi. Thread safety: handle() may be called from any thread; writers take turns.
class LogApi {
 public:
  // `catalog` has the serdes; null: those of kstreamd itself only.
  LogApi(Cluster& log, int32_t default_partitions, const ProcessorCatalog* catalog)
      : log_(log), default_partitions_(default_partitions), catalog_(catalog) {}
  // `request.path` begins with /api/v1/topics.
  ApiResponse handle(const ApiRequest& request);

 private:
  ApiResponse list();
  ApiResponse create(const ApiRequest& request);
  ApiResponse describe(const std::string& topic);
  ApiResponse read(const ApiRequest& request, const std::string& topic);
  ApiResponse write(const ApiRequest& request, const std::string& topic);
  Status write_all(const std::string& topic, const std::vector<struct TextRecord>& records);

  Cluster& log_;
  const int32_t default_partitions_;
  const ProcessorCatalog* const catalog_;
  std::mutex mutex_;
  std::unique_ptr<Producer> producer_;  // made by the first write; guarded by mutex_, as handles_
  std::map<std::string, TopicHandle> handles_;
};

}  // namespace kstreamd

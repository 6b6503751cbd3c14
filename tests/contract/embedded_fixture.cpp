// The contract on the log inside the process: in memory, or on disk (the second program).
#include <atomic>
#include <filesystem>
#include <random>
#include <stdexcept>

#include "core/embedded/embedded_cluster.h"
#include "tests/contract/contract.h"

namespace kstreamd::contract {
namespace {

class EmbeddedFixture final : public ContractFixture {
 public:
  EmbeddedFixture() {
    EmbeddedOptions options;
#ifdef KSTREAMD_CONTRACT_ON_DISK
    folder_ = std::filesystem::temp_directory_path() / ("kstreamd-contract-" + std::to_string(std::random_device()()));
    options.folder = folder_.string();
#endif
    auto cluster = make_embedded_cluster(options);
    if (!cluster) throw std::runtime_error(cluster.error().text());
    cluster_ = std::move(cluster).value();
  }
  ~EmbeddedFixture() override {
    cluster_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  Cluster& cluster() override { return *cluster_; }
  std::string fresh_name() override {
    static std::atomic<int> count{0};
    return "contract-" + std::to_string(count++);
  }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<Cluster> cluster_;
};

}  // namespace

std::unique_ptr<ContractFixture> make_contract_fixture() { return std::make_unique<EmbeddedFixture>(); }

}  // namespace kstreamd::contract

// The contract on a real broker: KSTREAMD_KAFKA_ADDRESS_FILE names a file with its address (tests/broker).
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "core/kafka/kafka_cluster.h"
#include "tests/contract/contract.h"

namespace kstreamd::contract {
namespace {

class KafkaFixture final : public ContractFixture {
 public:
  KafkaFixture() {
    const char* file = std::getenv("KSTREAMD_KAFKA_ADDRESS_FILE");
    if (!file) throw std::runtime_error("KSTREAMD_KAFKA_ADDRESS_FILE is not set: see tests/broker");
    std::string address;
    if (!(std::ifstream(file) >> address)) throw std::runtime_error(std::string("no broker address in ") + file);
    // Rebalances take heartbeats to notice; the cases should not.
    cluster_ = make_kafka_cluster(
        {{"bootstrap.servers", address}, {"heartbeat.interval.ms", "100"}, {"session.timeout.ms", "10000"}});
  }
  Cluster& cluster() override { return *cluster_; }
  std::string fresh_name() override {
    static std::atomic<int> count{0};
    static const auto run = std::chrono::system_clock::now().time_since_epoch().count();
    return "contract-" + std::to_string(run) + "-" + std::to_string(count++);
  }

 private:
  std::unique_ptr<Cluster> cluster_;
};

}  // namespace

std::unique_ptr<ContractFixture> make_contract_fixture() { return std::make_unique<KafkaFixture>(); }

}  // namespace kstreamd::contract

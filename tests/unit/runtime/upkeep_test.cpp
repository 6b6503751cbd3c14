// What an instance does beside processing: it checks internal topics that exist, and removes state of tasks that have
// gone.
#include <catch2/catch.hpp>

#include "tests/unit/runtime/harness.h"

namespace kstreamd::word_count_of_tests {
namespace {

using namespace std::chrono_literals;

// Makes a topic of the word count before it starts.
void make_topic(Harness& h, const std::string& name, std::map<std::string, std::string> configs) {
  const TopicSpec spec{name, partitions, -1, std::move(configs)};
  REQUIRE(h.cluster().admin().create({&spec, 1}, Duration(0)));
}

Error refusal(Harness& h, const RuntimeOptions& options = {.workers = 2}) {
  Process process;
  auto made = h.try_start(process, options);
  REQUIRE_FALSE(made);
  return made.error();
}

TEST_CASE("an internal topic that would lose data stops the topology, and the error says how to mend it") {
  Harness h;
  SECTION("a changelog that forgets") {
    make_topic(h, "wc-counts-changelog", {{"cleanup.policy", "delete"}, {"retention.ms", "1000"}});
    const Error error = refusal(h);
    CHECK(error.recovery == Recovery::stop_topology);
    CHECK(error.message ==
          "topology 'wc': changelog topic 'wc-counts-changelog' would lose data: cleanup.policy is delete instead of "
          "compact: rows would be deleted that the store still has");
    CHECK(error.hint ==
          "mend it with: kafka-configs.sh --bootstrap-server HOST:PORT --entity-type topics --entity-name "
          "wc-counts-changelog --alter --add-config 'cleanup.policy=compact'");
    // In the log inside the process settings are never changed.
    CHECK(refusal(h, {.create_topics_with = 4}).hint ==
          "the log inside the process makes it anew after kstreamd reset");
  }
  SECTION("a repartition topic that compacts, and takes the broker's time") {
    const std::string name = h.topology->repartitions[0].name;
    make_topic(h, name, {{"cleanup.policy", "compact"}, {"message.timestamp.type", "LogAppendTime"}});
    const Error error = refusal(h);
    CHECK(error.message ==
          "topology 'wc': repartition topic '" + name +
              "' would lose data: cleanup.policy is compact instead of delete: records would supersede those before "
              "them; message.timestamp.type is LogAppendTime instead of CreateTime: the broker would give its records "
              "other timestamps");
    CHECK(error.hint ==
          "mend it with: kafka-configs.sh --bootstrap-server HOST:PORT --entity-type topics --entity-name " + name +
              " --alter --add-config 'cleanup.policy=delete,message.timestamp.type=CreateTime'");
  }
}

TEST_CASE("an internal topic that is merely otherwise is used as it is") {
  Harness h;
  make_topic(h, "wc-counts-changelog", {{"cleanup.policy", "compact"}, {"min.insync.replicas", "1"}});
  make_topic(h, h.topology->repartitions[0].name, {{"cleanup.policy", "delete"}, {"retention.ms", "604800000"}});
  h.send(50);
  Process a = h.start({.workers = 2, .internal_topic_configs = {{"min.insync.replicas", "2"}}});
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
}

TEST_CASE("settings of all internal topics are given to those that are made, and a store's own come first") {
  Harness h;
  h.topology->stores[0].changelog_configs = {{"min.insync.replicas", "3"}};
  Process a = h.start({.workers = 2, .internal_topic_configs = {{"min.insync.replicas", "2"}}});
  const auto replicas = [&](const std::string& topic) {
    return h.cluster().admin().configs(topic, Duration(0))->at("min.insync.replicas");
  };
  CHECK(replicas("wc-counts-changelog") == "3");
  CHECK(replicas(h.topology->repartitions[0].name) == "2");
  CHECK(replicas(h.topology->tasks_topic()) == "2");
}

// A state in memory that seems to keep the folders of some tasks.
class KeepingState final : public StateBackend {
 public:
  Result<std::unique_ptr<TaskState>> open(const TaskStateConfig& config) override {
    tasks[config.task.text()] = config.task;
    return inner_->open(config);
  }
  Result<std::vector<KeptState>> kept(const std::string&) override {
    std::vector<KeptState> kept;
    for (const auto& [name, task] : tasks) kept.push_back({task, 1});
    return kept;
  }
  Status wipe(const std::string&, const TaskId& task) override {
    wiped.push_back(task.text());
    tasks.erase(task.text());
    return {};
  }
  Result<std::string> instance_id(const std::string& topology) override { return inner_->instance_id(topology); }

  std::map<std::string, TaskId> tasks;
  std::vector<std::string> wiped;

 private:
  const std::unique_ptr<StateBackend> inner_ = make_memory_state();
};

TEST_CASE("the state of tasks that are elsewhere is removed after a while, and that of tasks here is not") {
  Harness h;
  Process a;
  auto keeping = std::make_unique<KeepingState>();
  KeepingState& state = *keeping;
  state.tasks["old-0"] = {"old", 0};
  a.state = std::move(keeping);
  h.launch(a, {.workers = 2, .state_cleanup_delay = 30min});
  REQUIRE(h.until({&a}, [&] { return h.running(a, 2 * partitions); }));
  h.turns({&a}, 10);
  h.advance(29min);
  h.turns({&a}, 10);
  CHECK(state.wiped.empty());
  h.advance(2min);
  h.turns({&a}, 10);
  CHECK(state.wiped == std::vector<std::string>{"old-0"});
  CHECK(state.tasks.size() == partitions);  // of the tasks with a store, which run here
  h.advance(24h);
  h.turns({&a}, 10);
  CHECK(state.wiped.size() == 1);

  // Two of the tasks stay, and so at least one with a store goes; what it left is kept as long.
  Process b = h.start(), c = h.start();
  const std::vector<Process*> all{&a, &b, &c};
  REQUIRE(h.until(all, [&] { return h.running(a, 2) && h.running(b, 2) && h.running(c, 2); }));
  h.advance(1min);  // it is looked at so often
  h.turns(all, 10);
  h.advance(29min);
  h.turns(all, 10);
  CHECK(state.wiped.size() == 1);
  const size_t kept = state.tasks.size();
  h.advance(3min);
  h.turns(all, 10);
  CHECK(state.wiped.size() > 1);
  CHECK(state.tasks.size() == kept - (state.wiped.size() - 1));
  h.send(50);
  REQUIRE(h.until(all, [&] { return h.complete(); }));
}

}  // namespace
}  // namespace kstreamd::word_count_of_tests

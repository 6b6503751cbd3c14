#include "daemon/topology_set.h"

#include <algorithm>
#include <future>
#include <map>
#include <set>
#include <string>

#include "core/base/log.h"

namespace kstreamd {
namespace {

// Tells apart what the processors and serdes of a topology are made of.
std::string plugins_of(const Topology& topology, const ProcessorCatalog& catalog) {
  std::set<std::string> used;
  std::map<std::string, std::string> serdes;  // name -> content, those of plugins
  for (const auto& info : catalog.serdes())
    if (!info.content.empty()) serdes.emplace(info.name, info.content);
  const auto use_serde = [&](const std::string& name) {
    if (const auto found = serdes.find(name); found != serdes.end()) used.insert(name + " " + found->second);
  };
  for (const auto& node : topology.nodes) {
    if (const auto* info = catalog.find(node.processor_type); info && !info->content.empty())
      used.insert(info->name + " " + info->content);
    use_serde(node.key_serde);
    use_serde(node.value_serde);
  }
  for (const auto& store : topology.stores) {
    use_serde(store.key_serde);
    use_serde(store.value_serde);
  }
  std::string text;
  for (const auto& each : used) text += each + "\n";
  return text;
}

}  // namespace

void TopologySet::start(const std::shared_ptr<const Topology>& topology) {
  std::string plugins = plugins_of(*topology, ports_.processors);
  auto runtime = std::make_shared<TopologyRuntime>(topology, ports_, options_);
  runtime->start();
  std::lock_guard lock(mutex_);
  running_[topology->name] = {topology, std::move(plugins), std::move(runtime)};
}

std::map<std::string, TopologySet::Running> TopologySet::running() const {
  std::lock_guard lock(mutex_);
  return running_;
}

void TopologySet::replace(const std::string& name, const std::shared_ptr<const Topology>& next) {
  {
    std::lock_guard lock(mutex_);
    running_.erase(name);
  }
  if (next) start(next);
}

void TopologySet::apply(std::vector<std::shared_ptr<const Topology>> wanted, Duration deadline) {
  const auto before = running();
  for (const auto& [name, old] : before) {
    const auto now = std::find_if(wanted.begin(), wanted.end(), [&](const auto& w) { return w->name == name; });
    const bool gone = now == wanted.end();
    const bool changed = !gone && **now != *old.topology;
    if (!gone && !changed && !old.late && plugins_of(**now, ports_.processors) == old.plugins) continue;
    log(LogLevel::info,
        gone       ? "topology removed: stopping it"
        : changed  ? "topology changed: restarting it"
        : old.late ? "topology is still stopping: restarting it"
                   : "a plugin of the topology changed: restarting it",
        {{"topology", name}});
    const auto next = gone ? nullptr : *now;
    if (old.runtime->stop(deadline)) {
      replace(name, next);
      continue;
    }
    log(LogLevel::error, "a topology does not stop in time; once it has, what the files say takes its place",
        {{"topology", name},
         {"seconds", std::chrono::duration_cast<std::chrono::seconds>(deadline).count()},
         {"hint", "a call that does not return holds it: end what that waits for, or restart kstreamd"}});
    std::lock_guard lock(mutex_);
    running_[name].late = true;
    running_[name].next = next;
  }
  for (const auto& topology : wanted)
    if (!before.contains(topology->name)) start(topology);
  applied_ = true;
}

void TopologySet::settle() {
  for (const auto& [name, old] : running()) {
    if (!old.late || !old.runtime->stop(Duration(0))) continue;
    log(LogLevel::info, old.next ? "topology has stopped: restarting it" : "topology has stopped",
        {{"topology", name}});
    replace(name, old.next);
  }
}

bool TopologySet::stop(Duration deadline) {
  const auto all = running();
  std::vector<std::future<bool>> stopped;
  for (const auto& entry : all)
    stopped.push_back(
        std::async(std::launch::async, [runtime = entry.second.runtime, deadline] { return runtime->stop(deadline); }));
  bool in_time = true;
  for (auto& each : stopped) in_time = each.get() && in_time;
  return in_time;
}

std::vector<TopologyStatus> TopologySet::statuses() const {
  std::vector<std::shared_ptr<TopologyRuntime>> runtimes;
  {
    std::lock_guard lock(mutex_);
    for (const auto& entry : running_) runtimes.push_back(entry.second.runtime);
  }
  std::vector<TopologyStatus> statuses;
  for (const auto& runtime : runtimes) statuses.push_back(runtime->status());
  return statuses;
}

}  // namespace kstreamd

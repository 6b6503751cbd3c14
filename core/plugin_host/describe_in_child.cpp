// What a plugin file would be, found out in a process that may die of it.
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/plugin_host/plugin_host.h"

namespace kstreamd {
namespace {

using nlohmann::json;
using Monotonic = std::chrono::steady_clock;

Error refuse(const std::string& path, std::string what, std::string hint) {
  return Error{Recovery::stop_topology, "plugin " + path + ": " + std::move(what), std::move(hint)};
}

json to_json(const ProcessorInfo& info) {
  json stores = json::array();
  for (const auto& store : info.stores) stores.push_back({{"purpose", store.purpose}, {"kind", store.kind}});
  return {{"name", info.name},
          {"description", info.description},
          {"schema", info.config_schema},
          {"outputs", info.outputs},
          {"stores", stores},
          {"plugin", info.plugin},
          {"deterministic", info.deterministic},
          {"max_in_flight", info.max_in_flight},
          {"completion_timeout_ms", info.completion_timeout.count()}};
}

// Strings come from the plugin: those that are no UTF-8 must not end the child.
std::string to_text(const Result<PluginDescription>& result) {
  json out;
  if (!result.ok()) {
    out = {{"error", result.error().message}, {"hint", result.error().hint}};
  } else {
    const PluginDescription& plugin = *result;
    out = {{"path", plugin.path}, {"name", plugin.name}, {"version", plugin.version}, {"abi", plugin.abi}};
    out["processors"] = json::array();
    for (const auto& info : plugin.processors) out["processors"].push_back(to_json(info));
  }
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<PluginDescription> from_text(const std::string& text) {
  const json in = json::parse(text);
  if (in.contains("error")) return Error{Recovery::stop_topology, in.at("error"), in.at("hint")};
  PluginDescription plugin{in.at("path"), in.at("name"), in.at("version"), in.at("abi"), {}};
  for (const auto& p : in.at("processors")) {
    ProcessorInfo info;
    info.name = p.at("name");
    info.description = p.at("description");
    info.config_schema = p.at("schema");
    info.outputs = p.at("outputs").get<std::vector<std::string>>();
    for (const auto& store : p.at("stores")) info.stores.push_back({store.at("purpose"), store.at("kind")});
    info.plugin = p.at("plugin");
    info.deterministic = p.at("deterministic");
    info.max_in_flight = p.at("max_in_flight");
    info.completion_timeout = std::chrono::milliseconds(p.at("completion_timeout_ms").get<int64_t>());
    plugin.processors.push_back(std::move(info));
  }
  return plugin;
}

// The child: standard output belongs to the command's results, a core dump helps nobody here.
[[noreturn]] void describe(PluginHost& host, const std::string& path, int pipe) {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTERM, SIGPIPE}) std::signal(number, SIG_DFL);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  const std::string text = to_text(host.load_file(path));
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t n = ::write(pipe, rest.data(), rest.size());
    if (n < 0 && errno != EINTR) break;
    if (n > 0) rest.remove_prefix(static_cast<size_t>(n));
  }
  ::_exit(0);  // no destructors: neither ours nor those of the plugin
}

// Reads until the pipe ends; false when the deadline came first.
bool read_until(int pipe, Monotonic::time_point deadline, std::string& out) {
  char buffer[4096];
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Monotonic::now()).count();
    if (left <= 0) return false;
    pollfd waiting{pipe, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return true;
    if (ready <= 0) continue;
    const ssize_t n = ::read(pipe, buffer, sizeof buffer);
    if (n == 0) return true;
    if (n > 0) out.append(buffer, static_cast<size_t>(n));
  }
}

// What became of a child that said nothing.
std::string ending(int status) {
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return "crashed while it was loaded (signal " + std::to_string(number) + ", " + ::strsignal(number) + ")";
  }
  return "ended the process while it was loaded (exit code " + std::to_string(WEXITSTATUS(status)) + ")";
}

}  // namespace

Result<PluginDescription> PluginHost::describe_in_child(const std::string& path, Duration timeout) {
  // Made here, so that it is removed here.
  if (auto copies = copies_folder(); !copies.ok()) return std::move(copies).error().in("plugin " + path);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return refuse(path, std::string("cannot be looked at: ") + std::strerror(errno), "");
  const pid_t child = ::fork();
  if (child < 0) {
    const int error = errno;
    ::close(ends[0]);
    ::close(ends[1]);
    return refuse(path, std::string("cannot be looked at, fork failed: ") + std::strerror(error), "");
  }
  if (child == 0) describe(*this, path, ends[1]);
  ::close(ends[1]);
  std::string text;
  const bool in_time = read_until(ends[0], Monotonic::now() + timeout, text);
  ::close(ends[0]);
  if (!in_time) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const char* hint =
      "take it out of the plugin folder: kstreamd would come to the same end; its constructors of "
      "static objects and kst_plugin_entry run at loading";
  if (!in_time)
    return refuse(path,
                  "did not finish loading within " +
                      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count()) + " ms",
                  hint);
  if (text.empty() || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return refuse(path, ending(status), hint);
  try {
    return from_text(text);
  } catch (const json::exception&) {
    return refuse(path, "said something unreadable while it was loaded", hint);
  }
}

}  // namespace kstreamd

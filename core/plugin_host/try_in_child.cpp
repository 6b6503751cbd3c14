// What loading a plugin comes to, found out by a process that may die of it.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/plugin_host/descriptor.h"
#include "core/plugin_host/file_io.h"
#include "core/plugin_host/loading.h"
#include "core/plugin_host/plugin_file.h"

extern char** environ;

namespace kstreamd {
namespace {

using nlohmann::json;
using Monotonic = std::chrono::steady_clock;

constexpr const char* kHint =
    "take it out of the plugin folder: kstreamd would come to the same end; its constructors of static objects and "
    "kst_plugin_entry run at loading";

Error refuse(std::string what, std::string hint = kHint) {
  return Error{Recovery::stop_topology, std::move(what), std::move(hint)};
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

// A process with standard output in `out`, and no signal blocked or handled.
int spawn(const std::vector<std::string>& words, int out, pid_t& child) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t all, none;
  ::sigfillset(&all);
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  const int failed = ::posix_spawn(&child, arguments[0], &files, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  return failed;
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

Status try_in_child(const std::vector<std::string>& command, const PluginCopy& copy, const std::string& path,
                    Duration timeout) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("cannot be tried out");
  const Descriptor from(ends[0]);
  std::vector<std::string> words = command;
  words.insert(words.end(), {copy.path(), path});
  pid_t child = -1;
  int failed = 0;
  {
    const Descriptor to(ends[1]);
    failed = spawn(words, to.get(), child);
  }
  if (failed != 0) return refuse("cannot be tried out, " + words[0] + " does not start: " + std::strerror(failed), "");
  std::string text;
  const bool in_time = read_until(from.get(), Monotonic::now() + timeout, text);
  if (!in_time) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time)
    return refuse("did not finish loading within " +
                  std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count()) + " ms");
  if (text.empty() || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return refuse(ending(status));
  const json said = json::parse(text, nullptr, false);
  if (!said.is_object() || !said.value("error", json("")).is_string() || !said.value("hint", json("")).is_string())
    return refuse("said something unreadable while it was loaded");
  if (!said.contains("error")) return {};
  return refuse(said.value("error", ""), said.value("hint", ""));
}

int describe_plugin(const std::string& copy, const std::string& path) {
  // Standard output is for the answer: what the plugin prints goes elsewhere. A core dump helps nobody here.
  const Descriptor out(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  auto loaded = load_library(copy, path);
  Error error;
  bool good = loaded.ok();
  if (good) {
    auto checked = read_descriptor(*loaded, path, "");
    good = checked.ok();
    if (!good) error = std::move(checked).error();
  } else {
    error = std::move(loaded).error();
  }
  const json answer = good ? json{{"sound", true}} : json{{"error", error.message}, {"hint", error.hint}};
  // Strings come from the plugin: those that are no UTF-8 must not end the child.
  const bool written = write_all(out.get(), answer.dump(-1, ' ', false, json::error_handler_t::replace), "").ok();
  ::_exit(written ? 0 : 1);  // no destructors: neither ours nor those of the plugin
}

}  // namespace kstreamd

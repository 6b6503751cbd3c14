#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>

#include "core/spec/spec.h"
#include "daemon/commands/commands.h"

namespace kstreamd {

void complain(const Error& error) {
  std::cerr << "kstreamd: " << error.message << "\n";
  if (!error.hint.empty()) std::cerr << "  hint: " << error.hint << "\n";
}

int usage_error(const Error& error) {
  complain(error);
  return kUsage;
}

int failure(const Error& error) {
  complain(error);
  return kFailed;
}

namespace {

// The first line of a file.
Result<std::string> read_token(const std::string& path) {
  std::ifstream file(path);
  std::string token;
  if (!file || !std::getline(file, token) || token.empty())
    return Error{Recovery::stop_topology, "there is no token in " + path, "write it in the file's first line"};
  return token;
}

}  // namespace

std::optional<Settings> settings_of(const CommonOptions& options, const Environment& environment) {
  const auto refuse = [](const Error& error) {
    complain(error);
    return std::nullopt;
  };
  SettingsLayer given = options.layer;
  given.from = "the options";
  for (const auto& text : options.set)
    if (auto added = add_setting(given, text); !added) return refuse(added.error());
  if (options.token_file) {
    auto token = read_token(*options.token_file);
    if (!token) return refuse(token.error());
    given.token = std::move(token).value();
  }
  auto from_environment = layer_of_environment(environment);
  if (!from_environment) return refuse(from_environment.error());
  std::vector<SettingsLayer> layers = {std::move(given), std::move(from_environment).value()};

  const auto config = options.config ? options.config : environment("KSTREAMD_CONFIG");
  if (config) {
    auto file = load_daemon_file(*config);
    for (const auto& diagnostic : file.diagnostics) std::cerr << text(diagnostic) << "\n";
    if (!file.ok()) return std::nullopt;
    layers.push_back(layer_of_file(*file.value, *config));
  }
  auto settings = merge_settings(layers, environment);
  if (!settings) return refuse(settings.error());
  return std::move(settings).value();
}

}  // namespace kstreamd

// The command line: what there is to say, and which command it goes to.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "core/plugin_host/plugin_file.h"
#include "core/topology/suggest.h"
#include "daemon/arguments.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/plugins_new.h"
#include "daemon/commands/test.h"
#include "daemon/wiring.h"

namespace kstreamd {
namespace {

CLI::Validator one_or_more() { return CLI::Range(1, 1'000'000, "POSITIVE"); }

// The first word, where it is none of the commands.
std::string unknown_command(const CLI::App& app, const std::vector<std::string>& given) {
  if (given.empty() || given[0].starts_with('-')) return "";
  std::vector<std::string> commands;
  for (const auto* command : app.get_subcommands(nullptr)) commands.push_back(command->get_name());
  if (std::find(commands.begin(), commands.end(), given[0]) != commands.end()) return "";
  return "unknown command '" + given[0] +
         "'\n  hint: " + did_you_mean(given[0], commands, "the commands are " + join_names(commands));
}

void add_config(CLI::App& command, CommonOptions& common) {
  command.add_option("-c,--config", common.config, "The daemon file")->type_name("FILE");
}
void add_output(CLI::App& command, CommonOptions& common) {
  command.add_option("-o,--output", common.output, "text or json")->check(CLI::IsMember({"text", "json"}));
}
void add_plugins(CLI::App& command, CommonOptions& common) {
  command.add_option("--plugins", common.layer.plugins, "The folder of plugins")->type_name("DIR");
}
void add_cluster(CLI::App& command, CommonOptions& common) {
  command
      .add_option_function<std::string>(
          "-b,--bootstrap", [&](const std::string& servers) { common.layer.kafka["bootstrap.servers"] = servers; },
          "Kafka's brokers")
      ->type_name("HOST:PORT");
  command.add_option("--set", common.set, "A librdkafka property: kafka.KEY=VALUE; may be repeated")
      ->type_name("kafka.KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command
      .add_option("--embedded", common.layer.embedded,
                  "A log inside the process; its folder as --embedded=DIR, else it lives in memory")
      ->type_name("[=DIR]");
  command.add_option("--partitions", common.layer.partitions, "Partitions of topics made on the embedded log")
      ->check(one_or_more());
}
void add_token(CLI::App& command, CommonOptions& common) {
  command.add_option("--token-file", common.token_file, "The file with the HTTP port's token")->type_name("FILE");
}
void add_target(CLI::App& command, CommonOptions& common, TargetOptions& target) {
  add_config(command, common);
  add_cluster(command, common);
  command.add_option("--daemon", target.daemon, "A running daemon (default 127.0.0.1:8910)")->type_name("HOST:PORT");
  add_token(command, common);
}

CLI::App& add_run(CLI::App& app, RunOptions& o) {
  auto& command = *app.add_subcommand("run", "Run topologies: the daemon");
  command.add_option("TOPOLOGY", o.topologies, "Files or folders (default: the daemon file's topologies)");
  add_config(command, o.common);
  add_cluster(command, o.common);
  command
      .add_option("-w,--workers", o.common.layer.workers,
                  "Worker threads of each topology (default: the number of cores)")
      ->check(one_or_more());
  command.add_option("--state-dir", o.common.layer.state_dir, "The folder of local state")->type_name("DIR");
  add_plugins(command, o.common);
  command.add_option("--listen", o.common.layer.listen, "The HTTP port; port 0 takes any free one, named in the log")
      ->type_name("HOST:PORT");
  add_token(command, o.common);
  command.add_option("--log-level", o.common.layer.log_level, "debug, info, warn or error")->type_name("LEVEL");
  command.add_option("--log-format", o.common.layer.log_format, "text or json")->type_name("FORMAT");
  command.add_flag("--drain", o.drain, "Process each source partition to the end it has now, commit and exit");
  command.footer("Example: kstreamd run word-count.yaml --embedded=/tmp/log --drain");
  return command;
}

CLI::App& add_validate(CLI::App& app, ValidateOptions& o) {
  auto& command = *app.add_subcommand("validate", "Check topology files, expressions and plugins, without Kafka");
  command.add_option("TOPOLOGY", o.topologies, "Files or folders")->required();
  add_config(command, o.common);
  add_plugins(command, o.common);
  add_output(command, o.common);
  command.footer("Example: kstreamd validate /etc/kstreamd/topologies");
  return command;
}

CLI::App& add_test(CLI::App& app, TestOptions& o) {
  auto& command = *app.add_subcommand("test", "Run test files in process, without Kafka");
  command.add_option("PATH", o.paths, "Test files, or folders with *.test.yaml in them or below")->required();
  command.add_option("--filter", o.filter, "Only tests whose name or file has this in it, or fits it: * and ?")
      ->type_name("NAME");
  command.add_option("--junit", o.junit, "Write a JUnit report")->type_name("FILE");
  command.add_option("--seed", o.seed, "Another order of what may come in any order (default 0: always the same one)")
      ->type_name("N");
  command.add_option("-j,--jobs", o.jobs, "Tests at a time (default: the number of cores)")
      ->type_name("N")
      ->check(one_or_more());
  command.add_flag("--leaks", o.leaks,
                   "Fail tests whose processors do not give back the memory they take; runs one test at a time");
  add_config(command, o.common);
  add_plugins(command, o.common);
  add_output(command, o.common);
  command.footer("Example: kstreamd test /etc/kstreamd/topologies --junit report.xml");
  return command;
}

CLI::App& add_graph(CLI::App& app, GraphOptions& o) {
  auto& command = *app.add_subcommand("graph", "Show a topology: sub-topologies, internal topics, stores");
  command.add_option("TOPOLOGY", o.topology, "A file")->required();
  command.add_option("-f,--format", o.format, "text, mermaid, dot or json");
  command
      .add_option_function<std::string>(
          "-o,--output",
          [&](const std::string& output) {
            if (output == "json") o.format = "json";
          },
          "json: the same as --format json")
      ->check(CLI::IsMember({"text", "json"}));
  add_config(command, o.common);
  add_plugins(command, o.common);
  command.footer("Example: kstreamd graph word-count.yaml --format mermaid");
  return command;
}

CLI::App& add_plugins_command(CLI::App& app, PluginsOptions& o) {
  auto& command = *app.add_subcommand("plugins", "List plugins and their processors; each is tried in a child process");
  command.add_option("DIR", o.folder, "The folder of plugins (default: the daemon file's)");
  add_config(command, o.common);
  add_output(command, o.common);
  command.footer(
      "Example: kstreamd plugins /usr/lib/kstreamd/plugins\n"
      "To write one: kstreamd plugins new NAME --lang c++|c|rust [--dir DIR]");
  return command;
}

CLI::App& add_plugins_new(CLI::App& plugins, PluginsNewOptions& o) {
  auto& command = *plugins.add_subcommand("new", "Write the project of a new plugin, which builds and has tests");
  command.add_option("NAME", o.name, "Of the plugin, its processor and its folder: [a-z][a-z0-9_]*")->required();
  command.add_option("-l,--lang", o.language, "c++, c or rust")->required()->check(CLI::IsMember({"c++", "c", "rust"}));
  command.add_option("--dir", o.folder, "The folder in which the project's folder is made (default: here)")
      ->type_name("DIR");
  command.footer("Example: kstreamd plugins new rate_limit --lang rust");
  return command;
}

CLI::App& add_produce(CLI::App& app, ProduceOptions& o) {
  auto& command = *app.add_subcommand("produce", "Write lines of standard input as records");
  command.add_option("TOPIC", o.topic, "The topic")->required();
  add_target(command, o.common, o.target);
  command
      .add_option("-k,--key-separator", o.key_separator, "What stands between key and value (default: there is no key)")
      ->type_name("SEP");
  command.add_option("--key", o.key, "The serde of keys (default string)")->type_name("SERDE");
  command.add_option("--value", o.value, "The serde of values (default string)")->type_name("SERDE");
  add_plugins(command, o.common);
  command.add_option("--null", o.null_marker, "A key or value of this text is null")->type_name("TEXT");
  command.add_option("-p,--partition", o.partition, "The partition (default: by the key)")->type_name("N");
  command.add_option("-H,--header", o.headers, "A header of each record; may be repeated")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--timestamp", o.timestamp, "Milliseconds since 1970; alone: each line begins with them")
      ->type_name("[MS]");
  command.add_option("--create", o.create, "Make the topic, with this many partitions, if it is missing")
      ->type_name("PARTITIONS");
  command.footer("Example: echo 'a:hello' | kstreamd produce text-lines --bootstrap localhost:9092 --key-separator :");
  return command;
}

CLI::App& add_consume(CLI::App& app, ConsumeOptions& o) {
  auto& command = *app.add_subcommand("consume", "Write records to standard output");
  command.add_option("TOPIC", o.topic, "The topic")->required();
  o.target.only_reads = true;
  add_target(command, o.common, o.target);
  command.add_option("--from", o.from, "beginning (default), end or an OFFSET")->type_name("PLACE");
  command.add_option("-n,--max", o.max, "Stop after this many records")->type_name("N");
  command.add_option("--timeout", o.timeout, "Stop when nothing came for that long, e.g. 10s")->type_name("TIME");
  command.add_flag("--drain", o.drain, "Stop at the end that the topic has now");
  command
      .add_option("-k,--key-separator", o.key_separator,
                  "Show keys too, with this before the value (default with --key: a tab)")
      ->type_name("SEP");
  command.add_option("--key", o.key, "Show keys too, read with this serde")->type_name("SERDE");
  command.add_option("--value", o.value, "The serde of values (default string)")->type_name("SERDE");
  add_plugins(command, o.common);
  command.add_option("-p,--partition", o.partition, "One partition only")->type_name("N");
  command.add_option("--read", o.read, "committed (default), or uncommitted: open and aborted transactions too")
      ->type_name("WHAT");
  add_output(command, o.common);
  command.footer("Example: kstreamd consume word-counts --value int64 --drain --output json");
  return command;
}

CLI::App& add_status(CLI::App& app, StatusOptions& o) {
  auto& command = *app.add_subcommand("status", "Topologies, tasks, lag and errors of a running daemon");
  command.add_option("--daemon", o.target.daemon, "The daemon (default 127.0.0.1:8910)")->type_name("HOST:PORT");
  add_config(command, o.common);
  add_token(command, o.common);
  add_output(command, o.common);
  command.footer("Example: kstreamd status --daemon 127.0.0.1:8910 --output json");
  return command;
}

CLI::App& add_reset(CLI::App& app, ResetOptions& o) {
  auto& command = *app.add_subcommand(
      "reset",
      "Put a stopped topology back: committed offsets, internal topics and local state. Shows what it would do");
  command.add_option("TOPOLOGY", o.topology, "A file")->required();
  auto& to = *command.add_option_group("where the source topics are read from afterwards");
  to.add_flag("--to-earliest", o.to_earliest, "Their beginning (default)");
  to.add_flag("--to-latest", o.to_latest, "Their end");
  to.add_option("--to-offset", o.to_offset, "An offset, the same in every partition")->check(CLI::NonNegativeNumber);
  to.add_option("--shift-by", o.shift_by, "So many records on from what is committed; back if negative")
      ->type_name("N");
  to.add_option("--by-duration", o.by_duration, "The records of the last so long, e.g. 2h")->type_name("TIME");
  to.add_option("--to-datetime", o.to_datetime, "The records since then, e.g. 2026-11-26T12:00:00Z")->type_name("TIME");
  to.require_option(0, 1);
  auto* execute = command.add_flag("--execute", o.execute, "Do it");
  command.add_flag("--dry-run", o.dry_run, "Only show what would be done (default)")->excludes(execute);
  command.add_flag("--force", o.force,
                   "Remove the group's members first: those that were stopped, and keep their places for a while");
  command
      .add_option("--internal-topic", o.internal_topics,
                  "Delete this one too, which an earlier form of the topology had; may be repeated")
      ->type_name("TOPIC")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--state-dir", o.common.layer.state_dir, "The folder of local state")->type_name("DIR");
  add_config(command, o.common);
  add_cluster(command, o.common);
  add_plugins(command, o.common);
  add_output(command, o.common);
  command.footer("Example: kstreamd reset word-count.yaml --bootstrap localhost:9092 --execute");
  return command;
}

int run_command_line(const std::vector<std::string>& given) {
  CLI::App app("kstreamd: Kafka Streams as a daemon", "kstreamd");
  app.set_version_flag("--version", std::string("kstreamd ") + version());
  app.require_subcommand(1);
  app.footer("Example: kstreamd run word-count.yaml --bootstrap localhost:9092");
  RunOptions run;
  ValidateOptions validate;
  TestOptions test;
  GraphOptions graph;
  PluginsOptions plugins;
  PluginsNewOptions plugins_new;
  ProduceOptions produce;
  ConsumeOptions consume;
  StatusOptions status;
  ResetOptions reset;
  const auto& run_app = add_run(app, run);
  const auto& validate_app = add_validate(app, validate);
  const auto& test_app = add_test(app, test);
  const auto& graph_app = add_graph(app, graph);
  auto& plugins_app = add_plugins_command(app, plugins);
  const auto& plugins_new_app = add_plugins_new(plugins_app, plugins_new);
  const auto& produce_app = add_produce(app, produce);
  const auto& consume_app = add_consume(app, consume);
  const auto& reset_app = add_reset(app, reset);
  add_status(app, status);
  if (const auto unknown = unknown_command(app, given); !unknown.empty()) {
    std::cerr << "kstreamd: " << unknown << "\n";
    return kUsage;
  }
  try {
    auto arguments = spell_out_optional_values(given);
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& stop) {
    if (stop.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(stop);
    app.exit(stop, std::cerr, std::cerr);
    return kUsage;
  }
  if (run_app.parsed()) return run_command(std::move(run));
  if (validate_app.parsed()) return validate_command(validate);
  if (test_app.parsed()) return test_command(test);
  if (graph_app.parsed()) return graph_command(graph);
  if (plugins_new_app.parsed()) return plugins_new_command(plugins_new);
  if (plugins_app.parsed()) return plugins_command(plugins);
  if (produce_app.parsed()) return produce_command(produce);
  if (consume_app.parsed()) return consume_command(consume);
  if (reset_app.parsed()) return reset_command(reset);
  return status_command(status);
}

}  // namespace
}  // namespace kstreamd

int main(int argc, char** argv) {
  try {
    // Not for people: see make_plugin_host.
    if (argc == 4 && argv[1] == std::string_view(kstreamd::kDescribePlugin))
      return kstreamd::describe_plugin(argv[2], argv[3]);
    kstreamd::wire_serdes();
    return kstreamd::run_command_line({argv + 1, argv + argc});
  } catch (const std::exception& failure) {
    std::cerr << "kstreamd: " << failure.what() << "\n";
    return kstreamd::kFailed;
  }
}

// A ProcessorCatalog for the tests of core/spec: the built-in types, whose expressions Lua's own loader checks, and a
// plugin with the types "dedup", which has one store, does not like a negative window and warns of a long one,
// "clicks", which has a window and a session store, and "look_up", asynchronous.
#pragma once
#include <lua.hpp>
#include <memory>
#include <string>
#include <vector>

#include "core/ports/processor.h"

namespace kstreamd::testing {

class FakeCatalog final : public ProcessorCatalog {
 public:
  FakeCatalog() {
    for (const char* op : {"filter", "filter_not", "map", "map_values", "flat_map", "flat_map_values", "select_key",
                           "merge", "branch", "peek", "count", "to_stream"})
      add(std::string("kstreamd.") + op, op == std::string("count"), "builtin");
    add("dedup", 1, "dedup 1.0.0");
    infos_.back().stores[0] = {"keys seen so far", KST_STORE_KEY_VALUE};
    add("clicks", 2, "dedup 1.0.0");
    infos_.back().stores = {{"clicks per minute", KST_STORE_WINDOW}, {"visits", KST_STORE_SESSION}};
    add("look_up", 0, "dedup 1.0.0");
    infos_.back().max_in_flight = 10;
  }
  // A type that takes one store of any kind.
  void add_any_store(const std::string& name) { add(name, 1, "dedup 1.0.0"); }
  const ProcessorInfo* find(std::string_view type) const override {
    for (const auto& info : infos_)
      if (info.name == type) return &info;
    return nullptr;
  }
  std::vector<ProcessorInfo> list() const override { return infos_; }
  std::vector<SerdeInfo> serdes() const override { return {}; }

  std::vector<ConfigProblem> check(std::string_view type, std::string_view config) const override {
    std::vector<ConfigProblem> problems;
    if (type == "dedup") {
      if (config.find("\"window\":-") != std::string_view::npos)
        problems.push_back({false, "/window", 0, 0, "the window has to be positive", "write a number of records"});
      if (config.find("\"window\":999999") != std::string_view::npos)
        problems.push_back({true, "/window", 0, 0, "the window is very long", "write a smaller number"});
      return problems;
    }
    // {"expr":"..."} and {"key":"...","value":"..."}: every text value is an expression.
    for (size_t at = 0; (at = config.find("\":\"", at)) != std::string_view::npos;) {
      auto name = config.substr(config.rfind('"', at - 1) + 1, at - config.rfind('"', at - 1) - 1);
      at += 3;
      auto expression = unquote(config, at);
      if (name != "name") check_expression("/" + std::string(name), expression, problems);
    }
    return problems;
  }
  Result<std::unique_ptr<Processor>> create(std::string_view, std::string_view, ProcessorContext&) const override {
    return Error{Recovery::stop_topology, "the fake makes no processors", ""};
  }

 private:
  void add(const std::string& name, size_t stores, const std::string& plugin) {
    ProcessorInfo& info = infos_.emplace_back();
    info.name = name;
    info.stores.resize(stores);
    info.plugin = plugin;
  }

  static std::string unquote(std::string_view config, size_t& at) {
    std::string out;
    for (; at < config.size() && config[at] != '"'; ++at) {
      if (config[at] == '\\') ++at;
      out += config[at] == 'n' && config[at - 1] == '\\' ? '\n' : config[at];
    }
    return out;
  }

  static void check_expression(const std::string& pointer, const std::string& text,
                               std::vector<ConfigProblem>& problems) {
    std::unique_ptr<lua_State, decltype(&lua_close)> lua(luaL_newstate(), lua_close);
    auto chunk = text.find("return") == std::string::npos ? "return " + text : text;
    if (luaL_loadbufferx(lua.get(), chunk.data(), chunk.size(), "=x", "t") == LUA_OK) return;
    std::string message = lua_tostring(lua.get(), -1);  // x:LINE: what near 'TOKEN'
    message = message.substr(2);
    auto line = static_cast<uint32_t>(std::stoi(message));
    message = message.substr(message.find(": ") + 2);
    size_t begin = 0;
    for (uint32_t l = 1; l < line; ++l) begin = text.find('\n', begin) + 1;
    uint32_t column = 0;
    if (auto near = message.find("near '"); near != std::string::npos) {
      auto token = message.substr(near + 6, message.size() - near - 7);
      if (auto at = text.find(token, begin); at != std::string::npos) column = static_cast<uint32_t>(at - begin + 1);
    }
    problems.push_back({false, pointer, line, column, message, "to compare, write =="});
  }

  std::vector<ProcessorInfo> infos_;
};

}  // namespace kstreamd::testing

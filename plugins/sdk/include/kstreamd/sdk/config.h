// The configuration of a processor: `config:` of its node in the topology, as read-only JSON.
//
//   struct Options {
//     int64_t within_ms;
//     std::string by;
//     explicit Options(const Config& config)
//         : within_ms(config.duration_ms("within")), by(config.string("by", "content")) {
//       if (by != "content" && by != "key") config.problem("by", "must be 'content' or 'key'");
//     }
//   };
//
// A getter that does not find what it asks for notes the problem and returns something harmless, so that one run finds
// all of them: whoever made the Config reads problems() at the end. A key that nobody asked for is a problem too.
#pragma once
#include <kstreamd/sdk/json.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kstreamd::sdk {

struct ConfigProblem {
  std::string pointer;  // JSON pointer to the faulty part, with # behind it for its key; "" is the whole
  std::string message;
  std::string hint;   // may be empty
  unsigned line = 0;  // within a text value (an expression), from 1; 0: says nothing
  unsigned column = 0;
  bool warning = false;  // it works, but hardly as meant; an error keeps the topology from starting
};

// A value of the configuration: usually an object whose members are asked for by key. A cheap handle that shares one
// document; copy it, keep it. Not thread-safe, not even for reading.
class Config {
 public:
  // Reads JSON text. Text that is not a JSON object is a problem, and reads as an empty object.
  static Config parse(std::string_view text) {
    Config config;
    config.shared_ = std::make_shared<Shared>();
    auto& shared = *config.shared_;
    shared.text = std::string(text);
    std::string error;
    if (!json::parse(shared.text.empty() ? std::string_view("{}") : std::string_view(shared.text), shared.root,
                     error)) {
      shared.problems.push_back({"", "the configuration is not JSON: " + error, ""});
      shared.root = json::Node{};
      shared.root.kind = json::Kind::object;
    } else if (shared.root.kind != json::Kind::object) {
      shared.problems.push_back(
          {"", std::string("the configuration is ") + json::kind_name(shared.root.kind) + ", not an object",
           "write `config: { key: value, ... }`"});
      shared.root = json::Node{};
      shared.root.kind = json::Kind::object;
    }
    config.node_ = &shared.root;
    return config;
  }

  // Members. With a fallback the key is optional (a JSON null counts as absent); without, it is required.
  bool has(std::string_view key) const { return member(key) != nullptr; }
  std::string string(std::string_view key) const { return get<std::string>(key, nullptr, &Config::read_string); }
  std::string string(std::string_view key, std::string fallback) const {
    return get(key, &fallback, &Config::read_string);
  }
  bool boolean(std::string_view key) const { return get<bool>(key, nullptr, &Config::read_boolean); }
  bool boolean(std::string_view key, bool fallback) const { return get(key, &fallback, &Config::read_boolean); }
  // An integer of 64 bits; 3.0 is none.
  int64_t integer(std::string_view key) const { return get<int64_t>(key, nullptr, &Config::read_integer); }
  int64_t integer(std::string_view key, int64_t fallback) const { return get(key, &fallback, &Config::read_integer); }
  double number(std::string_view key) const { return get<double>(key, nullptr, &Config::read_number); }
  double number(std::string_view key, double fallback) const { return get(key, &fallback, &Config::read_number); }
  // "250ms", "30s", "5m", "2h", "7d", or "0s"; in milliseconds.
  int64_t duration_ms(std::string_view key) const { return get<int64_t>(key, nullptr, &Config::read_duration); }
  int64_t duration_ms(std::string_view key, int64_t fallback_ms) const {
    return get(key, &fallback_ms, &Config::read_duration);
  }
  // An object; an empty one when the key is absent.
  Config object(std::string_view key) const { return child(key, json::Kind::object); }
  // The elements of a list; none when the key is absent.
  std::vector<Config> list(std::string_view key) const { return child(key, json::Kind::list).elements(); }
  std::vector<std::string> string_list(std::string_view key) const {
    std::vector<std::string> out;
    for (const auto& element : list(key)) out.push_back(element.read_string());
    return out;
  }
  // Keys of an object in the order of the text, all of them counted as known.
  std::vector<std::string> keys() const {
    std::vector<std::string> out;
    for (const auto& [key, node] : node_->members) {
      node.used = true;
      out.push_back(key);
    }
    return out;
  }

  // This value itself, for elements of lists.
  std::vector<Config> elements() const {
    std::vector<Config> out;
    node_->used = true;
    for (size_t i = 0; i < node_->elements.size(); ++i)
      out.push_back(Config(shared_, &node_->elements[i], pointer_ + "/" + std::to_string(i)));
    return out;
  }
  std::string read_string() const { return expect(json::Kind::string, "a string") ? node_->text : std::string(); }
  bool read_boolean() const { return expect(json::Kind::boolean, "true or false") && node_->boolean; }
  int64_t read_integer() const {
    int64_t out = 0;
    if (!expect(json::Kind::number, "an integer")) return 0;
    const auto& text = node_->text;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error == std::errc() && end == text.data() + text.size()) return out;
    problem("", "must be an integer of 64 bits, is " + text);
    return 0;
  }
  double read_number() const {
    return expect(json::Kind::number, "a number") ? std::strtod(node_->text.c_str(), nullptr) : 0;
  }
  int64_t read_duration() const {
    if (!expect(json::Kind::string, "a duration such as 30s")) return 0;
    int64_t count = 0;
    const auto& text = node_->text;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
    int64_t ms = 0;
    for (const auto& [name, factor] : {std::pair<std::string_view, int64_t>{"ms", 1},
                                       {"s", 1000},
                                       {"m", 60'000},
                                       {"h", 3'600'000},
                                       {"d", 86'400'000}})
      if (unit == name) ms = factor;
    if (error == std::errc() && ms != 0 && count >= 0 && !__builtin_mul_overflow(count, ms, &ms)) return ms;
    problem("", "'" + text + "' is not a duration", "write a number with ms, s, m, h or d, such as 30s");
    return 0;
  }
  // What kind of value this is.
  json::Kind kind() const { return node_->kind; }
  // This value as JSON text, everything in it counted as known: for authors with a JSON library of their own.
  std::string_view text() const {
    use_all(*node_);
    return json::text_of(*node_);
  }
  // Where this value stands in the configuration, as a JSON pointer.
  const std::string& pointer() const { return pointer_; }

  // Notes a problem with a member (with "" of this value itself).
  void problem(std::string_view key, std::string message, std::string hint = "") const {
    shared_->problems.push_back({place(key), named(key) + std::move(message), std::move(hint)});
  }
  // The same for what works, but hardly as meant: `validate` shows it, and the topology starts.
  void warning(std::string_view key, std::string message, std::string hint = "") const {
    shared_->problems.push_back({place(key), named(key) + std::move(message), std::move(hint), 0, 0, true});
  }
  // The same, placed inside a text value, both from 1.
  void problem_at(std::string_view key, unsigned line, unsigned column, std::string message,
                  std::string hint = "") const {
    shared_->problems.push_back({place(key), named(key) + std::move(message), std::move(hint), line, column});
  }
  // A problem inside a member's text, as worded by whoever understands that text (a language's compiler).
  void problem_inside(std::string_view key, unsigned line, unsigned column, std::string message, std::string hint = "",
                      bool warning = false) const {
    shared_->problems.push_back({place(key), std::move(message), std::move(hint), line, column, warning});
  }

  // All problems so far, keys that nobody asked for included. For whoever made the Config, when all reading is done.
  std::vector<ConfigProblem> problems() const {
    std::vector<ConfigProblem> out = shared_->problems;
    unknown_keys(shared_->root, "", out);
    return out;
  }
  // Those of them that are no warnings.
  std::vector<ConfigProblem> errors() const {
    std::vector<ConfigProblem> out = problems();
    std::erase_if(out, [](const ConfigProblem& problem) { return problem.warning; });
    return out;
  }
  // No error was noted so far: for constructors whose further work needs sound options.
  bool sound() const {
    for (const auto& problem : shared_->problems)
      if (!problem.warning) return false;
    return true;
  }

 private:
  struct Shared {
    std::string text;
    json::Node root;
    std::vector<ConfigProblem> problems;
  };

  Config() = default;
  Config(std::shared_ptr<Shared> shared, const json::Node* node, std::string pointer)
      : shared_(std::move(shared)), node_(node), pointer_(std::move(pointer)) {}

  const json::Node* member(std::string_view key) const {
    node_->used = true;
    bool asked = false;
    for (const auto& known : node_->asked) asked = asked || known == key;
    if (!asked) node_->asked.emplace_back(key);
    const json::Node* found = node_->find(key);
    if (found) found->used = true;
    return found && found->kind != json::Kind::null ? found : nullptr;
  }

  template <typename T>
  T get(std::string_view key, const T* fallback, T (Config::*read)() const) const {
    const json::Node* found = member(key);
    if (found) return (Config(shared_, found, place(key)).*read)();
    if (fallback) return *fallback;
    shared_->problems.push_back({pointer_, named(key) + "is missing", ""});
    return T{};
  }
  Config child(std::string_view key, json::Kind kind) const {
    const json::Node* found = member(key);
    if (found) {
      const Config config(shared_, found, place(key));
      if (config.expect(kind, kind == json::Kind::list ? "a list" : "an object")) return config;
    }
    auto absent = std::make_shared<json::Node>();
    absent->kind = kind;
    Config config(shared_, absent.get(), place(key));
    config.absent_ = std::move(absent);
    return config;
  }

  bool expect(json::Kind kind, const char* what) const {
    node_->used = true;
    if (node_->kind == kind) return true;
    problem("", std::string("must be ") + what + ", is " + json::kind_name(node_->kind));
    return false;
  }

  std::string place(std::string_view key) const { return key.empty() ? pointer_ : pointer_ + "/" + json::escape(key); }
  // What a message calls a value: the last part of its pointer.
  std::string named(std::string_view key) const {
    if (key.empty()) {
      if (pointer_.empty()) return "";
      return "'" + pointer_.substr(1) + "' ";
    }
    return "'" + (pointer_.empty() ? std::string() : pointer_.substr(1) + "/") + std::string(key) + "' ";
  }

  static void use_all(const json::Node& node) {
    node.used = true;
    for (const auto& [key, child] : node.members) use_all(child);
    for (const auto& child : node.elements) use_all(child);
  }
  static void unknown_keys(const json::Node& node, const std::string& pointer, std::vector<ConfigProblem>& out) {
    for (const auto& [key, child] : node.members) {
      const std::string at = pointer + "/" + json::escape(key);
      if (child.used)
        unknown_keys(child, at, out);
      else
        out.push_back({at + "#", "unknown key '" + key + "'", json::suggest(key, node.asked)});
    }
    for (size_t i = 0; i < node.elements.size(); ++i)
      if (node.elements[i].used) unknown_keys(node.elements[i], pointer + "/" + std::to_string(i), out);
  }

  std::shared_ptr<Shared> shared_;
  const json::Node* node_ = nullptr;
  std::string pointer_;
  std::shared_ptr<json::Node> absent_;  // stands in for an object or list that is not there
};

}  // namespace kstreamd::sdk

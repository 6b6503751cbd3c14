#include "core/protocol/topic_check.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace kstreamd {
namespace {

constexpr const char* kPolicy = "cleanup.policy";
constexpr const char* kRetention = "retention.ms";
constexpr const char* kRetentionBytes = "retention.bytes";
constexpr const char* kTimestamps = "message.timestamp.type";
constexpr const char* kCompactionLag = "min.compaction.lag.ms";

std::string value_of(const TopicConfigs& configs, const std::string& name, const std::string& otherwise) {
  auto found = configs.find(name);
  return found == configs.end() ? otherwise : found->second;
}

int64_t number_of(const TopicConfigs& configs, const std::string& name, int64_t otherwise) {
  const std::string text = value_of(configs, name, "");
  int64_t number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The words of a comma-separated list.
std::set<std::string> words_of(const std::string& list) {
  std::set<std::string> words;
  std::string word;
  for (char c : list + ",") {
    if (c != ',' && c != ' ') word += c;
    if (c == ',' && !word.empty()) words.insert(std::exchange(word, ""));
  }
  return words;
}

class Comparison {
 public:
  Comparison(const WantedTopic& wanted, const TopicConfigs& found)
      : wanted_(wanted),
        found_(found),
        policy_(words_of(value_of(found, kPolicy, value_of(wanted.configs, kPolicy, "delete")))) {}

  std::vector<TopicDifference> run() {
    wanted_.kind == WantedTopic::Kind::changelog ? changelog() : repartition();
    if (value_of(found_, kTimestamps, "CreateTime") == "LogAppendTime")
      differs(kTimestamps, "CreateTime", true, "the broker would give its records other timestamps");
    for (const auto& name : wanted_.asked)
      if (!as_asked(name)) differs(name, wanted_.configs.at(name), false, "the topology asks for it");
    return std::move(differences_);
  }

 private:
  // The operator chose this setting, and the topic has it so.
  bool as_asked(const std::string& name) const {
    if (!wanted_.asked.contains(name)) return false;
    auto found = found_.find(name);
    if (found == found_.end()) return false;
    const std::string& wanted = wanted_.configs.at(name);
    return name == kPolicy ? words_of(found->second) == words_of(wanted) : found->second == wanted;
  }

  // The first finding about a setting is the gravest.
  void differs(const std::string& name, const std::string& wanted, bool loses, const std::string& reason) {
    if (as_asked(name)) return;
    for (const auto& difference : differences_)
      if (difference.setting == name) return;
    differences_.push_back({name, value_of(found_, name, "not set"), wanted, loses, reason});
  }

  std::string wanted_value(const char* name, const std::string& otherwise) const {
    return value_of(wanted_.configs, name, otherwise);
  }

  bool deletes() const { return policy_.contains("delete"); }
  int64_t retention() const { return number_of(found_, kRetention, -1); }
  bool bounded() const { return retention() >= 0 || number_of(found_, kRetentionBytes, -1) >= 0; }

  void changelog() {
    const bool expires = wanted_.needed.count() > 0;
    const std::string policy = wanted_value(kPolicy, "compact");
    if (!expires && deletes() && bounded())
      differs(kPolicy, policy, true, "rows would be deleted that the store still has");
    if (words_of(policy).contains("compact") && !policy_.contains("compact"))
      differs(kPolicy, policy, false, "it grows with every change of a row");
    if (expires && !deletes()) differs(kPolicy, policy, false, "rows that have expired stay in it");
    if (expires && deletes()) {
      const std::string wanted = wanted_value(kRetention, std::to_string(wanted_.needed.count()));
      if (retention() >= 0 && retention() < wanted_.needed.count())
        differs(kRetention, wanted, true, "rows would be deleted that the store still has");
      else if (retention() >= 0 && retention() < number_of(wanted_.configs, kRetention, 0))
        differs(kRetention, wanted, false, "rows may be deleted early when records come late");
      if (number_of(found_, kRetentionBytes, -1) >= 0)
        differs(kRetentionBytes, "-1", true, "rows would be deleted that the store still has");
    }
    if (const int64_t lag = number_of(wanted_.configs, kCompactionLag, 0); number_of(found_, kCompactionLag, 0) < lag)
      differs(kCompactionLag, std::to_string(lag), true, "versions would be removed that the store still has");
  }

  void repartition() {
    const std::string policy = wanted_value(kPolicy, "delete");
    if (policy_.contains("compact")) differs(kPolicy, policy, true, "records would supersede those before them");
    if (!deletes()) return;
    const std::string reason = "records may be deleted before they are processed";
    if (retention() >= 0) differs(kRetention, wanted_value(kRetention, "-1"), false, reason);
    if (number_of(found_, kRetentionBytes, -1) >= 0) differs(kRetentionBytes, "-1", false, reason);
  }

  const WantedTopic& wanted_;
  const TopicConfigs& found_;
  const std::set<std::string> policy_;
  std::vector<TopicDifference> differences_;
};

}  // namespace

std::vector<TopicDifference> compare_topic(const WantedTopic& wanted, const TopicConfigs& found) {
  return Comparison(wanted, found).run();
}

}  // namespace kstreamd

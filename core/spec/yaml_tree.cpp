#include "core/spec/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <stdexcept>

#include "core/base/utf8.h"

namespace kstreamd {
namespace {

constexpr size_t max_file_size = 4 << 20;
constexpr size_t max_depth = 50;
constexpr size_t max_values = 200'000;

// Ends the parse with a message of our own.
struct Refused {
  YamlPlace place;
  std::string message;
  std::string hint;
};

YamlPlace place_of(const YAML::Mark& mark) { return {std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1}; }

// Builds the tree from yaml-cpp's events. Maps and lists under construction are on the stack.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string_view source) : source_(source) {}

  std::shared_ptr<const YamlNode> root() const { return root_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto node = make(mark, YamlNode::Kind::null);
    remember(anchor, node);
    add(node);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = make(mark, YamlNode::Kind::scalar);
    node->text = value;
    node->style = style_of(tag, mark);
    remember(anchor, node);
    add(node);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      throw Refused{place_of(mark), "the alias stands inside of its own anchor", "write the value out"};
    check_depth(place_of(mark), height_[found->second.get()]);
    add(found->second);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(make(mark, YamlNode::Kind::list), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(make(mark, YamlNode::Kind::map), anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor;
    std::shared_ptr<const YamlNode> key;  // of a map, when its value comes next
  };

  std::shared_ptr<YamlNode> make(const YAML::Mark& mark, YamlNode::Kind kind) {
    if (++values_ > max_values)
      throw Refused{place_of(mark), "the file has more than " + std::to_string(max_values) + " values", "split it"};
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->place = place_of(mark);
    return node;
  }
  void remember(YAML::anchor_t anchor, std::shared_ptr<const YamlNode> node) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = std::move(node);
  }
  // Aliases may nest as well, and whoever walks the tree does so recursively.
  void check_depth(YamlPlace place, size_t height) {
    if (stack_.size() + height >= max_depth)
      throw Refused{place, "nested more than " + std::to_string(max_depth) + " deep", "flatten the value"};
  }
  void open(std::shared_ptr<YamlNode> node, YAML::anchor_t anchor) {
    check_depth(node->place, 0);
    stack_.push_back({std::move(node), anchor, nullptr});
  }
  void close() {
    auto done = std::move(stack_.back());
    stack_.pop_back();
    remember(done.anchor, done.node);
    add(done.node);
  }
  void add(std::shared_ptr<const YamlNode> node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& top = stack_.back();
    auto& height = height_[top.node.get()];
    height = std::max(height, height_[node.get()] + 1);
    if (top.node->kind == YamlNode::Kind::list) {
      top.node->items.push_back(std::move(node));
    } else if (!top.key) {
      if (node->kind != YamlNode::Kind::scalar)
        throw Refused{node->place, "a key has to be text", "write KEY: VALUE; quote a text that starts with [ or {"};
      top.key = std::move(node);
    } else {
      add_entry(*top.node, *top.key, std::move(node));
      top.key = nullptr;
    }
  }
  void add_entry(YamlNode& map, const YamlNode& key, std::shared_ptr<const YamlNode> value) {
    auto [first, fresh] = keys_[&map].emplace(key.text, key.place);
    if (fresh)
      map.entries.push_back({key.text, key.place, std::move(value)});
    else
      map.duplicates.push_back({key.text, key.place, first->second});
  }

  // yaml-cpp says plain ("?") or not by the tag; the first character tells the rest.
  YamlNode::Style style_of(const std::string& tag, const YAML::Mark& mark) const {
    if (tag == "?") return YamlNode::Style::plain;
    char first = mark.pos >= 0 && static_cast<size_t>(mark.pos) < source_.size() ? source_[mark.pos] : ' ';
    if (first == '"') return YamlNode::Style::double_quoted;
    if (first == '\'') return YamlNode::Style::single_quoted;
    return YamlNode::Style::block;
  }

  const std::string_view source_;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, std::shared_ptr<const YamlNode>> anchors_;
  std::map<const YamlNode*, std::map<std::string, YamlPlace>> keys_;
  std::map<const YamlNode*, size_t> height_;  // levels below a node
  std::shared_ptr<const YamlNode> root_;
  size_t values_ = 0;
};

YamlPlace place_of_byte(std::string_view text, size_t offset) {
  YamlPlace place{1, 1};
  for (size_t i = 0; i < offset && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
  }
  return place;
}

bool is_text(std::string_view text, size_t* bad) {
  for (size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f) {
      *bad = i;
      return false;
    }
  }
  return valid_utf8(text, bad);
}

void parse_into(TreeBuilder& builder, std::string_view text) {
  std::istringstream in{std::string(text)};
  YAML::Parser parser(in);
  if (!parser.HandleNextDocument(builder)) return;
  TreeBuilder second(text);
  if (parser.HandleNextDocument(second) && second.root() && second.root()->kind != YamlNode::Kind::null)
    throw Refused{second.root()->place, "the file has a second document",
                  "one file describes one thing: split it at '---'"};
}

std::string yaml_hint(const std::string& message) {
  if (message.find("tab") != std::string::npos) return "indent with spaces";
  return "check the indentation and the quotes here; a text with ': ', '#', '[' or '{' in it needs quotes";
}

// The offset in `text` of a line and column, both from 1.
size_t offset_of(std::string_view text, int line, int column) {
  size_t at = 0;
  for (int l = 1; l < line; ++l) {
    at = text.find('\n', at);
    if (at == std::string_view::npos) return text.size();
    ++at;
  }
  return std::min(text.size(), at + static_cast<size_t>(std::max(column, 1) - 1));
}

// From the byte after an opening quote, how far `offset` bytes of the text are; 0 when it cannot be told.
size_t quoted_distance(std::string_view source, size_t begin, char quote, size_t offset) {
  size_t at = begin;
  for (size_t done = 0; done < offset; ++done) {
    if (at >= source.size() || source[at] == '\n') return 0;
    if (source[at] == '\\' && quote == '"') {
      if (at + 1 >= source.size() || std::string_view("xuU\n").find(source[at + 1]) != std::string_view::npos) return 0;
      at += 2;
    } else {
      at += source[at] == quote ? 2 : 1;
    }
  }
  return at - begin;
}

// A literal block: line n of the text is the n-th line below the '|', indented.
YamlPlace place_in_block(const YamlNode& scalar, std::string_view source, int line, int column) {
  auto line_at = [](std::string_view text, int l) {
    auto begin = offset_of(text, l, 1);
    return text.substr(begin, text.find('\n', begin) - begin);
  };
  auto of_text = line_at(scalar.text, line);
  auto of_file = line_at(source, scalar.place.line + line);
  while (!of_file.empty() && of_file.back() == '\r') of_file.remove_suffix(1);
  if (of_text.empty() || of_file.size() < of_text.size() || of_file.substr(of_file.size() - of_text.size()) != of_text)
    return scalar.place;
  return {scalar.place.line + line, static_cast<int>(of_file.size() - of_text.size()) + column};
}

}  // namespace

const YamlNode::Entry* YamlNode::find(std::string_view key) const {
  for (const auto& entry : entries)
    if (entry.key == key) return &entry;
  return nullptr;
}

YamlPlace place_within(const YamlNode& scalar, std::string_view source, int line, int column) {
  if (line < 1 || scalar.kind != YamlNode::Kind::scalar) return scalar.place;
  if (scalar.style == YamlNode::Style::block) return place_in_block(scalar, source, line, column);
  size_t offset = offset_of(scalar.text, line, column);
  size_t begin = offset_of(source, scalar.place.line, scalar.place.column);
  auto moved = [&](size_t by) { return YamlPlace{scalar.place.line, scalar.place.column + static_cast<int>(by)}; };
  if (scalar.style == YamlNode::Style::plain)
    return source.substr(begin, scalar.text.size()) == scalar.text ? moved(offset) : scalar.place;
  char quote = scalar.style == YamlNode::Style::single_quoted ? '\'' : '"';
  if (offset == 0) return moved(1);
  size_t distance = quoted_distance(source, begin + 1, quote, offset);
  return distance == 0 ? scalar.place : moved(distance + 1);
}

std::shared_ptr<const YamlNode> parse_yaml(std::string_view text, const std::string& filename,
                                           std::vector<Diagnostic>& diagnostics) {
  auto refuse = [&](YamlPlace place, std::string message, std::string hint) {
    diagnostics.push_back(
        {filename, place.line, place.column, Severity::error, "", std::move(message), std::move(hint)});
    return nullptr;
  };
  size_t bad = 0;
  if (text.size() > max_file_size) return refuse({1, 1}, "the file is larger than 4 MiB", "is it the right file?");
  if (!is_text(text, &bad))
    return refuse(place_of_byte(text, bad), "the file is not UTF-8 text", "is it the right file?");
  try {
    TreeBuilder builder(text);
    parse_into(builder, text);
    if (!builder.root() || builder.root()->kind == YamlNode::Kind::null)
      return refuse({1, 1}, "the file is empty", "start with 'kstreamd: 1'");
    return builder.root();
  } catch (const Refused& refused) {
    return refuse(refused.place, refused.message, refused.hint);
  } catch (const YAML::Exception& error) {
    return refuse(place_of(error.mark), "this is not YAML: " + error.msg, yaml_hint(error.msg));
  } catch (const std::exception& error) {
    return refuse({1, 1}, std::string("this is not YAML: ") + error.what(), yaml_hint(""));
  }
}

}  // namespace kstreamd

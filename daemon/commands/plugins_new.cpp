#include "daemon/commands/plugins_new.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string_view>
#include <utility>

#include "daemon/commands/commands.h"
#include "daemon/commands/templates.h"

namespace kstreamd {
namespace {

namespace fs = std::filesystem;

Error refuse(std::string message, std::string hint) {
  return Error{Recovery::stop_topology, std::move(message), std::move(hint)};
}

struct Language {
  std::string_view name;
  std::string_view folder;  // of its templates
  std::string_view build;   // the first commands of the project's README
};
constexpr std::array kLanguages = {
    Language{"c++", "cpp", "cmake -B build && cmake --build build && ctest --test-dir build --output-on-failure"},
    Language{"c", "c", "make && make test"},
    Language{"rust", "rust",
             "cargo test --offline && cargo build --release --offline &&\n"
             "  install -D -m 755 target/release/libexample_name.so build/plugins/example_name.so &&\n"
             "  kstreamd test . --plugins build/plugins"}};

const Language* language_of(const std::string& name) {
  const auto found = std::find_if(kLanguages.begin(), kLanguages.end(), [&](const auto& l) { return l.name == name; });
  return found == kLanguages.end() ? nullptr : &*found;
}

// Words that one of the languages keeps for itself, or that a build file of the project uses as a name: a processor,
// a crate and a CMake target are named so.
constexpr std::string_view kTaken[] = {"abstract",
                                       "alignas",
                                       "alignof",
                                       "all",
                                       "alloc",
                                       "and",
                                       "and_eq",
                                       "as",
                                       "asm",
                                       "async",
                                       "auto",
                                       "await",
                                       "become",
                                       "bitand",
                                       "bitor",
                                       "bool",
                                       "box",
                                       "break",
                                       "build",
                                       "case",
                                       "catch",
                                       "char",
                                       "class",
                                       "clean",
                                       "co_await",
                                       "co_return",
                                       "co_yield",
                                       "compl",
                                       "concept",
                                       "const",
                                       "const_cast",
                                       "consteval",
                                       "constexpr",
                                       "constinit",
                                       "continue",
                                       "core",
                                       "crate",
                                       "decltype",
                                       "default",
                                       "delete",
                                       "deps",
                                       "do",
                                       "double",
                                       "dyn",
                                       "dynamic_cast",
                                       "edit_cache",
                                       "else",
                                       "enum",
                                       "examples",
                                       "explicit",
                                       "export",
                                       "extern",
                                       "false",
                                       "final",
                                       "float",
                                       "fn",
                                       "for",
                                       "friend",
                                       "gen",
                                       "goto",
                                       "help",
                                       "if",
                                       "impl",
                                       "in",
                                       "incremental",
                                       "inline",
                                       "install",
                                       "int",
                                       "kstreamd",
                                       "let",
                                       "list_install_components",
                                       "long",
                                       "loop",
                                       "macro",
                                       "main",
                                       "match",
                                       "mod",
                                       "move",
                                       "mut",
                                       "mutable",
                                       "namespace",
                                       "new",
                                       "noexcept",
                                       "not",
                                       "not_eq",
                                       "null",
                                       "nullptr",
                                       "operator",
                                       "or",
                                       "or_eq",
                                       "override",
                                       "package",
                                       "package_source",
                                       "priv",
                                       "private",
                                       "proc_macro",
                                       "protected",
                                       "pub",
                                       "public",
                                       "rebuild_cache",
                                       "ref",
                                       "register",
                                       "reinterpret_cast",
                                       "requires",
                                       "restrict",
                                       "return",
                                       "self",
                                       "short",
                                       "signed",
                                       "sizeof",
                                       "static",
                                       "static_assert",
                                       "static_cast",
                                       "std",
                                       "struct",
                                       "super",
                                       "switch",
                                       "template",
                                       "test",
                                       "this",
                                       "thread",
                                       "thread_local",
                                       "throw",
                                       "trait",
                                       "true",
                                       "try",
                                       "type",
                                       "typedef",
                                       "typeid",
                                       "typename",
                                       "typeof",
                                       "union",
                                       "unsafe",
                                       "unsigned",
                                       "unsized",
                                       "use",
                                       "using",
                                       "virtual",
                                       "void",
                                       "volatile",
                                       "wchar_t",
                                       "where",
                                       "while",
                                       "xor",
                                       "xor_eq",
                                       "yield"};

Status check_name(const std::string& name) {
  constexpr size_t kLongest = 64;
  const bool letters = !name.empty() && name[0] >= 'a' && name[0] <= 'z' &&
                       name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
  if (!letters || name.size() > kLongest)
    return refuse("'" + name + "' cannot be the name of a plugin",
                  "names begin with a letter, and have up to 64 of a-z, 0-9 and '_': rate_limit");
  if (std::find(std::begin(kTaken), std::end(kTaken), name) != std::end(kTaken))
    return refuse("'" + name + "' cannot be the name of a plugin: compilers or build tools keep it for themselves",
                  "say more of what it does: my_" + name);
  return {};
}

// "rate_limit" as "RateLimit".
std::string camel_case(const std::string& name) {
  std::string out;
  bool upper = true;
  for (const char c : name) {
    if (c == '_')
      upper = true;
    else
      out.push_back(std::exchange(upper, false) && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  }
  return out;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

// A template's text, or path, for a project of this name.
std::string named(std::string_view text, const std::string& name) {
  return replaced(replaced(std::string(text), "example_name", name), "ExampleName", camel_case(name));
}

// A path as a word for a shell.
std::string shell_word(const std::string& path) {
  const bool plain =
      path.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") == std::string::npos;
  return plain ? path : "'" + replaced(path, "'", "'\\''") + "'";
}

Status write_file(const fs::path& path, const std::string& content) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content << std::flush;
  if (file) return {};
  const int reason = error ? error.value() : errno;
  return refuse("cannot write " + path.string() + (reason ? std::string(": ") + std::strerror(reason) : ""),
                "check the folder, its permissions and the disk, delete what was begun, and try again");
}

}  // namespace

Result<std::string> write_plugin_project(const PluginsNewOptions& options) {
  KSTREAMD_TRY(check_name(options.name));
  const Language* language = language_of(options.language);
  if (!language) return refuse("there are no templates for '" + options.language + "'", "say --lang c++, c or rust");
  const fs::path project = fs::path(options.folder) / options.name;
  std::error_code error;
  fs::create_directories(options.folder, error);
  // The one call that tells whether it is new, whoever else makes it at this moment.
  const bool made = !error && fs::create_directory(project, error);
  if (!made && !error)
    return refuse(project.string() + " is there already", "take another name or --dir; nothing was changed");
  if (error)
    return refuse("cannot make the folder " + project.string() + ": " + error.message(),
                  "take a --dir that you may write to; nothing was changed");
  for (const auto& file : template_files()) {
    if (file.language != language->folder) continue;
    const bool ours = std::string_view(file.path).starts_with("vendor/");
    const std::string path = file.path == std::string_view("gitignore") ? ".gitignore" : named(file.path, options.name);
    KSTREAMD_TRY(write_file(project / path, ours ? file.content : named(file.content, options.name)));
  }
  return project.string();
}

int plugins_new_command(const PluginsNewOptions& options) {
  const auto project = write_plugin_project(options);
  if (!project) return usage_error(project.error());
  const Language* language = language_of(options.language);
  std::cout << "made " << *project << ", a plugin in " << language->name << " with the processor '" << options.name
            << "'. Build and test it:\n\n  cd " << shell_word(*project) << "\n  "
            << named(language->build, options.name) << "\n\nIts README.md says how to run it.\n";
  return kDone;
}

}  // namespace kstreamd

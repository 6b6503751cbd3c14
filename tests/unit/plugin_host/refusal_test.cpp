// Every way in which a plugin file is refused, with its exact words.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "core/plugin_host/abi_struct.h"
#include "tests/unit/plugin_host/fixture.h"

using namespace kstreamd;
namespace fs = std::filesystem;

namespace {

std::string refusal(const std::string& path) {
  PluginHost host;
  const auto loaded = host.load_file(path);
  REQUIRE_FALSE(loaded.ok());
  CHECK(host.plugins().empty());
  CHECK(host.list().empty());
  return loaded.error().text();
}

}  // namespace

TEST_CASE("a broken plugin is refused with what is wrong and what to do") {
  const std::string abi = std::to_string(KST_ABI_MAJOR) + "." + std::to_string(KST_ABI_MINOR);
  const std::string newer_major = std::to_string(KST_ABI_MAJOR + 1) + ".3";
  const std::string newer_minor = std::to_string(KST_ABI_MAJOR) + "." + std::to_string(KST_ABI_MINOR + 1);
  const std::string rebuild = "rebuild the plugin with this version's headers";
  const std::map<std::string, std::string> expected = {
      {"no_entry",
       "exports no kst_plugin_entry: it is no kstreamd plugin (declare the function with KST_EXPORT and C linkage (in "
       "C++: KSTREAMD_PLUGIN), or move the file out of the plugin folder)"},
      {"wrong_magic",
       "kst_plugin_entry gave no kstreamd plugin: its magic is 0x7f454c46, expected 0x6b737472 (return a kst_plugin "
       "whose magic is KST_PLUGIN_MAGIC: " +
           rebuild + ")"},
      {"newer_major", "was built against kstreamd ABI " + newer_major + "; this kstreamd offers " + abi + " (" +
                          rebuild + ", or upgrade kstreamd)"},
      {"newer_minor", "was built against kstreamd ABI " + newer_minor + "; this kstreamd offers " + abi + " (" +
                          rebuild + ", or upgrade kstreamd)"},
      {"short_struct", "says that its descriptor has 8 bytes; kstreamd ABI " + abi + " has " +
                           std::to_string(sizeof(kst_plugin)) + " (set struct_size to sizeof(kst_plugin), and " +
                           rebuild + ")"},
      {"entry_null", "kst_plugin_entry returned NULL: the plugin refuses this kstreamd (ABI " + abi +
                         ") (ask its author which version of kstreamd it needs)"},
      {"no_name", "has no name or no version (fill in kst_plugin.name and kst_plugin.version)"},
      {"no_processors",
       "describes neither processors nor serdes (list at least one in kst_plugin.processors or kst_plugin.serdes, with "
       "NULL at the end)"},
      {"short_type", "says that a processor's descriptor has 16 bytes; kstreamd ABI " + abi + " has " +
                         std::to_string(sizeof(kst_processor_type)) +
                         " (set struct_size to sizeof(kst_processor_type), and " + rebuild + ")"},
      {"no_process", "processor 'bad' lacks process (only check, init and punctuate may be NULL)"},
      {"bad_type_name",
       "has a processor named 'Bad Name' (names are made of a-z, 0-9, '_' and '.', and are not empty)"},
      {"bad_schema",
       "processor 'bad' has a broken config_schema: it is no JSON (give a JSON Schema, or NULL for any object)"},
      {"broken_schema",
       "processor 'bad' has a broken config_schema: '/properties/size/type' names no type of JSON: \"intger\" (did you "
       "mean "
       "'integer'?)"},
      {"null_stores",
       "processor 'bad' needs 2 stores, but stores is NULL (describe them in stores, or set store_count to 0)"},
      {"store_flood",
       "processor 'bad' needs 1073741824 stores; at most 1000 are possible (set store_count to the number of entries "
       "in "
       "stores)"},
      {"unknown_store_kind", "processor 'bad' needs store 1 to be of kind 5, which kstreamd ABI " + abi +
                                 " does not have (use KST_STORE_ANY, KST_STORE_KEY_VALUE, KST_STORE_WINDOW, "
                                 "KST_STORE_SESSION or KST_STORE_VERSIONED)"},
      {"serde_bad_name", "has a serde named '2fast' (names begin with a-z, and are made of a-z, 0-9 and '_')"},
      {"serde_builtin_name",
       "serde 'int64' has the name of one of kstreamd's own (give it another, such as the name of what it reads)"},
      {"serde_later_name",
       "serde 'avro' has the name of one of kstreamd's own (give it another, such as the name of what it reads)"},
      {"serde_no_description", "serde 'fine' has no description (say in one line what it reads and writes)"},
      {"serde_no_write", "serde 'fine' lacks write (a serde has both functions)"},
      {"short_serde", "says that a serde's descriptor has 8 bytes; kstreamd ABI " + abi + " has " +
                          std::to_string(sizeof(kst_serde_type)) + " (set struct_size to sizeof(kst_serde_type), and " +
                          rebuild + ")"},
      {"duplicate_serdes", "has two serdes named 'twice' (give each a name of its own)"},
      {"duplicate_names", "has two processors named 'twice' (give each a name of its own)"},
  };
  for (const auto& [name, text] : expected) {
    const std::string path = bad_plugin(name);
    CHECK(refusal(path) == "plugin " + path + ": " + text);
  }
}

TEST_CASE("a field that an older plugin does not have is 0, and one that only a younger one has is left out") {
  struct Now {
    uint32_t struct_size, one, two;
  };
  const Now given{sizeof(Now), 7, 8};
  CHECK(read_struct(given, sizeof(Now)).two == 8);
  CHECK(read_struct(given, offsetof(Now, two)).one == 7);
  CHECK(read_struct(given, offsetof(Now, two)).two == 0);
  CHECK(read_struct(given, sizeof(Now) + 100).two == 8);
}

TEST_CASE("a file that is no shared object is refused by its own name") {
  const TemporaryFolder folder;
  const std::string path = folder.path("text.so");
  std::ofstream(path) << "not a shared object at all\n";
  ::chmod(path.c_str(), 0644);
  const std::string text = refusal(path);
  CHECK(text.find("plugin " + path + ": cannot be loaded: " + path + ": file too short") == 0);
  CHECK(refusal(folder.path("absent.so")) ==
        "plugin " + folder.path("absent.so") +
            ": cannot be opened: No such file or directory (check that it exists and that kstreamd may read it)");
  fs::create_directory(folder.path("folder.so"));
  CHECK(refusal(folder.path("folder.so")) ==
        "plugin " + folder.path("folder.so") + ": is not a regular file (put the plugin's shared object there)");
  ::mkfifo(folder.path("fifo.so").c_str(), 0600);
  CHECK(refusal(folder.path("fifo.so")).find("is not a regular file") != std::string::npos);
}

TEST_CASE("what others can write is not loaded") {
  const TemporaryFolder folder;
  const std::string path = folder.path("sound.so");
  fs::copy_file(bad_plugin("sound"), path);
  ::chmod(path.c_str(), 0664);
  CHECK(refusal(path) ==
        "plugin " + path + ": the file can be written by its group or by others (mode 0664) (chmod go-w " + path + ")");
  ::chmod(path.c_str(), 0644);
  ::chmod(folder.path().c_str(), 0777);
  CHECK(refusal(path) == "plugin " + path + ": the plugin folder " + folder.path() +
                             " can be written by its group or by others (mode 0777) (chmod go-w " + folder.path() +
                             ")");
  PluginHost host;
  const auto problems = host.load_folder(folder.path());
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].path == folder.path());
  ::chmod(folder.path().c_str(), 0755);
  CHECK(host.load_folder(folder.path()).empty());
  if (::geteuid() == 0) {
    ::chown(path.c_str(), 12345, 0);
    CHECK(refusal(path) == "plugin " + path +
                               ": the file belongs to user id 12345; it must belong to root or to the user that runs "
                               "kstreamd (0) (if you trust it: chown root " +
                               path + ")");
  }
}

TEST_CASE("the folder of copies must be private") {
  const TemporaryFolder folder;
  const std::string copies = folder.path("copies");
  fs::create_directory(copies);
  ::chmod(copies.c_str(), 0755);
  PluginHost host(copies);
  const auto loaded = host.load_file(bad_plugin("sound"));
  REQUIRE_FALSE(loaded.ok());
  CHECK(loaded.error().message.find("is not private to this user") != std::string::npos);
}

TEST_CASE("a folder that is missing is named") {
  PluginHost host;
  const auto problems = host.load_folder("/nonexistent/plugins");
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].error.text() ==
        "the plugin folder /nonexistent/plugins cannot be used: No such file or directory (make it, or name another "
        "with `plugins:` or --plugins)");
}

TEST_CASE("one bad file in a folder does not hide the good ones") {
  const TemporaryFolder folder;
  for (const char* name : {"wrong_magic", "sound", "throws"})
    fs::copy_file(bad_plugin(name), folder.path(std::string(name) + ".so"));
  std::ofstream(folder.path("README.txt")) << "not looked at";
  PluginHost host;
  const auto problems = host.load_folder(folder.path());
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].path == folder.path("wrong_magic.so"));
  CHECK(host.find("bad") != nullptr);
  CHECK(host.find("throws") != nullptr);
}

TEST_CASE("a processor that is there already is refused, with where it comes from") {
  const TemporaryFolder folder;
  const std::string again = folder.path("again.so");
  fs::copy_file(bad_plugin("sound"), again);
  PluginHost host;
  REQUIRE(host.load_file(bad_plugin("sound")).ok());
  const auto loaded = host.load_file(again);
  REQUIRE_FALSE(loaded.ok());
  CHECK(loaded.error().text() == "plugin " + again +
                                     ": its processor 'bad' is there already, from bad 1.0.0 (keep one of "
                                     "the two files, or rename the processor)");
  CHECK(host.plugins().size() == 1);
}

// Against the C ABI, without the SDK's barrier: does at run time what no plugin may do, as its config says.
#include <stdexcept>
#include <string_view>

#include "sound.h"

namespace {

enum class Act { throws, blames, unknown_status };

kst_status create(const kst_host* host, kst_context* context, const char* config, size_t size, void** instance) {
  static Act acts[] = {Act::throws, Act::blames, Act::unknown_status};
  const std::string_view text(config, size);
  if (text == R"({"act":"throw in create"})") throw std::runtime_error("not caught");
  if (text == R"({"act":"fail silently"})") return KST_FATAL;
  if (text == R"({"act":"refuse"})") {
    host->fail(context, "no such table", 13);
    return KST_FATAL;
  }
  *instance = &acts[text == R"({"act":"blame"})" ? 1 : text == R"({"act":"unknown status"})" ? 2 : 0];
  return KST_OK;
}

kst_status process(void* instance, const kst_record*, size_t count, size_t* done) {
  switch (*static_cast<Act*>(instance)) {
    case Act::throws:
      throw std::runtime_error("not caught");
    case Act::blames:
      *done = count + 5;
      return KST_RECORD_ERROR;
    default:
      return 42;
  }
}

const kst_processor_type type = {sizeof(kst_processor_type),
                                 "misbehaves",
                                 "breaks the rules",
                                 nullptr,
                                 nullptr,
                                 nullptr,
                                 0,
                                 1,
                                 0,
                                 0,
                                 nullptr,
                                 create,
                                 nullptr,
                                 process,
                                 nullptr,
                                 sound_close};
const kst_processor_type* const types[] = {&type, nullptr};
const kst_plugin plugin = SOUND_PLUGIN(types);

}  // namespace

extern "C" KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host*) { return &plugin; }

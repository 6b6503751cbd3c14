// Built-in processors in an sdk::testing::Task, which knows nothing of the extensions that are theirs alone.
#pragma once
#include <cstring>
#include <deque>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "kstreamd/sdk/progress.h"
#include "kstreamd/sdk/store_bytes.h"
#include "kstreamd/sdk/testing.h"
#include "plugins/builtin/builtin.h"

namespace kstreamd::testing {

// One processor type for the tasks of a test. Progress is kept from task to task, as if it were committed at once; keys
// are strings, values 64-bit integers. One at a time.
class InternalHost {
 public:
  explicit InternalHost(std::string_view type) {
    for (auto at = builtin_plugin()->processors; *at; ++at)
      if ((*at)->name == type) original_ = *at;
    if (!original_) throw std::invalid_argument("no built-in processor is called " + std::string(type));
    type_ = *original_;
    type_.create = &InternalHost::create;
    current_ = this;
  }
  ~InternalHost() { current_ = nullptr; }
  InternalHost(const InternalHost&) = delete;
  InternalHost& operator=(const InternalHost&) = delete;

  const kst_processor_type* type() const { return &type_; }
  std::map<std::string, int64_t> progress;

 private:
  static kst_status create(const kst_host* host, kst_context* context, const char* config, size_t size,
                           void** instance) {
    current_->plain_ = *host;
    current_->host_ = *host;
    current_->host_.extension = &InternalHost::extension;
    return current_->original_->create(&current_->host_, context, config, size, instance);
  }

  int64_t* find(const std::string& name) { return &progress.try_emplace(name, -1).first->second; }

  static const void* extension(const char* id, uint32_t revision) {
    static const ProgressExtension progress = {
        sizeof(ProgressExtension),
        [](kst_context*, const char* name, size_t n) {
          return current_->find({name, n});
        },
        [](kst_context*, uint32_t store) { return current_->find("store " + std::to_string(store)); }};
    static const StoreBytesExtension bytes = {sizeof(StoreBytesExtension), &InternalHost::write, &InternalHost::read};
    const std::string_view asked = id;
    if (asked == ProgressExtension::kId) return &progress;
    if (asked == StoreBytesExtension::kId) return &bytes;
    return current_->plain_.extension(id, revision);
  }

  static kst_status write(kst_context*, uint32_t, uint32_t part, const kst_value* value, const char** bytes,
                          size_t* size) {
    auto& text = current_->memory_.emplace_back();
    if (part == StoreBytesExtension::key)
      text = data_of(*value);
    else
      text.assign(reinterpret_cast<const char*>(&value->u.integer), sizeof value->u.integer);
    *bytes = text.data();
    *size = text.size();
    return KST_OK;
  }
  static kst_status read(kst_context*, uint32_t, uint32_t part, const char* bytes, size_t size, kst_value* value) {
    int64_t number = 0;
    if (part == StoreBytesExtension::value) std::memcpy(&number, bytes, sizeof number);
    *value = part == StoreBytesExtension::key ? string_value({bytes, size}) : int64_value(number);
    return KST_OK;
  }

  static inline InternalHost* current_ = nullptr;
  const kst_processor_type* original_ = nullptr;
  kst_processor_type type_{};
  kst_host plain_{}, host_{};
  std::deque<std::string> memory_;
};

}  // namespace kstreamd::testing

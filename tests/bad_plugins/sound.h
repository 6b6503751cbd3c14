/* A plugin with nothing wrong: each file here spoils one thing of it. */
#ifndef KSTREAMD_TESTS_BAD_PLUGINS_SOUND_H
#define KSTREAMD_TESTS_BAD_PLUGINS_SOUND_H

#include <kstreamd/abi/plugin.h>

static kst_status sound_create(const kst_host* host, kst_context* context, const char* config, size_t config_size,
                               void** instance) {
  (void)host, (void)context, (void)config, (void)config_size;
  *instance = NULL;
  return KST_OK;
}
static kst_status sound_process(void* instance, const kst_record* records, size_t count, size_t* done) {
  (void)instance, (void)records, (void)count, (void)done;
  return KST_OK;
}
static void sound_close(void* instance) { (void)instance; }

#define SOUND_TYPE(type_name)                                                                                      \
  {                                                                                                                \
    sizeof(kst_processor_type), type_name, "does nothing", NULL, NULL, NULL, 0, 1, 0, 0, NULL, sound_create, NULL, \
        sound_process, NULL, sound_close                                                                           \
  }
#define SOUND_PLUGIN(types) \
  { KST_PLUGIN_MAGIC, KST_ABI_MAJOR, KST_ABI_MINOR, sizeof(kst_plugin), "bad", "1.0.0", types, NULL }

static kst_status sound_read(const void* bytes, size_t size, const kst_memory* memory, kst_value* value) {
  (void)memory;
  value->type = KST_BYTES;
  value->size = (uint32_t)size;
  value->u.data = (const char*)bytes;
  return KST_OK;
}
static kst_status sound_write(const kst_value* value, const kst_memory* memory, const void** bytes, size_t* size) {
  (void)memory;
  *bytes = value->u.data;
  *size = value->size;
  return KST_OK;
}
#define SOUND_SERDE(serde_name) \
  { sizeof(kst_serde_type), serde_name, "bytes as they are", sound_read, sound_write }
#define SOUND_SERDES(serdes) \
  { KST_PLUGIN_MAGIC, KST_ABI_MAJOR, KST_ABI_MINOR, sizeof(kst_plugin), "bad", "1.0.0", NULL, serdes }

#endif

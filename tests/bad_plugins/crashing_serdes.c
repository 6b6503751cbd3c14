/* Serdes of text that crash on "crash": one when it reads it, one when it writes it. */
#include <string.h>

#include "sound.h"

static int* volatile nowhere;

static void crash_on(const void* bytes, size_t size) {
  if (size == 5 && memcmp(bytes, "crash", 5) == 0) *nowhere = 1;
}

static kst_status read_text(const void* bytes, size_t size, const kst_memory* memory, kst_value* value) {
  const kst_status status = sound_read(bytes, size, memory, value);
  value->type = KST_STRING;
  return status;
}
static kst_status crash_reading(const void* bytes, size_t size, const kst_memory* memory, kst_value* value) {
  crash_on(bytes, size);
  return read_text(bytes, size, memory, value);
}
static kst_status crash_writing(const kst_value* value, const kst_memory* memory, const void** bytes, size_t* size) {
  crash_on(value->u.data, value->size);
  return sound_write(value, memory, bytes, size);
}

static const kst_serde_type reading = {sizeof(kst_serde_type), "crashes_reading", "text", crash_reading, sound_write};
static const kst_serde_type writing = {sizeof(kst_serde_type), "crashes_writing", "text", read_text, crash_writing};
static const kst_serde_type* const serdes[] = {&reading, &writing, NULL};
static const kst_plugin plugin = SOUND_SERDES(serdes);

KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host);
KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host) {
  (void)host;
  return &plugin;
}

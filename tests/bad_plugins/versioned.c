#include <stdlib.h>
#include <string.h>

#include "instance.h"

/* Exported, as no plugin needs to: two plugins that have the same name for something are two things all the same. */
__attribute__((visibility("default"))) int shared_name = VERSION;
__attribute__((visibility("default"))) int shared_function(void);
__attribute__((visibility("default"))) int shared_function(void) { return shared_name; }

static kst_status process(void* instance, const kst_record* records, size_t count, size_t* done) {
  instance_t* self = instance;
  for (*done = 0; *done < count; ++*done) {
    kst_record out = records[*done];
    char* text = self->host->scratch(self->context, out.value.size + 2);
    memcpy(text, out.value.u.data, out.value.size);
    text[out.value.size] = (char)('0' + shared_function());
    out.value.u.data = text;
    out.value.size += 1;
    const kst_status status = self->host->forward(self->context, 0, &out, 1);
    if (status != KST_OK) return status;
  }
  return KST_OK;
}

static const kst_processor_type type = {
    .struct_size = sizeof(kst_processor_type),
    .name = "versioned",
    .description = "adds the number of its version to each value",
    .deterministic = 1,
    .create = create,
    .process = process,
    .close = free,
};
static const kst_processor_type* const types[] = {&type, NULL};
static const kst_plugin plugin = {KST_PLUGIN_MAGIC,
                                  KST_ABI_MAJOR,
                                  KST_ABI_MINOR,
                                  sizeof(kst_plugin),
                                  "versioned",
                                  VERSION == 1 ? "1.0.0" : "2.0.0",
                                  types,
                                  NULL};

KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host);
KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host) {
  (void)host;
  return &plugin;
}

/* Hands on every batch as it came: what the boundary itself costs. */
#include <kstreamd/abi/plugin.h>
#include <stdlib.h>

typedef struct {
  const kst_host* host;
  kst_context* context;
} pass;

static kst_status create(const kst_host* host, kst_context* context, const char* config, size_t size, void** instance) {
  pass* self = malloc(sizeof *self);
  (void)config, (void)size;
  if (!self) return KST_FATAL;
  self->host = host;
  self->context = context;
  *instance = self;
  return KST_OK;
}

static kst_status process(void* instance, const kst_record* records, size_t count, size_t* done) {
  const pass* self = instance;
  (void)done;
  return self->host->forward(self->context, 0, records, count);
}

static const kst_processor_type type = {.struct_size = sizeof(kst_processor_type),
                                        .name = "pass_batches",
                                        .description = "hands on batches",
                                        .deterministic = 1,
                                        .create = create,
                                        .process = process,
                                        .close = free};
static const kst_processor_type* const types[] = {&type, NULL};
static const kst_plugin plugin = {KST_PLUGIN_MAGIC, KST_ABI_MAJOR, KST_ABI_MINOR, sizeof(kst_plugin),
                                  "pass_batches",   "1.0.0",       types,         NULL};

KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host);
KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host) {
  (void)host;
  return &plugin;
}

#include <kstreamd/abi/async.h>
#include <stdlib.h>

#include "instance.h"

static kst_status process(void* instance, const kst_record* records, size_t count, size_t* done) {
  (void)done;
  instance_t* self = instance;
  const kst_async_extension* async = self->host->extension(KST_ASYNC_EXTENSION, KST_ASYNC_REVISION);
  for (size_t i = 0; i < count; ++i) {
    kst_token token;
    const kst_record* held;
    const kst_status status = async->hold(self->context, &records[i], &token, &held);
    if (status != KST_OK) return status;
    async->complete(token, NULL, held, 1);
    async->complete(token, NULL, &records[i], 1);
  }
  return KST_OK;
}

static const kst_processor_type type = {
    .struct_size = sizeof(kst_processor_type),
    .name = "completes_twice",
    .description = "finishes each record twice",
    .deterministic = 1,
    .max_in_flight = 10,
    .create = create,
    .process = process,
    .close = free,
};
static const kst_processor_type* const types[] = {&type, NULL};
static const kst_plugin plugin = SOUND_PLUGIN(types);

KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host);
KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host) {
  (void)host;
  return &plugin;
}

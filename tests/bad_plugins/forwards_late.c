#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sound.h"

/* What an instance has; calloc'd in create. */
typedef struct {
  const kst_host* host;
  kst_context* context;
  int from_thread, from_close, afterwards; /* where it forwards, as its config says */
} instance_t;

static kst_status create(const kst_host* host, kst_context* context, const char* config, size_t config_size,
                         void** instance) {
  instance_t* made = calloc(1, sizeof *made);
  if (!made) return KST_FATAL;
  made->host = host;
  made->context = context;
  made->from_thread = memmem(config, config_size, "thread", 6) != NULL;
  made->from_close = memmem(config, config_size, "close", 5) != NULL;
  made->afterwards = memmem(config, config_size, "afterwards", 10) != NULL;
  *instance = made;
  return KST_OK;
}

static instance_t closed; /* what the last instance knew */

static void* forward_one(void* instance) {
  const instance_t* self = instance;
  const kst_record record = {.timestamp = 1};
  return self->host->forward(self->context, 0, &record, 1) == KST_FATAL ? NULL : instance;
}

static kst_status init(void* instance) {
  const instance_t* self = instance;
  if (self->afterwards && closed.context) forward_one(&closed);
  return KST_OK;
}

static kst_status process(void* instance, const kst_record* records, size_t count, size_t* done) {
  (void)done;
  instance_t* self = instance;
  if (!self->from_thread) return self->host->forward(self->context, 0, records, count);
  pthread_t thread;
  void* forwarded = instance;
  if (pthread_create(&thread, NULL, forward_one, instance) == 0) pthread_join(thread, &forwarded);
  return forwarded ? KST_FATAL : KST_OK;
}

static void close_instance(void* instance) {
  instance_t* self = instance;
  if (self->from_close) forward_one(self);
  closed = *self;
  free(instance);
}

static const kst_processor_type type = {
    .struct_size = sizeof(kst_processor_type),
    .name = "forwards_late",
    .description = "calls forward where it may not: from a thread, in close, and after close",
    .deterministic = 1,
    .create = create,
    .init = init,
    .process = process,
    .close = close_instance,
};
static const kst_processor_type* const types[] = {&type, NULL};
static const kst_plugin plugin = SOUND_PLUGIN(types);

KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host);
KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host) {
  (void)host;
  return &plugin;
}

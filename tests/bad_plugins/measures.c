#define _GNU_SOURCE
#include <kstreamd/abi/metrics.h>
#include <stdlib.h>
#include <string.h>

#include "sound.h"

/* What an instance has; calloc'd in create. */
typedef struct {
  const kst_host* host;
  kst_context* context;
  const kst_metrics_extension* metrics;
  kst_metric *counter, *gauge, *histogram;
} instance_t;

static int contains(const char* text, size_t size, const char* word) {
  return memmem(text, size, word, strlen(word)) != NULL;
}

static kst_status create(const kst_host* host, kst_context* context, const char* config, size_t config_size,
                         void** instance) {
  instance_t* made = calloc(1, sizeof *made);
  if (!made) return KST_FATAL;
  const kst_metrics_extension* metrics = host->extension(KST_METRICS_EXTENSION, KST_METRICS_REVISION);
  kst_metric *counter, *gauge, *histogram, *other;
  kst_status status = metrics->make(context, KST_COUNTER, "records_seen", "Records that it saw.", &counter);
  if (status == KST_OK) status = metrics->make(context, KST_GAUGE, "last_size", "Of a batch.", &gauge);
  if (status == KST_OK) status = metrics->make(context, KST_HISTOGRAM, "batch_seconds", "Of a batch.", &histogram);
  if (status == KST_OK && contains(config, config_size, "clash"))
    status = metrics->make(context, KST_GAUGE, "records_seen", "", &other);
  if (status == KST_OK && contains(config, config_size, "name"))
    status = metrics->make(context, KST_GAUGE, "Last Size", "", &other);
  if (status == KST_OK && contains(config, config_size, "own"))
    status = metrics->make(context, KST_COUNTER, "errors", "", &other);
  if (status == KST_OK && contains(config, config_size, "kind")) status = metrics->make(context, 7, "x", "", &other);
  if (status != KST_OK) {
    free(made);
    return status;
  }
  made->metrics = metrics;
  made->counter = counter;
  made->gauge = gauge;
  made->histogram = histogram;
  made->host = host;
  made->context = context;
  *instance = made;
  return KST_OK;
}

static kst_status process(void* instance, const kst_record* records, size_t count, size_t* done) {
  (void)done;
  instance_t* self = instance;
  self->metrics->record(self->counter, (double)count);
  self->metrics->record(self->gauge, (double)count);
  self->metrics->record(self->histogram, 0.02);
  return self->host->forward(self->context, 0, records, count);
}

static const kst_processor_type type = {
    .struct_size = sizeof(kst_processor_type),
    .name = "measures",
    .description = "counts its records, and makes metrics as its config says",
    .deterministic = 1,
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

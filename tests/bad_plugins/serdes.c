/* Serdes that are as they should be, in a plugin without processors: `celsius`, a decimal number as text, and `point`,
 * two numbers in four bytes each, which it gives as an object. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sound.h"

static kst_status refuse(const kst_memory* memory, const char* message) {
  memory->fail(memory, message, strlen(message));
  return KST_RECORD_ERROR;
}

static kst_status read_celsius(const void* bytes, size_t size, const kst_memory* memory, kst_value* value) {
  char text[32], *end;
  if (size >= sizeof text) return refuse(memory, "it is too long for a temperature");
  memcpy(text, bytes, size);
  text[size] = '\0';
  value->u.real = strtod(text, &end);
  if (end == text || *end != '\0') return refuse(memory, "it is no temperature");
  value->type = KST_FLOAT64;
  return KST_OK;
}

static kst_status write_celsius(const kst_value* value, const kst_memory* memory, const void** bytes, size_t* size) {
  double degrees;
  if (value->type == KST_FLOAT64)
    degrees = value->u.real;
  else if (value->type == KST_INT64 || value->type == KST_INT32)
    degrees = (double)value->u.integer;
  else
    return refuse(memory, "celsius takes a number");
  char* text = memory->allocate(memory, 32);
  *size = (size_t)snprintf(text, 32, "%.1f", degrees);
  *bytes = text;
  return KST_OK;
}

typedef struct {
  kst_object object;
  atomic_int owners;
  int32_t x, y;
} point;

static kst_status point_to_json(const kst_object* object, const kst_memory* memory, const char** text, size_t* size) {
  const point* self = (const point*)object;
  char* json = memory->allocate(memory, 64);
  *size = (size_t)snprintf(json, 64, "{\"x\":%d,\"y\":%d}", self->x, self->y);
  *text = json;
  return KST_OK;
}
static void point_retain(const kst_object* object) { atomic_fetch_add(&((point*)object)->owners, 1); }
static void point_release(const kst_object* object) {
  if (atomic_fetch_sub(&((point*)object)->owners, 1) == 1) free((point*)object);
}
static const kst_object_type point_type = {
    sizeof(kst_object_type), "point/1", point_to_json, NULL, point_retain, point_release};

static int32_t number_at(const unsigned char* at) {
  return (int32_t)((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3]);
}
static void put_number(unsigned char* at, int32_t number) {
  for (int i = 0; i < 4; ++i) at[i] = (unsigned char)((uint32_t)number >> (24 - 8 * i));
}

static kst_status read_point(const void* bytes, size_t size, const kst_memory* memory, kst_value* value) {
  if (size != 8) return refuse(memory, "a point has 8 bytes");
  point* made = malloc(sizeof *made);
  if (!made) return refuse(memory, "there is no memory");
  made->object.type = &point_type;
  atomic_init(&made->owners, 1);
  made->x = number_at(bytes);
  made->y = number_at((const unsigned char*)bytes + 4);
  value->type = KST_OBJECT;
  value->u.object = &made->object;
  return KST_OK;
}

static kst_status write_point(const kst_value* value, const kst_memory* memory, const void** bytes, size_t* size) {
  int32_t x, y;
  if (value->type == KST_OBJECT && strcmp(value->u.object->type->id, point_type.id) == 0) {
    x = ((const point*)value->u.object)->x;
    y = ((const point*)value->u.object)->y;
  } else if (value->type == KST_JSON) {
    char text[64];
    if (value->size >= sizeof text) return refuse(memory, "it is too long for a point");
    memcpy(text, value->u.data, value->size);
    text[value->size] = '\0';
    if (sscanf(text, " { \"x\" : %d , \"y\" : %d }", &x, &y) != 2)
      return refuse(memory, "a point is written {\"x\": NUMBER, \"y\": NUMBER}");
  } else {
    return refuse(memory, "point takes a point, or JSON that says one");
  }
  unsigned char* out = memory->allocate(memory, 8);
  put_number(out, x);
  put_number(out + 4, y);
  *bytes = out;
  *size = 8;
  return KST_OK;
}

static const kst_serde_type celsius = {sizeof(kst_serde_type), "celsius", "a temperature as text", read_celsius,
                                       write_celsius};
static const kst_serde_type points = {sizeof(kst_serde_type), "point", "x and y in four bytes each", read_point,
                                      write_point};
static const kst_serde_type* const serdes[] = {&celsius, &points, NULL};
static const kst_plugin plugin = {KST_PLUGIN_MAGIC, KST_ABI_MAJOR, KST_ABI_MINOR, sizeof(kst_plugin),
                                  "weather",        "1.0.0",       NULL,          serdes};

KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host);
KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host* host) {
  (void)host;
  return &plugin;
}

/* Files for the tests, made byte by byte. */
#ifndef FILES_H
#define FILES_H

#include "check.h"

typedef struct {
  unsigned char bytes[4096];
  size_t size;
} buffer;

static inline void put(buffer* to, const void* data, size_t size) {
  CHECK(to->size + size <= sizeof(to->bytes));
  memcpy(to->bytes + to->size, data, size);
  to->size += size;
}

static inline void put_text(buffer* to, const char* text) {
  put(to, text, strlen(text));
}

static inline void put_u32(buffer* to, uint32_t value) {
  put(to, &value, sizeof(value));
}

static inline void put_u64(buffer* to, uint64_t value) {
  put(to, &value, sizeof(value));
}

static inline void put_zeros(buffer* to, size_t count) {
  while (count-- > 0) {
    put(to, "", 1);
  }
}

static inline void write_file(const char* name, const void* data, size_t size) {
  FILE* file = fopen(name, "wb");
  CHECK(file);
  CHECK(fwrite(data, 1, size, file) == size);
  CHECK(fclose(file) == 0);
}

static inline size_t read_file(const char* name, void* data, size_t size) {
  FILE* file = fopen(name, "rb");
  if (!file) {
    return 0;
  }
  size_t count = fread(data, 1, size, file);
  fclose(file);
  return count;
}

#endif

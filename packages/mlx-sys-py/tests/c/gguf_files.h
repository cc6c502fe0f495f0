/* GGUF files for the tests, made byte by byte. */
#ifndef GGUF_FILES_H
#define GGUF_FILES_H

#include "files.h"

enum { F32_TENSOR = 0, Q4_1_TENSOR = 3, Q4_2_TENSOR = 4, Q5_0_TENSOR = 6, Q4_K_TENSOR = 12 };
enum { BF16_TENSOR = 30, Q2_0_TENSOR = 42 };

static inline buffer new_file(uint32_t version, uint64_t tensors, uint64_t entries) {
  buffer file = {.size = 0};
  put_text(&file, "GGUF");
  put_u32(&file, version);
  put_u64(&file, tensors);
  put_u64(&file, entries);
  return file;
}

static inline void put_string(buffer* to, const char* text) {
  put_u64(to, strlen(text));
  put_text(to, text);
}

static inline void put_tensor(
    buffer* to,
    const char* name,
    uint32_t ndim,
    const uint64_t* dims,
    uint32_t type,
    uint64_t offset) {
  put_string(to, name);
  put_u32(to, ndim);
  for (uint32_t i = 0; i < ndim; ++i) {
    put_u64(to, dims[i]);
  }
  put_u32(to, type);
  put_u64(to, offset);
}

/* Pads to the data, which is 256 bytes. */
static inline void end_file(buffer* to) {
  put_zeros(to, -to->size % 32);
  put_zeros(to, 256);
}

#endif

/* What GGUF files say before their data: metadata, and which tensors they hold and where.
 *
 * The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
#ifndef MLX_C_GGUF_H
#define MLX_C_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlx/c/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A type of tensors: `block_nbytes` bytes for each `block_size` items of a row. `loadable` is
 * whether `mlx_load_gguf` takes it; `packed`, whether it makes weights, scales and biases of it. */
typedef struct mlx_gguf_type_ {
  uint32_t id;
  const char* name;
  uint32_t block_size;
  uint32_t block_nbytes;
  bool loadable;
  bool packed;
} mlx_gguf_type;

/* All types that the format has. */
MLX_C_API int mlx_gguf_get_types(const mlx_gguf_type** res, size_t* num);

/* What becomes of quantized tensors. Those of type Q4_0, Q4_1 and Q8_0 are affine weights in groups
 * of 32, as MLX makes them: the packed weights beside scales and biases in float16. Blocks are
 * bytes, as many in a row as its blocks have. */
typedef enum mlx_gguf_form_ MLX_C_ENUM {
  MLX_GGUF_AFFINE, /* affine weights, and float32 for other types */
  MLX_GGUF_PACKED, /* affine weights, and blocks for other types */
  MLX_GGUF_BLOCKS, /* blocks */
  MLX_GGUF_FLOAT,  /* float32 */
} mlx_gguf_form;

/* The types of metadata, in the order of their numbers in files. */
typedef enum mlx_gguf_value_type_ MLX_C_ENUM {
  MLX_GGUF_UINT8,
  MLX_GGUF_INT8,
  MLX_GGUF_UINT16,
  MLX_GGUF_INT16,
  MLX_GGUF_UINT32,
  MLX_GGUF_INT32,
  MLX_GGUF_FLOAT32,
  MLX_GGUF_BOOL,
  MLX_GGUF_STRING,
  MLX_GGUF_ARRAY,
  MLX_GGUF_UINT64,
  MLX_GGUF_INT64,
  MLX_GGUF_FLOAT64,
} mlx_gguf_value_type;

/* A string of the metadata, which may hold null characters and what is no UTF-8. A null character
 * follows its `size` bytes. */
typedef struct mlx_gguf_string_ {
  const char* data;
  size_t size;
} mlx_gguf_string;

/* A key and its value: one item, or an array of any number. `type` is that of the items, and never
 * MLX_GGUF_ARRAY; `data` points to them, of type uint8_t, ..., mlx_gguf_string, ... */
typedef struct mlx_gguf_entry_ {
  const char* key;
  mlx_gguf_value_type type;
  bool is_array;
  size_t size;
  const void* data;
} mlx_gguf_entry;

/* A tensor, the slowest dimension first; `offset` is where its data begins in the file. */
typedef struct mlx_gguf_tensor_ {
  const char* name;
  const mlx_gguf_type* type;
  const int* shape;
  size_t ndim;
  uint64_t offset;
  uint64_t nbytes;
} mlx_gguf_tensor;

/* All of a header. What it gives is borrowed: valid until the header is freed. */
typedef struct mlx_gguf_header_ {
  void* ctx;
} mlx_gguf_header;

/* Reads all of a file but its data. A file that does not hold what its header says, or a header
 * larger than 256 MiB, is an MLX_ERROR_IO. */
MLX_C_API mlx_gguf_header mlx_gguf_header_new(const char* file);
MLX_C_API int mlx_gguf_header_free(mlx_gguf_header header);
MLX_C_API int mlx_gguf_header_get_file(const char** res, const mlx_gguf_header header);
MLX_C_API int mlx_gguf_header_get_version(uint32_t* res, const mlx_gguf_header header);
MLX_C_API int mlx_gguf_header_get_alignment(uint32_t* res, const mlx_gguf_header header);

/* Where the data of all tensors begins in the file. */
MLX_C_API int mlx_gguf_header_get_data_offset(uint64_t* res, const mlx_gguf_header header);

/* Entries and tensors are in the order of the file; one that is not there is an
 * MLX_ERROR_OUT_OF_RANGE. */
MLX_C_API int mlx_gguf_header_get_entry_count(size_t* res, const mlx_gguf_header header);
MLX_C_API int mlx_gguf_header_get_entry(
    mlx_gguf_entry* res, const mlx_gguf_header header, size_t index);
MLX_C_API int mlx_gguf_header_find_entry(
    mlx_gguf_entry* res, const mlx_gguf_header header, const char* key);
MLX_C_API int mlx_gguf_header_get_tensor_count(size_t* res, const mlx_gguf_header header);
MLX_C_API int mlx_gguf_header_get_tensor(
    mlx_gguf_tensor* res, const mlx_gguf_header header, size_t index);
MLX_C_API int mlx_gguf_header_find_tensor(
    mlx_gguf_tensor* res, const mlx_gguf_header header, const char* name);

#ifdef __cplusplus
}
#endif

#endif

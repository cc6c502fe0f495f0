/* Arrays: construction, description, evaluation, access to the data. */
#ifndef MLX_C_ARRAY_H
#define MLX_C_ARRAY_H

#include <float.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "mlx/c/api.h"
#include "mlx/c/half.h"
#include "mlx/c/string.h"

/* In C++ it would define I, a name of many templates. */
#ifndef __cplusplus
#include <complex.h>
#endif

#if defined(_MSC_VER)
#include <complex.h>
typedef _Fcomplex mlx_complex64_t;
#else
typedef float _Complex mlx_complex64_t;
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mlx_dtype_ MLX_C_ENUM {
  MLX_BOOL,
  MLX_UINT8,
  MLX_UINT16,
  MLX_UINT32,
  MLX_UINT64,
  MLX_INT8,
  MLX_INT16,
  MLX_INT32,
  MLX_INT64,
  MLX_FLOAT16,
  MLX_FLOAT32,
  MLX_FLOAT64,
  MLX_BFLOAT16,
  MLX_COMPLEX64,
} mlx_dtype;

typedef struct mlx_array_ {
  void* ctx;
} mlx_array;

MLX_C_API size_t mlx_dtype_size(mlx_dtype dtype);

/* Evaluates the array and writes it as text. */
MLX_C_API int mlx_array_tostring(mlx_string* str, const mlx_array arr);

MLX_C_API mlx_array mlx_array_new(void);
MLX_C_API int mlx_array_free(mlx_array arr);
MLX_C_API mlx_array mlx_array_new_bool(bool val);
MLX_C_API mlx_array mlx_array_new_int(int val);
MLX_C_API mlx_array mlx_array_new_float32(float val);
MLX_C_API mlx_array mlx_array_new_float(float val);
MLX_C_API mlx_array mlx_array_new_float64(double val);
MLX_C_API mlx_array mlx_array_new_double(double val);
MLX_C_API mlx_array mlx_array_new_complex(float real_val, float imag_val);

/* Copies `data`, in row-major order. */
MLX_C_API mlx_array
mlx_array_new_data(const void* data, const int* shape, int dim, mlx_dtype dtype);

/* Uses `data` without a copy where the backend can, and calls `dtor(data)` (or `dtor(payload)`)
 * once it is no longer needed, in whichever thread drops it last; after a copy that is at once.
 * On error `dtor` is not called. */
MLX_C_API mlx_array mlx_array_new_data_managed(
    void* data, const int* shape, int dim, mlx_dtype dtype, void (*dtor)(void*));
MLX_C_API mlx_array mlx_array_new_data_managed_payload(
    void* data, const int* shape, int dim, mlx_dtype dtype, void* payload, void (*dtor)(void*));

MLX_C_API int mlx_array_set(mlx_array* arr, const mlx_array src);
MLX_C_API int mlx_array_set_bool(mlx_array* arr, bool val);
MLX_C_API int mlx_array_set_int(mlx_array* arr, int val);
MLX_C_API int mlx_array_set_float32(mlx_array* arr, float val);
MLX_C_API int mlx_array_set_float(mlx_array* arr, float val);
MLX_C_API int mlx_array_set_float64(mlx_array* arr, double val);
MLX_C_API int mlx_array_set_double(mlx_array* arr, double val);
MLX_C_API int mlx_array_set_complex(mlx_array* arr, float real_val, float imag_val);
MLX_C_API int mlx_array_set_data(
    mlx_array* arr, const void* data, const int* shape, int dim, mlx_dtype dtype);

/* Shape and strides are borrowed: valid until the array is set or freed. */
MLX_C_API size_t mlx_array_itemsize(const mlx_array arr);
MLX_C_API size_t mlx_array_size(const mlx_array arr);
MLX_C_API size_t mlx_array_nbytes(const mlx_array arr);
MLX_C_API size_t mlx_array_ndim(const mlx_array arr);
MLX_C_API const int* mlx_array_shape(const mlx_array arr);
MLX_C_API const size_t* mlx_array_strides(const mlx_array arr);
MLX_C_API int mlx_array_dim(const mlx_array arr, int dim);
MLX_C_API mlx_dtype mlx_array_dtype(const mlx_array arr);

MLX_C_API int mlx_array_eval(mlx_array arr);

/* The value of an array of size one, evaluated if need be. The function's type is the array's, or
 * an unsigned type no wider than an item, which reads its bits. */
MLX_C_API int mlx_array_item_bool(bool* res, const mlx_array arr);
MLX_C_API int mlx_array_item_uint8(uint8_t* res, const mlx_array arr);
MLX_C_API int mlx_array_item_uint16(uint16_t* res, const mlx_array arr);
MLX_C_API int mlx_array_item_uint32(uint32_t* res, const mlx_array arr);
MLX_C_API int mlx_array_item_uint64(uint64_t* res, const mlx_array arr);
MLX_C_API int mlx_array_item_int8(int8_t* res, const mlx_array arr);
MLX_C_API int mlx_array_item_int16(int16_t* res, const mlx_array arr);
MLX_C_API int mlx_array_item_int32(int32_t* res, const mlx_array arr);
MLX_C_API int mlx_array_item_int64(int64_t* res, const mlx_array arr);
MLX_C_API int mlx_array_item_float32(float* res, const mlx_array arr);
MLX_C_API int mlx_array_item_float64(double* res, const mlx_array arr);
MLX_C_API int mlx_array_item_complex64(mlx_complex64_t* res, const mlx_array arr);
MLX_C_API int mlx_array_item_float16(float16_t* res, const mlx_array arr);
MLX_C_API int mlx_array_item_bfloat16(bfloat16_t* res, const mlx_array arr);

/* The first item of an evaluated array, borrowed; NULL and an error before evaluation. Types as
 * for the items above. Mind the strides. */
MLX_C_API const bool* mlx_array_data_bool(const mlx_array arr);
MLX_C_API const uint8_t* mlx_array_data_uint8(const mlx_array arr);
MLX_C_API const uint16_t* mlx_array_data_uint16(const mlx_array arr);
MLX_C_API const uint32_t* mlx_array_data_uint32(const mlx_array arr);
MLX_C_API const uint64_t* mlx_array_data_uint64(const mlx_array arr);
MLX_C_API const int8_t* mlx_array_data_int8(const mlx_array arr);
MLX_C_API const int16_t* mlx_array_data_int16(const mlx_array arr);
MLX_C_API const int32_t* mlx_array_data_int32(const mlx_array arr);
MLX_C_API const int64_t* mlx_array_data_int64(const mlx_array arr);
MLX_C_API const float* mlx_array_data_float32(const mlx_array arr);
MLX_C_API const double* mlx_array_data_float64(const mlx_array arr);
MLX_C_API const mlx_complex64_t* mlx_array_data_complex64(const mlx_array arr);
MLX_C_API const float16_t* mlx_array_data_float16(const mlx_array arr);
MLX_C_API const bfloat16_t* mlx_array_data_bfloat16(const mlx_array arr);

/* Whether the values are known to be there. Never waits and takes no lock: what has become
 * available unnoticed is not known yet. */
MLX_C_API bool mlx_array_is_evaluated(const mlx_array arr);

/* Whether a transformation is recording what is done with the array. */
MLX_C_API bool mlx_array_is_traced(const mlx_array arr);

/* Whether the array can be read without waiting, and the wait until it can. */
MLX_C_API int _mlx_array_is_available(bool* res, const mlx_array arr);
MLX_C_API int _mlx_array_wait(const mlx_array arr);

/* How the items of an evaluated array lie in memory. */
MLX_C_API int _mlx_array_is_contiguous(bool* res, const mlx_array arr);
MLX_C_API int _mlx_array_is_row_contiguous(bool* res, const mlx_array arr);
MLX_C_API int _mlx_array_is_col_contiguous(bool* res, const mlx_array arr);

#ifdef __cplusplus
}
#endif

#endif

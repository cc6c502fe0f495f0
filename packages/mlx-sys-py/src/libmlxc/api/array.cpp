#include "mlx/c/array.h"

#include <complex>
#include <cstring>
#include <limits>
#include <mutex>
#include <sstream>
#include <type_traits>

#include "core/convert.hpp"
#include "core/guard.hpp"
#include "core/node_pool.hpp"
#include "core/payload.hpp"
#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/mapped_memory.hpp"
#include "runtime/device_graphs.hpp"
#include "runtime/evaluate.hpp"

using namespace mlx_c;
namespace mx = mlx::core;

namespace {

std::complex<float> to_complex(float real, float imag) {
  return {real, imag};
}

template <class T>
mlx_array new_scalar(T value, mx::Dtype dtype) {
  return guard_or(mlx_array{}, [&] { return make<mlx_array>(mx::array(value, dtype)); });
}

template <class T>
int set_scalar(mlx_array* arr, T value, mx::Dtype dtype) {
  return guard([&] { set(arr, mx::array(value, dtype)); });
}

// The shape of an array over `data`; throws if its size in bytes overflows.
mx::Shape checked_shape(const void* data, const int* shape, int dim, mx::Dtype dtype) {
  if (dim < 0) {
    throw std::invalid_argument("dim is negative: " + std::to_string(dim));
  }
  size_t nbytes = dtype.size();
  auto result = to_shape(shape, dim);
  for (auto extent : result) {
    if (extent < 0) {
      throw std::invalid_argument("shape has a negative extent: " + std::to_string(extent));
    }
    if (__builtin_mul_overflow(nbytes, static_cast<size_t>(extent), &nbytes) ||
        nbytes > std::numeric_limits<ptrdiff_t>::max()) {
      throw std::invalid_argument("shape is larger than memory can be");
    }
  }
  if (nbytes > 0) {
    not_null(data, "data");
  }
  return result;
}

mx::array copy_of(const void* data, const int* shape, int dim, mlx_dtype dtype) {
  auto type = to_cpp(dtype);
  auto extents = checked_shape(data, shape, dim, type);
  size_t nbytes = type.size();
  for (auto extent : extents) {
    nbytes *= extent;
  }
  mx::array result(std::move(extents), type, nullptr, {});
  cpu::allocate_for(result);
  result.set_status(mx::array::Status::available);
  if (nbytes > 0) {
    std::memcpy(result.data<char>(), data, nbytes);
  }
  return result;
}

// Items are read in the array's own type, or their bits as an unsigned type that is no wider.
template <class T>
void check_type(const mx::array& array, mx::Dtype type) {
  bool bits = mx::issubdtype(type, mx::unsignedinteger) && sizeof(T) <= array.itemsize();
  if (array.dtype() != type && !bits) {
    std::ostringstream message;
    message << "arr has type " << array.dtype() << ", not " << type;
    throw std::invalid_argument(message.str());
  }
}

bool is_evaluated(const mx::array& array) {
  return array.status() == mx::array::Status::available && cpu::is_whole(array);
}

template <class T>
const T* data_of(const mx::array& array) {
  if (!has_devices()) {
    return array.data<T>();
  }
  // The first reader of what a GPU has computed moves it.
  static auto& moving = *new std::mutex;
  std::lock_guard lock(moving);
  return array.data<T>();
}

// A GPU may leave an empty array without a buffer. The address is never read then, but some callers
// take NULL for an error.
template <class T>
const T* items(const mx::array& array) {
  const T* data = array.data_shared_ptr() ? data_of<T>(array) : nullptr;
  if (data) {
    return data;
  }
  if (array.size() > 0) {
    throw std::runtime_error("arr has no data: its evaluation has failed");
  }
  alignas(64) static const char nothing[64] = {};
  return reinterpret_cast<const T*>(nothing);
}

template <class T>
int item(T* res, mlx_array arr, mx::Dtype type) {
  return guard([&] {
    auto& array = get(arr, "arr");
    check_type<T>(array, type);
    if (array.size() != 1) {
      throw std::invalid_argument(
          "arr has " + std::to_string(array.size()) + " items, where one is needed");
    }
    if (!is_evaluated(array)) {
      evaluate({array}, true);
    }
    *not_null(res, "res") = *items<T>(array);
  });
}

template <class T>
const T* data(mlx_array arr, mx::Dtype type) {
  return guard_or<const T*>(nullptr, [&] {
    auto& array = get(arr, "arr");
    check_type<T>(array, type);
    if (array.status() == mx::array::Status::unscheduled) {
      throw std::invalid_argument("arr has no data before it is evaluated");
    }
    return items<T>(array);
  });
}

// A property of an array; `R{}` on error.
template <class F, class R = std::invoke_result_t<F, const mx::array&>>
R describe(mlx_array arr, F f) {
  return guard_or(R{}, [&] { return f(get(arr, "arr")); });
}

template <class F>
int describe_evaluated(bool* res, mlx_array arr, F f) {
  return guard([&] {
    auto& array = get(arr, "arr");
    if (array.status() == mx::array::Status::unscheduled) {
      throw std::invalid_argument("arr has no layout before it is evaluated");
    }
    *not_null(res, "res") = f(array.flags());
  });
}

}  // namespace

size_t mlx_dtype_size(mlx_dtype dtype) {
  return guard_or<size_t>(0, [&] { return to_cpp(dtype).size(); });
}

int mlx_array_tostring(mlx_string* str, const mlx_array arr) {
  return guard([&] {
    auto& array = get(arr, "arr");
    evaluate({array}, true);
    std::ostringstream text;
    // The print options are global to the process.
    auto lock = lock_evaluation();
    text << array;
    set(str, text.str());
  });
}

mlx_array mlx_array_new(void) {
  return {};
}

int mlx_array_free(mlx_array arr) {
  return guard([&] { free_graph(static_cast<mx::array*>(arr.ctx)); });
}

mlx_array mlx_array_new_bool(bool val) {
  return new_scalar(val, mx::bool_);
}

mlx_array mlx_array_new_int(int val) {
  return new_scalar(val, mx::int32);
}

mlx_array mlx_array_new_float32(float val) {
  return new_scalar(val, mx::float32);
}

mlx_array mlx_array_new_float(float val) {
  return new_scalar(val, mx::float32);
}

mlx_array mlx_array_new_float64(double val) {
  return new_scalar(val, mx::float64);
}

mlx_array mlx_array_new_double(double val) {
  return new_scalar(val, mx::float64);
}

mlx_array mlx_array_new_complex(float real_val, float imag_val) {
  return new_scalar(to_complex(real_val, imag_val), mx::complex64);
}

mlx_array mlx_array_new_data(const void* data, const int* shape, int dim, mlx_dtype dtype) {
  return guard_or(mlx_array{}, [&] { return make<mlx_array>(copy_of(data, shape, dim, dtype)); });
}

mlx_array mlx_array_new_data_managed(
    void* data, const int* shape, int dim, mlx_dtype dtype, void (*dtor)(void*)) {
  return mlx_array_new_data_managed_payload(data, shape, dim, dtype, data, dtor);
}

mlx_array mlx_array_new_data_managed_payload(
    void* data, const int* shape, int dim, mlx_dtype dtype, void* payload, void (*dtor)(void*)) {
  return guard_or(mlx_array{}, [&] {
    auto type = to_cpp(dtype);
    auto extents = checked_shape(data, shape, dim, type);
    auto deleter = [payload, dtor](void*) {
      if (dtor) {
        free_in_turn(dtor, payload);
      }
    };
    return make<mlx_array>(mx::array(data, std::move(extents), type, deleter));
  });
}

int mlx_array_set(mlx_array* arr, const mlx_array src) {
  return guard([&] { set(arr, get(src, "src")); });
}

int mlx_array_set_bool(mlx_array* arr, bool val) {
  return set_scalar(arr, val, mx::bool_);
}

int mlx_array_set_int(mlx_array* arr, int val) {
  return set_scalar(arr, val, mx::int32);
}

int mlx_array_set_float32(mlx_array* arr, float val) {
  return set_scalar(arr, val, mx::float32);
}

int mlx_array_set_float(mlx_array* arr, float val) {
  return set_scalar(arr, val, mx::float32);
}

int mlx_array_set_float64(mlx_array* arr, double val) {
  return set_scalar(arr, val, mx::float64);
}

int mlx_array_set_double(mlx_array* arr, double val) {
  return set_scalar(arr, val, mx::float64);
}

int mlx_array_set_complex(mlx_array* arr, float real_val, float imag_val) {
  return set_scalar(arr, to_complex(real_val, imag_val), mx::complex64);
}

int mlx_array_set_data(
    mlx_array* arr, const void* data, const int* shape, int dim, mlx_dtype dtype) {
  return guard([&] { set(arr, copy_of(data, shape, dim, dtype)); });
}

size_t mlx_array_itemsize(const mlx_array arr) {
  return describe(arr, [](const auto& array) { return array.itemsize(); });
}

size_t mlx_array_size(const mlx_array arr) {
  return describe(arr, [](const auto& array) { return array.size(); });
}

size_t mlx_array_nbytes(const mlx_array arr) {
  return describe(arr, [](const auto& array) { return array.nbytes(); });
}

size_t mlx_array_ndim(const mlx_array arr) {
  return describe(arr, [](const auto& array) { return array.ndim(); });
}

const int* mlx_array_shape(const mlx_array arr) {
  return describe(arr, [](const auto& array) { return array.shape().data(); });
}

const size_t* mlx_array_strides(const mlx_array arr) {
  // size_t is mlx-c's type: callers cast back to int64_t for negative strides.
  return describe(arr, [](const auto& array) {
    return reinterpret_cast<const size_t*>(array.strides().data());
  });
}

int mlx_array_dim(const mlx_array arr, int dim) {
  return describe(arr, [dim](const auto& array) {
    int ndim = static_cast<int>(array.ndim());
    if (dim < -ndim || dim >= ndim) {
      throw std::out_of_range(
          "dim " + std::to_string(dim) + " is out of range for an array of " +
          std::to_string(ndim) + " dimensions");
    }
    return array.shape(dim);
  });
}

mlx_dtype mlx_array_dtype(const mlx_array arr) {
  return describe(arr, [](const auto& array) { return to_c(array.dtype()); });
}

int mlx_array_eval(mlx_array arr) {
  return guard([&] { evaluate({get(arr, "arr")}, true); });
}

#define MLX_C_ACCESS(name, type)                              \
  int mlx_array_item_##name(type* res, const mlx_array arr) { \
    return item(res, arr, mx::name);                          \
  }                                                           \
  const type* mlx_array_data_##name(const mlx_array arr) {    \
    return data<type>(arr, mx::name);                         \
  }
MLX_C_ACCESS(uint8, uint8_t)
MLX_C_ACCESS(uint16, uint16_t)
MLX_C_ACCESS(uint32, uint32_t)
MLX_C_ACCESS(uint64, uint64_t)
MLX_C_ACCESS(int8, int8_t)
MLX_C_ACCESS(int16, int16_t)
MLX_C_ACCESS(int32, int32_t)
MLX_C_ACCESS(int64, int64_t)
MLX_C_ACCESS(float32, float)
MLX_C_ACCESS(float64, double)
MLX_C_ACCESS(complex64, mlx_complex64_t)
MLX_C_ACCESS(float16, float16_t)
MLX_C_ACCESS(bfloat16, bfloat16_t)

int mlx_array_item_bool(bool* res, const mlx_array arr) {
  return item(res, arr, mx::bool_);
}

const bool* mlx_array_data_bool(const mlx_array arr) {
  return data<bool>(arr, mx::bool_);
}

bool mlx_array_is_evaluated(const mlx_array arr) {
  return describe(arr, is_evaluated);
}

bool mlx_array_is_traced(const mlx_array arr) {
  return describe(arr, [](const auto& array) { return array.is_tracer(); });
}

int _mlx_array_is_available(bool* res, const mlx_array arr) {
  return guard([&] { *not_null(res, "res") = is_available(get(arr, "arr")); });
}

int _mlx_array_wait(const mlx_array arr) {
  return guard([&] {
    auto& array = get(arr, "arr");
    if (array.status() == mx::array::Status::unscheduled) {
      throw std::invalid_argument(
          "arr is not scheduled for evaluation: there is nothing to wait for");
    }
    evaluate({array}, true);
  });
}

int _mlx_array_is_contiguous(bool* res, const mlx_array arr) {
  return describe_evaluated(res, arr, [](const auto& flags) { return flags.contiguous; });
}

int _mlx_array_is_row_contiguous(bool* res, const mlx_array arr) {
  return describe_evaluated(res, arr, [](const auto& flags) { return flags.row_contiguous; });
}

int _mlx_array_is_col_contiguous(bool* res, const mlx_array arr) {
  return describe_evaluated(res, arr, [](const auto& flags) { return flags.col_contiguous; });
}

// Plain C values to C++ ones, checked.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <mlx/array.h>
#include <mlx/dtype.h>
#include <mlx/fft.h>

#include "core/handle.hpp"
#include "mlx/c/array.h"
#include "mlx/c/fft_norm.h"
#include "mlx/c/optional.h"

namespace mlx_c {

// In the order of both enumerations.
inline constexpr std::array dtypes{
    mlx::core::bool_,
    mlx::core::uint8,
    mlx::core::uint16,
    mlx::core::uint32,
    mlx::core::uint64,
    mlx::core::int8,
    mlx::core::int16,
    mlx::core::int32,
    mlx::core::int64,
    mlx::core::float16,
    mlx::core::float32,
    mlx::core::float64,
    mlx::core::bfloat16,
    mlx::core::complex64,
};
static_assert([] {
  for (size_t i = 0; i < dtypes.size(); ++i) {
    if (static_cast<size_t>(dtypes[i].val()) != i) {
      return false;
    }
  }
  return dtypes.size() == MLX_COMPLEX64 + 1;
}());

inline mlx::core::Dtype to_cpp(mlx_dtype dtype) {
  auto index = static_cast<size_t>(dtype);
  if (index >= dtypes.size()) [[unlikely]] {
    throw std::invalid_argument("dtype " + std::to_string(index) + " is not an mlx_dtype");
  }
  return dtypes[index];
}

inline mlx_dtype to_c(mlx::core::Dtype dtype) {
  return static_cast<mlx_dtype>(dtype.val());
}

inline std::optional<int> to_cpp(mlx_optional_int value) {
  return value.has_value ? std::optional(value.value) : std::nullopt;
}

inline std::optional<float> to_cpp(mlx_optional_float value) {
  return value.has_value ? std::optional(value.value) : std::nullopt;
}

inline std::optional<bool> to_cpp(mlx_optional_bool value) {
  return value.has_value ? std::optional(value.value) : std::nullopt;
}

inline std::optional<mlx::core::Dtype> to_cpp(mlx_optional_dtype value) {
  return value.has_value ? std::optional(to_cpp(value.value)) : std::nullopt;
}

inline mlx::core::fft::FFTNorm to_cpp(mlx_fft_norm norm) {
  switch (norm) {
    case MLX_FFT_NORM_BACKWARD:
      return mlx::core::fft::FFTNorm::Backward;
    case MLX_FFT_NORM_ORTHO:
      return mlx::core::fft::FFTNorm::Ortho;
    case MLX_FFT_NORM_FORWARD:
      return mlx::core::fft::FFTNorm::Forward;
  }
  throw std::invalid_argument("norm " + std::to_string(norm) + " is not an mlx_fft_norm");
}

// `size` values from `data`, which may be NULL if there are none.
template <class Container, class T>
Container to_container(const T* data, size_t size, const char* argument) {
  if (size > 0) {
    not_null(data, argument);
  }
  return Container(data, data + size);
}

inline mlx::core::Shape to_shape(const int* data, size_t size, const char* argument = "shape") {
  return to_container<mlx::core::Shape>(data, size, argument);
}

inline std::vector<int> to_ints(const int* data, size_t size, const char* argument = "ints") {
  return to_container<std::vector<int>>(data, size, argument);
}

inline mlx::core::Strides to_strides(
    const int64_t* data, size_t size, const char* argument = "strides") {
  return to_container<mlx::core::Strides>(data, size, argument);
}

inline std::string to_string(const char* text, const char* argument) {
  return not_null(text, argument);
}

}  // namespace mlx_c

// Scatter with a reduction: how an update meets the value that is there.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <mlx/dtype.h>

#include "cpu/arrays/copy.hpp"

namespace mlx_c::cpu {

enum class ScatterReduce { replace, sum, prod, min, max };

// Integers wrap round, and min and max propagate NaN.
template <ScatterReduce how, class T>
inline T scatter_value(T old, T update) {
  if constexpr (how == ScatterReduce::replace) {
    return update;
  } else if constexpr (std::is_same_v<T, bool>) {
    return how == ScatterReduce::sum || how == ScatterReduce::max ? old | update : old & update;
  } else if constexpr (std::is_integral_v<T>) {
    using Wide = std::common_type_t<std::make_unsigned_t<T>, unsigned>;
    if constexpr (how == ScatterReduce::sum) {
      return static_cast<T>(Wide(old) + Wide(update));
    }
    if constexpr (how == ScatterReduce::prod) {
      return static_cast<T>(Wide(old) * Wide(update));
    }
    if constexpr (how == ScatterReduce::min) {
      return std::min(old, update);
    }
    if constexpr (how == ScatterReduce::max) {
      return std::max(old, update);
    }
  } else {
    if constexpr (how == ScatterReduce::sum) {
      return old + update;
    }
    if constexpr (how == ScatterReduce::prod) {
      return old * update;
    }
    if constexpr (how == ScatterReduce::min) {
      return old < update || old != old ? old : update;
    }
    if constexpr (how == ScatterReduce::max) {
      return old > update || old != old ? old : update;
    }
  }
}

template <ScatterReduce how, class T>
inline void scatter_values(T* values, const T* updates, std::size_t count) {
  for (std::size_t i = 0; i < count; i++) {
    values[i] = scatter_value<how>(values[i], updates[i]);
  }
}

// What MLX's scatter and slice_update, whose types are not the same, call it.
template <class ReduceType>
inline ScatterReduce scatter_reduce(ReduceType type) {
  switch (type) {
    case ReduceType::Sum:
      return ScatterReduce::sum;
    case ReduceType::Prod:
      return ScatterReduce::prod;
    case ReduceType::Min:
      return ScatterReduce::min;
    case ReduceType::Max:
      return ScatterReduce::max;
    default:
      return ScatterReduce::replace;
  }
}

// Whether `with_scatter_reduce` takes values of this type.
inline bool can_scatter_reduce(ScatterReduce how, mlx::core::Dtype type) {
  return how == ScatterReduce::replace || type != mlx::core::complex64 ||
      how == ScatterReduce::sum || how == ScatterReduce::prod;
}

inline bool is_half(mlx::core::Dtype type) {
  return type == mlx::core::float16 || type == mlx::core::bfloat16;
}

// Calls f.operator()<how, T>() with constants for the arguments. Float16 and bfloat16 are reduced
// as float; to be replaced, values are integers of their size.
template <class F>
void with_scatter_reduce(ScatterReduce how, mlx::core::Dtype type, F&& f) {
  namespace mx = mlx::core;
  using enum ScatterReduce;
  auto with_type = [&]<class T>(T) {
    if (how == sum) {
      f.template operator()<sum, T>();
    }
    if (how == prod) {
      f.template operator()<prod, T>();
    }
    if constexpr (!std::is_same_v<T, std::complex<float>>) {
      if (how == min) {
        f.template operator()<min, T>();
      }
      if (how == max) {
        f.template operator()<max, T>();
      }
    }
  };
  if (how == replace) {
    return with_bytes(type.size(), [&]<class T>(T) { f.template operator()<replace, T>(); });
  }
  switch (type) {
    case mx::bool_:
      return with_type(bool{});
    case mx::uint8:
      return with_type(std::uint8_t{});
    case mx::uint16:
      return with_type(std::uint16_t{});
    case mx::uint32:
      return with_type(std::uint32_t{});
    case mx::uint64:
      return with_type(std::uint64_t{});
    case mx::int8:
      return with_type(std::int8_t{});
    case mx::int16:
      return with_type(std::int16_t{});
    case mx::int32:
      return with_type(std::int32_t{});
    case mx::int64:
      return with_type(std::int64_t{});
    case mx::float64:
      return with_type(double{});
    case mx::complex64:
      return with_type(std::complex<float>{});
    default:
      return with_type(float{});
  }
}

}  // namespace mlx_c::cpu

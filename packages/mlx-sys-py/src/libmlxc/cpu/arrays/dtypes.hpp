// MLX's data types as kernels know them.
#pragma once

#include <optional>

#include <mlx/dtype.h>

#include "cpu/kernels/element_type.hpp"

namespace mlx_c::cpu {

inline ElementType element_type(mlx::core::Dtype type) {
  switch (type) {
    case mlx::core::bool_:
      return ElementType::b8;
    case mlx::core::uint8:
      return ElementType::u8;
    case mlx::core::uint16:
      return ElementType::u16;
    case mlx::core::uint32:
      return ElementType::u32;
    case mlx::core::uint64:
      return ElementType::u64;
    case mlx::core::int8:
      return ElementType::i8;
    case mlx::core::int16:
      return ElementType::i16;
    case mlx::core::int32:
      return ElementType::i32;
    case mlx::core::int64:
      return ElementType::i64;
    case mlx::core::float16:
      return ElementType::f16;
    case mlx::core::bfloat16:
      return ElementType::bf16;
    case mlx::core::float32:
      return ElementType::f32;
    case mlx::core::float64:
      return ElementType::f64;
    case mlx::core::complex64:
      return ElementType::c64;
  }
  return ElementType::f32;
}

// Those that are computed with in single precision; none for others.
inline std::optional<ElementType> float_type(mlx::core::Dtype type) {
  switch (const ElementType result = element_type(type)) {
    case ElementType::f16:
    case ElementType::bf16:
    case ElementType::f32:
      return result;
    default:
      return std::nullopt;
  }
}

// Those of MLX's category `inexact`, which GEMM takes; none for others.
inline std::optional<ElementType> inexact_type(mlx::core::Dtype type) {
  switch (const ElementType result = element_type(type)) {
    case ElementType::f16:
    case ElementType::bf16:
    case ElementType::f32:
    case ElementType::f64:
    case ElementType::c64:
      return result;
    default:
      return std::nullopt;
  }
}

}  // namespace mlx_c::cpu

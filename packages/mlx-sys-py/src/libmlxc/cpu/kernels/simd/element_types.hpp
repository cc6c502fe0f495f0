// C++ types for the values of ElementType.
#pragma once

#include "cpu/kernels/elementwise/ops.hpp"
#include "cpu/kernels/simd/lanes.hpp"

namespace {

// Calls f with a value of the C++ type for `type`, as one argument. No vectors are made of complex
// numbers: the result is empty.
template <class F>
inline auto with_type(mlx_c::cpu::ElementType type, F f) {
  using mlx_c::cpu::ElementType;
  switch (type) {
    case ElementType::b8:
      return f(boolean{});
    case ElementType::u8:
      return f(std::uint8_t{});
    case ElementType::u16:
      return f(std::uint16_t{});
    case ElementType::u32:
      return f(std::uint32_t{});
    case ElementType::u64:
      return f(std::uint64_t{});
    case ElementType::i8:
      return f(std::int8_t{});
    case ElementType::i16:
      return f(std::int16_t{});
    case ElementType::i32:
      return f(std::int32_t{});
    case ElementType::i64:
      return f(std::int64_t{});
    case ElementType::f16:
      return f(half{});
    case ElementType::bf16:
      return f(brain{});
    case ElementType::f32:
      break;
    case ElementType::f64:
      return f(double{});
    case ElementType::c64:
      return decltype(f(float{})){};
  }
  return f(float{});
}

}  // namespace

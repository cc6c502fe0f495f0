// C++ types for the values of Type.
#pragma once

#include "cpu/kernels/elementwise/ops.hpp"
#include "cpu/kernels/simd/lanes.hpp"

namespace {

// Calls f with a value of the C++ type for `type`, as one argument.
template <class F>
inline auto with_type(mlx_c::cpu::Type type, F f) {
  using mlx_c::cpu::Type;
  switch (type) {
    case Type::b8:
      return f(boolean{});
    case Type::u8:
      return f(std::uint8_t{});
    case Type::u16:
      return f(std::uint16_t{});
    case Type::u32:
      return f(std::uint32_t{});
    case Type::u64:
      return f(std::uint64_t{});
    case Type::i8:
      return f(std::int8_t{});
    case Type::i16:
      return f(std::int16_t{});
    case Type::i32:
      return f(std::int32_t{});
    case Type::i64:
      return f(std::int64_t{});
    case Type::f16:
      return f(half{});
    case Type::bf16:
      return f(brain{});
    case Type::f32:
      break;
    case Type::f64:
      return f(double{});
  }
  return f(float{});
}

}  // namespace

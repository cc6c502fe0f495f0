// The types of elements that kernels know.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mlx_c::cpu {

enum class ElementType : std::uint8_t {
  b8,
  u8,
  u16,
  u32,
  u64,
  i8,
  i16,
  i32,
  i64,
  f16,
  bf16,
  f32,
  f64,
  c64,
};

// Bytes of an element; signed, as strides are. Always inlined, so that no instruction set's copy
// of it can be merged with another's.
[[gnu::always_inline]] constexpr std::ptrdiff_t item_size(ElementType type) {
  switch (type) {
    case ElementType::b8:
    case ElementType::u8:
    case ElementType::i8:
      return 1;
    case ElementType::u16:
    case ElementType::i16:
    case ElementType::f16:
    case ElementType::bf16:
      return 2;
    case ElementType::u32:
    case ElementType::i32:
    case ElementType::f32:
      return 4;
    case ElementType::u64:
    case ElementType::i64:
    case ElementType::f64:
    case ElementType::c64:
      return 8;
  }
  return 0;
}

}  // namespace mlx_c::cpu

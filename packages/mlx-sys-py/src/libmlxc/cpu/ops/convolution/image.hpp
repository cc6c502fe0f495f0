// The input of a convolution as direct kernels read it.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "cpu/arrays/allocation.hpp"
#include "cpu/ops/convolution/geometry.hpp"

namespace mlx_c::cpu {

// Elements before and behind an input along its axes, where a copy of it has zeros.
struct Margins {
  std::array<int, space> before{}, behind{};

  bool any() const {
    return before != std::array<int, space>{} || behind != std::array<int, space>{};
  }
};

// The input itself or a copy, of the type that is computed with and with contiguous channels.
struct Image {
  ElementType type;  // f32, f64, or bf16 whose channels are pairs
  const char* data;  // element 0 along all axes
  // In items of `type`.
  std::ptrdiff_t batch_stride, group_stride;
  std::array<std::ptrdiff_t, space> strides;
  std::optional<PooledMemory> memory;
};

// What x is computed with: pairs of bf16 where there are instructions for it.
ElementType computed_type(const Kernels& kernels, ElementType type);

enum class CopyInput {
  if_needed,  // for its type or its layout
  always,     // whole vectors of channels can be read everywhere then
};

Image image(
    const Kernels& kernels,
    const Convolved& c,
    ElementType type,
    const Margins& margins,
    CopyInput copy = CopyInput::if_needed);

}  // namespace mlx_c::cpu

// What a task on a stream's thread keeps of an array.
#pragma once

#include <cstddef>

#include <mlx/array.h>

#include "cpu/kernels/table.hpp"

namespace mlx_c::cpu {

// MLX itself keeps the buffers of a node's inputs until the tasks enqueued for it have run; a
// handle here would keep them from being donated to later nodes.
struct View {
  const void* data;
  std::size_t data_size;
  ElementType type;
  mlx::core::Shape shape;
  mlx::core::Strides strides;
  bool row_contiguous;  // elements in order, without gaps
  bool contiguous;      // the first data_size elements are exactly those of the view

  explicit View(const mlx::core::array& a);
  // Copies elements of four bytes as they are if `type` is f32, whatever they mean.
  View(const mlx::core::array& a, ElementType type);

  std::size_t size() const;

  // Writes all elements, in order, as floats.
  void copy_to(const Kernels& kernels, float* target) const;
};

}  // namespace mlx_c::cpu

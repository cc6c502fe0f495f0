// Copies between arrays of any layout.
#pragma once

#include <cstddef>

#include "mlx/array.h"

namespace mlx_c::cpu {

// Moves the elements of one array to the same places of another, whatever they are. Strides count
// elements. Where it pays, it uses all threads.
struct Copy {
  const void* source;
  mlx::core::Strides from;
  void* target;
  mlx::core::Strides to;
  mlx::core::Shape shape;
  std::size_t item;  // bytes of an element: 1, 2, 4 or 8

  void operator()() const;
};

// What copies all of `source` to `target`, which has its shape and memory already.
Copy copy_of(const mlx::core::array& source, mlx::core::array& target);

}  // namespace mlx_c::cpu

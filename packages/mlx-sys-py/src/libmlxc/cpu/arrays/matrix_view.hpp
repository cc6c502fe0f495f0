// Matrices of any layout in the last two axes of an array.
#pragma once

#include <cstddef>

#include <mlx/array.h>

#include "cpu/kernels/table.hpp"

namespace mlx_c::cpu {

// What a task on a stream's thread keeps of an array whose last two axes are those of matrices.
class MatrixView {
 public:
  MatrixView(const mlx::core::array& a, ElementType type);

  // The matrix at `item`, counted along the axes before the last two.
  Operand operator[](int item) const;

 private:
  const char* data_;
  std::ptrdiff_t item_size_, row_, column_;
  mlx::core::Shape shape_;  // of the axes before
  mlx::core::Strides strides_;
};

}  // namespace mlx_c::cpu

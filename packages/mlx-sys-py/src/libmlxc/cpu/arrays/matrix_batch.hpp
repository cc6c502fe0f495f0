// Batches of matrices as floats.
#pragma once

#include <optional>

#include "cpu/arrays/view.hpp"
#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

// A batch of matrices as floats, each with contiguous rows or contiguous columns: the view itself
// where it has that layout, else a copy.
class Batch {
 public:
  Batch(const Kernels& kernels, const View& view);

  // One of the strides is 1 and the other at least the extent along it, whatever the view says of
  // extents of one.
  Operand operator[](int item) const;

 private:
  std::int64_t row() const;
  std::int64_t column() const;
  bool in_rows() const;
  bool usable() const;

  const int rows_, columns_;
  const mlx::core::Shape shape_;
  mlx::core::Strides strides_;
  const float* data_;
  std::optional<Buffer<float>> memory_;
};

}  // namespace mlx_c::cpu

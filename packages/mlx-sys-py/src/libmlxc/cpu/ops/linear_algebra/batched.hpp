// Nodes of our own for functions of linear algebra: each takes matrices in the last two axes of its
// inputs, and whatever axes before them.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <mlx/ops.h>

#include "cpu/nodes/fused.hpp"
#include "cpu/ops/linear_algebra/factorization.hpp"

namespace mlx_c::cpu {

class Batched : public Fused {
 public:
  using Fused::Fused;

  std::pair<std::vector<array>, std::vector<int>> vmap(
      const std::vector<array>& inputs, const std::vector<int>& axes) override {
    namespace mx = mlx::core;
    int extent = 0;
    for (std::size_t i = 0; i < inputs.size(); i++) {
      if (axes[i] >= 0) {
        extent = inputs[i].shape(axes[i]);
      }
    }
    std::vector<array> mapped;
    for (std::size_t i = 0; i < inputs.size(); i++) {
      if (axes[i] >= 0) {
        mapped.push_back(mx::moveaxis(inputs[i], axes[i], 0, stream()));
      } else {
        mx::Shape shape = inputs[i].shape();
        shape.insert(shape.begin(), extent);
        mapped.push_back(mx::broadcast_to(inputs[i], shape, stream()));
      }
    }
    auto outputs = definition_(mapped);
    std::vector<int> first(outputs.size(), 0);
    return {std::move(outputs), std::move(first)};
  }
};

// Whether a kernel of this library takes matrices of this type on this stream.
inline bool takes(const mlx::core::array& a, mlx::core::StreamOrDevice s) {
  return (a.dtype() == mlx::core::float32 || a.dtype() == mlx::core::float64) && a.ndim() >= 2 &&
      can_fuse(s) && lapack::library();
}

inline bool is_square(const mlx::core::array& a) {
  return a.ndim() >= 2 && a.shape(-1) == a.shape(-2);
}

inline mlx::core::array transposed(const mlx::core::array& a, mlx::core::Stream s) {
  return mlx::core::swapaxes(a, -1, -2, s);
}

// The shape of the axes before the matrices.
inline mlx::core::Shape batch_shape(const mlx::core::array& a) {
  return {a.shape().begin(), a.shape().end() - 2};
}

inline mlx::core::Shape with_matrix(mlx::core::Shape batch, int rows, int columns) {
  batch.push_back(rows);
  batch.push_back(columns);
  return batch;
}

// Matrices with these axes before them.
inline mlx::core::array with_batch(
    const mlx::core::array& a, const mlx::core::Shape& batch, mlx::core::StreamOrDevice s) {
  return batch_shape(a) == batch
      ? a
      : mlx::core::broadcast_to(a, with_matrix(batch, a.shape(-2), a.shape(-1)), s);
}

}  // namespace mlx_c::cpu

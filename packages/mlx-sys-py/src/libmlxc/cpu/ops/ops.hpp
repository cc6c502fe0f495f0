// The kernels for primitives of MLX, one function per family: each says what becomes of a node.
//
// The registry (graph/registry.cpp) names the primitives that they are for. Those that are not said
// to guard MLX are not called where MLX's own kernels are asked for.
#pragma once

#include <mlx/array.h>

#include "cpu/nodes/kernel_override.hpp"

namespace mlx_c::cpu {

// concatenate.cpp
Override concatenate(mlx::core::array& node);

// contiguous.cpp
Override contiguous(mlx::core::array& node);

// convolution/op.cpp
Override convolution(mlx::core::array& node);

// creation.cpp
Override arange(mlx::core::array& node);
Override full(mlx::core::array& node);

// dynamic_slice.cpp: guard MLX from starts and slices that are out of range
Override dynamic_slice(mlx::core::array& node);
Override dynamic_slice_update(mlx::core::array& node);

// elementwise.cpp
Override divmod(mlx::core::array& node);

// gather_matmul.cpp: behind a check of the indices
Override gather_mm_product(mlx::core::array& node);
Override segmented_mm_product(mlx::core::array& node);

// indexing/checks.cpp: guard MLX from indices that are out of range
Override checked_dynamic_slice(mlx::core::array& node);
Override checked_dynamic_slice_update(mlx::core::array& node);
Override checked_gather(mlx::core::array& node);
Override checked_gather_axis(mlx::core::array& node);
Override checked_gather_qmm(mlx::core::array& node, Override product);
Override checked_scatter(mlx::core::array& node);
Override checked_scatter_axis(mlx::core::array& node);
Override gather_mm(mlx::core::array& node);
Override segmented_mm(mlx::core::array& node);

// fft.cpp
Override fft(mlx::core::array& node);

// indexing/gather.cpp, gather_axis.cpp, scatter.cpp: guard MLX likewise
Override gather(mlx::core::array& node);
Override gather_axis(mlx::core::array& node);
Override scatter(mlx::core::array& node);
Override scatter_axis(mlx::core::array& node);

// linear_algebra/: guard the LAPACK that MLX is linked to from infinity, NaN and empty matrices
Override cholesky(mlx::core::array& node);
Override eig(mlx::core::array& node);
Override eigh(mlx::core::array& node);
Override inverse(mlx::core::array& node);
Override lu(mlx::core::array& node);
Override qr(mlx::core::array& node);
Override svd(mlx::core::array& node);

// matmul.cpp
Override addmm(mlx::core::array& node);
Override matmul(mlx::core::array& node);
// Keeps the node and folds it into the matmul before it, which then writes its columns in order.
Override transpose(mlx::core::array& node);

// pad.cpp
Override pad(mlx::core::array& node);

// quantized_matmul.cpp: guard MLX from empty operands
Override gather_qmm(mlx::core::array& node);
Override quantized_matmul(mlx::core::array& node);

// random.cpp
Override random_bits(mlx::core::array& node);

// reduction.cpp
Override reduce(mlx::core::array& node);

// reshape.cpp
Override reshape(mlx::core::array& node);

// scan.cpp
Override scan(mlx::core::array& node);

// searching.cpp
Override searchsorted(mlx::core::array& node);

// slice_update.cpp
Override slice_update(mlx::core::array& node);
Override slice_update_reduce(mlx::core::array& node);

// softmax.cpp: the first two guard MLX from empty rows
Override softmax(mlx::core::array& node);
Override logsumexp(mlx::core::array& node);
Override arg_reduce(mlx::core::array& node);

// sorting.cpp
Override argpartition(mlx::core::array& node);
Override argsort(mlx::core::array& node);
Override partition(mlx::core::array& node);
Override sort(mlx::core::array& node);

}  // namespace mlx_c::cpu

// What the inputs of primitives must satisfy: each throws std::invalid_argument if they do not.
#pragma once

#include "core/shape_checks/node.hpp"

namespace mlx_c::shape_checks {

// layout.cpp
void same_shapes(const Node& node);
void broadcast(const Node& node);
void fused_elementwise(const Node& node);
void not_empty(const Node& node);
void same_size(const Node& node);
void unflatten(const Node& node);
void squeeze(const Node& node);
void partition(const Node& node);
void argpartition(const Node& node);
void concatenate(const Node& node);

// products.cpp
void matmul(const Node& node);
void addmm(const Node& node);
void gather_mm(const Node& node);
void quantized_matmul(const Node& node);
void gather_qmm(const Node& node);
void qqmm(const Node& node);
void gather_qqmm(const Node& node);
void quantize(const Node& node);
void convolution(const Node& node);
void hadamard(const Node& node);

// indexing.cpp
void square_matrices(const Node& node);
void systems(const Node& node);
void searchsorted(const Node& node);
void gather(const Node& node);
void gather_axis(const Node& node);
void scatter_axis(const Node& node);
void masked_scatter(const Node& node);
void dynamic_slice(const Node& node);
void dynamic_slice_update(const Node& node);
void slice_update(const Node& node);

// fused.cpp
void normalization(const Node& node);
void rope(const Node& node);
void attention(const Node& node);
void cross_entropy(const Node& node);
void one_key(const Node& node);
void as_recorded(const Node& node);

}  // namespace mlx_c::shape_checks

// Nodes of a graph that formulas are written with, as the templates of special functions are.
#pragma once

#include <mlx/array.h>
#include <mlx/ops.h>

namespace mlx_c {

// A node of a graph, as what the templates of special functions compute with.
struct Node {
  mlx::core::array value;
  mlx::core::Stream stream;
};

inline Node number(const Node& like, double value) {
  return {mlx::core::array(value, like.value.dtype()), like.stream};
}

#define MLX_C_OPERATOR(symbol, function)                                \
  inline Node operator symbol(const Node& x, const Node& y) {           \
    return {mlx::core::function(x.value, y.value, x.stream), x.stream}; \
  }                                                                     \
  inline Node operator symbol(const Node& x, double y) {                \
    return x symbol number(x, y);                                       \
  }                                                                     \
  inline Node operator symbol(double x, const Node& y) {                \
    return number(y, x) symbol y;                                       \
  }
#define MLX_C_RELATION(symbol, function)                                \
  inline Node operator symbol(const Node& x, const Node& y) {           \
    return {mlx::core::function(x.value, y.value, x.stream), x.stream}; \
  }                                                                     \
  inline Node operator symbol(const Node& x, double y) {                \
    return x symbol number(x, y);                                       \
  }
#define MLX_C_MASKS(symbol, function)                                   \
  inline Node operator symbol(const Node& x, const Node& y) {           \
    return {mlx::core::function(x.value, y.value, x.stream), x.stream}; \
  }
#define MLX_C_FUNCTION(name, function)                         \
  inline Node name(const Node& x) {                            \
    return {mlx::core::function(x.value, x.stream), x.stream}; \
  }

MLX_C_OPERATOR(+, add)
MLX_C_OPERATOR(-, subtract)
MLX_C_OPERATOR(*, multiply)
MLX_C_OPERATOR(/, divide)
MLX_C_RELATION(==, equal)
MLX_C_RELATION(!=, not_equal)
MLX_C_RELATION(<, less)
MLX_C_RELATION(<=, less_equal)
MLX_C_RELATION(>, greater)
MLX_C_RELATION(>=, greater_equal)
MLX_C_MASKS(&, logical_and)
MLX_C_MASKS(|, logical_or)
MLX_C_MASKS(^, not_equal)
MLX_C_FUNCTION(operator~, logical_not)
MLX_C_FUNCTION(operator-, negative)
MLX_C_FUNCTION(exponential, exp)
MLX_C_FUNCTION(logarithm, log)
MLX_C_FUNCTION(square_root, sqrt)
MLX_C_FUNCTION(magnitude, abs)
MLX_C_FUNCTION(nearest, round)
MLX_C_FUNCTION(round_down, floor)

#undef MLX_C_OPERATOR
#undef MLX_C_RELATION
#undef MLX_C_MASKS
#undef MLX_C_FUNCTION

inline Node constant(const Node& like, double value) {
  return number(like, value);
}

inline Node choose(const Node& mask, const Node& x, const Node& y) {
  return {mlx::core::where(mask.value, x.value, y.value, mask.stream), mask.stream};
}

// The values of a graph are not known while it is built.
inline bool all(const Node&) {
  return false;
}

}  // namespace mlx_c

// Elementwise functions that MLX lacks, as nodes of a graph.
//
// On the CPU such a function is one node, which takes part in the fusion of elementwise operations
// as MLX's own do: the name of its primitive is that of a row of cpu/kernels/elementwise/ops.def.
// On other devices, and in what is exported, it is built of MLX's operations.
#pragma once

#include <vector>

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

struct ElementwiseFunction {
  using Arrays = std::vector<mlx::core::array>;

  // For errors.
  const char* name;
  // In ops.def.
  const char* primitive;
  // The function built of MLX's operations; the operands have one type and shape. Null if it exists
  // on the CPU only.
  mlx::core::array (*definition)(const Arrays& x, mlx::core::StreamOrDevice s);
  // What the result y changes by with operand `argnum`; null if that is 0 everywhere.
  mlx::core::array (*derivative)(
      const Arrays& x, const mlx::core::array& y, int argnum, mlx::core::StreamOrDevice s);
  bool is_predicate = false;
};

// The operands in the type that they are promoted to, which is a floating one, and of one shape.
// Throws std::invalid_argument for complex numbers.
std::vector<mlx::core::array> floating_operands(
    const char* name, const std::vector<mlx::core::array>& operands, mlx::core::StreamOrDevice s);

// The same for any type.
std::vector<mlx::core::array> common_operands(
    const std::vector<mlx::core::array>& operands, mlx::core::StreamOrDevice s);

// The function of operands that have one type and shape.
mlx::core::array apply(
    const ElementwiseFunction& function,
    const std::vector<mlx::core::array>& operands,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c

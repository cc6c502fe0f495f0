// Fused ops: primitives of our own for functions of MLX.
#pragma once

#include <functional>
#include <initializer_list>
#include <utility>
#include <vector>

#include <mlx/utils.h>

#include "cpu/arrays/view.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/kernel_override.hpp"

namespace mlx_c::cpu {

using Function = std::function<std::vector<mlx::core::array>(const std::vector<mlx::core::array>&)>;

// A function of MLX as one node on the CPU. Its definition is the graph that MLX builds for it;
// transformations (vjp, jvp, vmap) apply to that graph, unless a class has gradients of its own.
class Fused : public KernelPrimitive {
 public:
  Fused(mlx::core::Stream stream, Function definition)
      : KernelPrimitive(stream), definition_(std::move(definition)) {}

  // If an input is empty, which a function compiled for all shapes may meet, the outputs are zeros,
  // as empty sums are, unless a class fills them with something else.
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) final;

  std::vector<array> vjp(
      const std::vector<array>& primals,
      const std::vector<array>& cotangents,
      const std::vector<int>& argnums,
      const std::vector<array>& outputs) override;

  std::vector<array> jvp(
      const std::vector<array>& primals,
      const std::vector<array>& tangents,
      const std::vector<int>& argnums) override;

  std::pair<std::vector<array>, std::vector<int>> vmap(
      const std::vector<array>& inputs, const std::vector<int>& axes) override;

 protected:
  // Evaluates a node. No input is empty.
  virtual void compute(const std::vector<array>& inputs, std::vector<array>& outputs) = 0;

  // Writes all elements of the outputs of empty inputs.
  virtual void fill_without_inputs(std::vector<array>& outputs) const;

  const Function definition_;
};

// The vjp of a function with one output, with respect to all its inputs: a function of these inputs
// and the cotangent of the output.
Function gradients_of(Function function);

// While it exists, this thread makes no fused ops: exported functions consist of MLX's operations.
class Unfused {
 public:
  Unfused();
  ~Unfused();
  Unfused(const Unfused&) = delete;
  Unfused& operator=(const Unfused&) = delete;
};

// Throws std::invalid_argument unless the shapes of the inputs fit: those of a function compiled
// for all shapes are not checked before.
void require(bool fits, const char* function, const std::vector<mlx::core::array>& inputs);

// Whether there is one.
bool is_unfused();

bool is_fused(const mlx::core::array& a);

// Whether functions become fused ops on this stream.
bool can_fuse(mlx::core::StreamOrDevice s);

// Whether a fused op on this stream takes these arrays, which are to be of one floating type.
bool can_fuse(
    std::initializer_list<std::reference_wrapper<const mlx::core::array>> arrays,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c::cpu

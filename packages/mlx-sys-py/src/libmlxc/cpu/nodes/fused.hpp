// What the primitives of our own have in common.
#pragma once

#include <functional>
#include <initializer_list>
#include <utility>
#include <vector>

#include <mlx/utils.h>
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/kernel_override.hpp"

namespace mlx_c::cpu {

using Function = std::function<std::vector<mlx::core::array>(const std::vector<mlx::core::array>&)>;

// A function of MLX as one node of the CPU. Its definition is the graph that MLX makes of it, which
// is what gets transformed; a class may know its own gradients.
class Fused : public KernelPrimitive {
 public:
  Fused(mlx::core::Stream stream, Function definition)
      : KernelPrimitive(stream), definition_(std::move(definition)) {}

  // Where there is nothing to compute with, which a function compiled for all shapes may meet, the
  // results are sums of nothing.
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
  // Evaluates a node none of whose inputs is empty.
  virtual void compute(const std::vector<array>& inputs, std::vector<array>& outputs) = 0;

  const Function definition_;
};

// The gradients, with respect to all its inputs, of a function with one output: as a function of
// these inputs and the gradient with respect to that output.
Function gradients_of(Function function);

// While it exists, this thread makes no Fused: functions in files consist of operations of MLX.
class Unfused {
 public:
  Unfused();
  ~Unfused();
  Unfused(const Unfused&) = delete;
  Unfused& operator=(const Unfused&) = delete;
};

// Throws unless the inputs fit: functions compiled for all shapes meet some that nobody checked.
void require(bool fits, const char* function);

bool is_fused(const mlx::core::array& a);

// Whether functions become a Fused on this stream.
bool can_fuse(mlx::core::StreamOrDevice s);

// Whether arrays like these, all of one type, can be given to a Fused on this stream.
bool can_fuse(
    std::initializer_list<std::reference_wrapper<const mlx::core::array>> arrays,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c::cpu

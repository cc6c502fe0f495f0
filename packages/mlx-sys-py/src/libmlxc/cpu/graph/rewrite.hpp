// Rewriting a graph so that kernels of this library evaluate it.
#pragma once

#include <memory>
#include <vector>

#include <mlx/array.h>
#include <mlx/small_vector.h>

#include "cpu/graph/registry.hpp"
#include "cpu/nodes/evaluation_errors.hpp"

namespace mlx_c::cpu {

// A graph to evaluate.
struct Plan {
  const std::vector<mlx::core::array>& outputs;
  // What is not computed yet, each behind its inputs: places in the graph and not handles, which
  // would keep inputs from being overwritten.
  struct Node {
    mlx::core::array* array;
    const KernelRow* row;  // of its primitive, or null
  };
  mlx::core::SmallVector<Node, 16> nodes;
  std::shared_ptr<Evaluation> evaluation;
  // Whether all nodes, and what they wait for, belong to the stream asked for.
  bool on_one_stream = true;
  // Whether some input is still being computed.
  bool waits = false;
  // Whether some node, or what it waits for, belongs to another device than the CPU.
  bool uses_devices = false;
};

// Gives a node of this row its kernel. Returns why MLX's does the work; "" if it does not.
const char* override_kernel(mlx::core::array& node, const KernelRow& row);

// Makes the unevaluated graph under `outputs` use the kernels of this library where there is one
// for the operation, its types and its shapes. What the graph computes and how it is
// differentiated stays the same. Call it right before each evaluation, under the lock that
// serialises evaluations: it writes to the nodes of the graph.
//
// Throws std::invalid_argument if a setting of the environment makes no sense (MLX_SYS_PY_CPU,
// MLX_SYS_PY_NUM_THREADS, MLX_SYS_PY_CPU_VERBOSE), and std::out_of_range if the graph depends on
// what failed before.
// With MLX_SYS_PY_CPU=stock, MLX's own kernels stay in place but for the inputs that crash them.
Plan rewrite_graph(const std::vector<mlx::core::array>& outputs, mlx::core::Stream stream);

}  // namespace mlx_c::cpu

// The verbose mode: a line for each node that the CPU evaluates.
//
// Fields are separated by commas, as in oneDNN's:
//
//   mlx_sys_py,exec,cpu,<primitive>,<inputs>,<outputs>,<kernel>,<reason>,<microseconds>
//
// Arrays are written as float32:2x3. <kernel> is the instruction set whose kernel did the work,
// "scalar" for a loop without SIMD, "view" where nothing was moved, or "mlx" for MLX's own kernel,
// and <reason> is why it was that.
#pragma once

#include <memory>
#include <string>

#include <mlx/array.h>
#include <mlx/primitives.h>

#include "cpu/nodes/kernel_override.hpp"

namespace mlx_c::cpu {

// Whether nodes are recorded. Throws std::invalid_argument if MLX_SYS_PY_CPU_VERBOSE is neither 0
// nor 1; with 1, the lines go to stderr, and a summary at the exit of the process.
bool is_verbose();

// The override of a node that records what its primitive does and how long that takes on the
// thread that does it. `reason` is why MLX's kernel does it, or "".
std::shared_ptr<KernelOverride> verbose_node(
    std::shared_ptr<mlx::core::Primitive> primitive, bool is_view, const char* reason);

// What such an override records; any other primitive itself.
const std::shared_ptr<mlx::core::Primitive>& measured(
    const std::shared_ptr<mlx::core::Primitive>& primitive);

// While it exists, nodes are recorded, and it keeps their lines.
class VerboseLog {
 public:
  VerboseLog();
  ~VerboseLog();
  VerboseLog(const VerboseLog&) = delete;
  VerboseLog& operator=(const VerboseLog&) = delete;

  // Those of the nodes that are done.
  std::string lines() const;

 private:
  class Lines;
  const std::shared_ptr<Lines> lines_;
};

}  // namespace mlx_c::cpu

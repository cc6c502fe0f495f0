// Nodes that are the work of many.
#pragma once

#include <cstddef>

#include <mlx/array.h>

#include "cpu/nodes/kernel_override.hpp"

namespace mlx_c::cpu {

// A primitive whose task is the work of many nodes. Once begun, it goes on to its end: it may write
// to what it has read, so it cannot be run again.
class WholeTask {
 public:
  virtual ~WholeTask() = default;

  // The bytes that it touches beside its inputs and outputs.
  virtual std::size_t more_bytes() const = 0;

  // Whether one of the nodes can fail by its values: all fail then.
  virtual bool can_fail() const = 0;
};

// Null if the node has no such primitive, be it behind an override.
inline const WholeTask* whole_task(const mlx::core::array& node) {
  const mlx::core::Primitive* primitive = &node.primitive();
  if (dynamic_cast<const KernelOverride*>(primitive)) {
    primitive = KernelOverride::unwrapped(node.primitive_ptr()).get();
  }
  return dynamic_cast<const WholeTask*>(primitive);
}

}  // namespace mlx_c::cpu

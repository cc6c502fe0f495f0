// Graphs that are evaluated again and again, with few differences: steps of generation.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <mlx/array.h>
#include <mlx/primitives.h>

#include "cpu/nodes/weak_node.hpp"

namespace mlx_c::cpu {

// A graph of which some numbers differ from call to call. All its nodes belong to one stream of the
// CPU. What fails by its values does so in its tasks.
class GrowingGraph {
 public:
  virtual ~GrowingGraph() = default;

  // The nodes of a call.
  struct Nodes {
    std::vector<mlx::core::array> outputs;
    // All results, which nothing else need hold.
    std::vector<std::uintptr_t> ids;
    std::vector<WeakNode> results;
  };
  virtual Nodes make(const std::vector<mlx::core::array>& inputs, std::int64_t call) = 0;

  // Of a result in a call.
  virtual mlx::core::Shape shape(int result, std::int64_t call) const = 0;
  virtual bool has_growing_shape(int result) const = 0;

  // Of a result, for nodes of several that of the first.
  virtual std::shared_ptr<mlx::core::Primitive> primitive(int result, std::int64_t call) = 0;
  virtual bool has_growing_primitive(int result) const = 0;
};

}  // namespace mlx_c::cpu

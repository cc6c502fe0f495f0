// Primitives for the time of a vmap, in place of those that vmap would change or map wrongly.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <mlx/array.h>
#include <mlx/primitives.h>

namespace mlx_c {

// Lends primitives to the nodes between traced inputs and outputs, and gives each node its own back
// in the end.
//
// MLX's vmap of a Reshape, Broadcast or Transpose writes the new shape or axes into the primitive,
// which other nodes may share (node_cache.hpp, the graphs of compiled functions). What is lent maps
// the same operation and writes nothing. It also maps ExpandDims and SliceUpdate, which MLX has
// wrong: the place of the mapped axis where it is not the first, and an update that is not mapped.
class VmapPrimitives {
 public:
  VmapPrimitives(
      const std::vector<mlx::core::array>& inputs, const std::vector<mlx::core::array>& outputs);
  ~VmapPrimitives();
  VmapPrimitives(const VmapPrimitives&) = delete;
  VmapPrimitives& operator=(const VmapPrimitives&) = delete;

 private:
  std::vector<std::pair<mlx::core::array, std::shared_ptr<mlx::core::Primitive>>> originals_;
};

}  // namespace mlx_c

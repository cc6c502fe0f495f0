// Common subexpressions of a graph.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include <mlx/array.h>

namespace mlx_c {

// Finds, of nodes that compute the same, the first. MLX's compilation does too, but takes nodes
// that share a primitive for one node, and those of this library do (node_cache.hpp).
class EqualNodes {
 public:
  // The first of the arrays asked for that is certain to hold the same as `a`. The inputs of a node
  // are looked up by themselves, and need not have been asked for. Keeps the arrays.
  const mlx::core::array& first(const mlx::core::array& a);

 private:
  struct Known {
    mlx::core::array array;
    std::vector<std::uintptr_t> inputs;  // the ids of the first of each
  };

  // How deep inputs are looked up that nobody has asked for.
  static constexpr int max_depth = 8;

  const mlx::core::array& find(const mlx::core::array& a, int depth);

  // Those that may be equal, by a hash.
  std::unordered_map<std::size_t, std::vector<Known>> known_;
  std::unordered_map<std::uintptr_t, mlx::core::array> first_;
};

}  // namespace mlx_c

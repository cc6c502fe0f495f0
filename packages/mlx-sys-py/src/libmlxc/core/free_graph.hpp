// Freeing the nodes of a graph.
#pragma once

#include <vector>

#include <mlx/array.h>

namespace mlx_c {

// Deletes an array, and with it the part of the graph that nothing else holds. MLX does the same,
// but makes a hash table of the inputs of each node that it frees, which takes longer than making
// the node.
void free_graph(mlx::core::array* array);

// The same for several.
void free_graphs(std::vector<mlx::core::array>&& arrays);

}  // namespace mlx_c

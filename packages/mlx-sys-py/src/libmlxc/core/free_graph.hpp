// Freeing the nodes of a graph.
#pragma once

#include <mlx/array.h>

namespace mlx_c {

// Deletes an array, and with it the part of the graph that nothing else holds. MLX does the same,
// but makes a hash table of the inputs of each node that it frees, which takes longer than making
// the node.
void free_graph(mlx::core::array* array);

}  // namespace mlx_c

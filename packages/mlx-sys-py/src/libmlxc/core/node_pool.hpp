// Making the nodes of a graph, and freeing them.
//
// Most nodes are freed soon after they were made, by the same thread. To make one, MLX allocates
// memory for the node and for the list of its inputs, and a handle is allocated too; with the
// freeing of all that, it was a third of what an operation cost. Here a node that nobody holds any
// more is emptied and kept, its list of inputs with it, and filled again for the next one.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <vector>

#include <mlx/array.h>
#include <mlx/primitives.h>

namespace mlx_c {

// MLX's node of these, as its constructor makes it.
mlx::core::array make_node(
    const mlx::core::Shape& shape,
    mlx::core::Dtype dtype,
    const std::shared_ptr<mlx::core::Primitive>& primitive,
    const mlx::core::array* const* inputs,
    size_t input_count);

template <std::same_as<mlx::core::array>... Arrays>
mlx::core::array make_node(
    const mlx::core::Shape& shape,
    mlx::core::Dtype dtype,
    const std::shared_ptr<mlx::core::Primitive>& primitive,
    const Arrays&... inputs) {
  const mlx::core::array* const pointers[] = {&inputs..., nullptr};
  return make_node(shape, dtype, primitive, pointers, sizeof...(inputs));
}

// Memory for an array that a handle owns, from `operator new`.
void* allocate_handle();

// Deletes an array that a handle owns, and with it the part of the graph that nothing else holds.
// MLX does the same, but makes a hash table of the inputs of each node that it frees, which takes
// longer than making the node.
void free_graph(mlx::core::array* a);

// The same for several arrays, which are in no handle.
void free_graphs(std::vector<mlx::core::array>&& arrays);

}  // namespace mlx_c

// Nodes of the graph that are made of nodes which were freed.
//
// Most nodes are freed soon after they are made, by the same thread. To make one, MLX allocates
// memory for the node and for the list of its inputs, and a handle is allocated too: with freeing
// it, that was a third of what an operation cost. Here a node that nobody holds any more is emptied
// and kept, its list of inputs with it, and filled again for the next one.
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

// Keeps the node of an array that nobody else holds, and that has no inputs and no siblings, for
// `make_node`. What it holds else, it lets go of. The array is empty afterwards, and may only be
// destroyed or assigned to.
void recycle(mlx::core::array& a);

// Memory for an array that a handle owns. What these take and give is memory of `operator new`.
void* allocate_handle();
void free_handle(void* memory) noexcept;

// Deletes an array that a handle owns.
void delete_handle(mlx::core::array* a);

}  // namespace mlx_c

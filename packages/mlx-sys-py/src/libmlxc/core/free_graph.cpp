#include "core/free_graph.hpp"

#include <atomic>
#include <memory>
#include <vector>

#include "core/node_pool.hpp"
#include "cpu/nodes/use_count.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

using cpu::use_count;

// Takes the inputs from a node that only `array` holds, adds those that nobody else holds to
// `doomed`, and keeps the node for later ones. Siblings hold each other: they are left to MLX.
void empty_node(mx::array& array, std::vector<mx::array>& doomed) {
  if (use_count(array) != 1 || !array.siblings().empty()) {
    return;
  }
  // Pairs with the release of threads that held the node before: their writes are visible now.
  std::atomic_thread_fence(std::memory_order_acquire);
  for (auto& input : array.inputs()) {
    if (use_count(input) == 1) {
      doomed.push_back(std::move(input));
    }
  }
  array.inputs().clear();
  recycle(array);
}

// A graph may be deeper than the stack: no recursion.
void free_doomed(std::vector<mx::array>& doomed) {
  while (!doomed.empty()) {
    auto node = std::move(doomed.back());
    doomed.pop_back();
    empty_node(node, doomed);
  }
}

}  // namespace

void free_graph(mx::array* array) {
  if (!array) {
    return;
  }
  std::vector<mx::array> doomed;
  empty_node(*array, doomed);
  delete_handle(array);
  free_doomed(doomed);
}

void free_graphs(std::vector<mx::array>&& arrays) {
  auto doomed = std::move(arrays);
  free_doomed(doomed);
}

}  // namespace mlx_c

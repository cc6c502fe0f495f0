#include "core/node_pool.hpp"

#include <array>
#include <atomic>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// An explicit instantiation may name a private member. The type of what it points to is private too
// and is nowhere named.
template <auto member>
struct NodeAccess {
  friend auto& node_of(mx::array& a) {
    return a.*member;
  }
};
auto& node_of(mx::array& a);
template struct NodeAccess<&mx::array::array_desc_>;

using Node = std::remove_reference_t<decltype(node_of(std::declval<mx::array&>()))>;

// Sanitizers should see what is used after it was freed.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t capacity = 0;
#else
constexpr size_t capacity = 128;
#endif
constexpr size_t most_inputs = 8;

// What one thread keeps.
struct Pool {
  size_t node_count = 0;
  size_t handle_count = 0;
  std::array<Node, capacity + 1> nodes;
  std::array<void*, capacity + 1> handles;
  std::vector<Node> doomed;  // empty; its memory is used again

  ~Pool() {
    // The lists have still got elements, which are without nodes.
    while (node_count > 0) {
      nodes[--node_count]->inputs.clear();
    }
    while (handle_count > 0) {
      ::operator delete(handles[--handle_count]);
    }
  }
};

// Null before the first use of the thread and after its end.
thread_local constinit Pool* pool = nullptr;
thread_local constinit bool has_ended = false;

[[gnu::noinline]] void open_pool() {
  if (has_ended || capacity == 0) {
    return;
  }
  struct Owner {
    ~Owner() {
      has_ended = true;
      // Arrays may be freed meanwhile.
      delete std::exchange(pool, nullptr);
    }
  };
  static thread_local Owner owner;
  (void)owner;
  pool = new Pool;
}

// MLX refuses these, which is left to its constructor.
bool is_refused(
    mx::Dtype dtype, mx::Primitive& primitive, const mx::array* const* inputs, size_t count) {
  if (primitive.device() != mx::Device::gpu) {
    return false;
  }
  bool doubles = dtype == mx::float64;
  for (size_t i = 0; i < count; ++i) {
    doubles |= inputs[i]->dtype() == mx::float64;
  }
  return doubles;
}

mx::array new_node(
    const mx::Shape& shape,
    mx::Dtype dtype,
    const std::shared_ptr<mx::Primitive>& primitive,
    const mx::array* const* inputs,
    size_t input_count) {
  std::vector<mx::array> copies;
  copies.reserve(input_count);
  for (size_t i = 0; i < input_count; ++i) {
    copies.push_back(*inputs[i]);
  }
  return mx::array(shape, dtype, primitive, std::move(copies));
}

// An array without a node, which MLX has no constructor for.
union Empty {
  Empty() : node() {}
  ~Empty() {}
  Node node;
  mx::array array;
};
static_assert(sizeof(Node) == sizeof(mx::array));

// Lets go of a node that others may hold, as the destructor of its array does.
void let_go(Node&& node) {
  if (node->siblings.empty()) {
    node.reset();
    return;
  }
  // Siblings hold each other, which MLX ends.
  Empty holder;
  holder.node = std::move(node);
  holder.array.~array();
}

Pool* this_pool() {
  if (!pool) [[unlikely]] {
    open_pool();
  }
  return pool;
}

// Keeps a node that nobody else holds, and that holds no input.
void keep(Node&& node, Pool& kept) {
  // What these hold may be the user's, and free arrays itself.
  node->primitive.reset();
  node->data.reset();
  if (node->event.valid()) {
    node->event = mx::Event{};
  }
  if (kept.node_count < capacity) {
    kept.nodes[kept.node_count++] = std::move(node);
  } else {
    node->inputs.clear();
  }
}

// Frees a node unless others hold it. Its inputs are let go, too, and those that nobody else holds
// added to `doomed`.
void free_node(Node&& node, std::vector<Node>& doomed, Pool* kept) {
  if (node.use_count() != 1 || !node->siblings.empty()) {
    let_go(std::move(node));
    return;
  }
  // Pairs with the release of threads that held the node before: their writes are visible now.
  std::atomic_thread_fence(std::memory_order_acquire);
  for (auto& input : node->inputs) {
    auto& held = node_of(input);
    if (!held) {
      continue;
    }
    if (held.use_count() == 1) {
      doomed.push_back(std::move(held));
    } else {
      let_go(std::move(held));
    }
  }
  if (kept && node->inputs.capacity() <= most_inputs) {
    keep(std::move(node), *kept);
  } else {
    node->inputs.clear();
  }
}

// A graph may be deeper than the stack: no recursion.
void free_doomed(std::vector<Node>& doomed, Pool* kept) {
  while (!doomed.empty()) {
    auto node = std::move(doomed.back());
    doomed.pop_back();
    free_node(std::move(node), doomed, kept);
  }
  if (kept && doomed.capacity() > kept->doomed.capacity() && doomed.capacity() <= capacity) {
    doomed.swap(kept->doomed);
  }
}

}  // namespace

mx::array make_node(
    const mx::Shape& shape,
    mx::Dtype dtype,
    const std::shared_ptr<mx::Primitive>& primitive,
    const mx::array* const* inputs,
    size_t input_count) {
  if (!pool || pool->node_count == 0 || input_count > most_inputs ||
      is_refused(dtype, *primitive, inputs, input_count)) [[unlikely]] {
    return new_node(shape, dtype, primitive, inputs, input_count);
  }
  auto& node = pool->nodes[pool->node_count - 1];
  // What may throw comes first.
  node->shape = shape;
  node->strides.resize(shape.size());
  auto& own_inputs = node->inputs;
  own_inputs.reserve(input_count);
  // The list has still got its elements, without nodes.
  while (own_inputs.size() > input_count) {
    own_inputs.pop_back();
  }
  bool is_tracer = false;
  for (size_t i = 0; i < input_count; ++i) {
    auto& input = node_of(const_cast<mx::array&>(*inputs[i]));
    if (i < own_inputs.size()) {
      node_of(own_inputs[i]) = input;
    } else {
      own_inputs.push_back(*inputs[i]);
    }
    // MLX may retain graphs, of whatever arrays: the first one tells.
    is_tracer |= (i == 0 || input->is_tracer) && inputs[i]->is_tracer();
  }
  int64_t size = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    node->strides[i] = size;
    size *= shape[i];
  }
  node->size = size;
  node->dtype = dtype;
  node->primitive = primitive;
  node->status = mx::array::Status::unscheduled;
  node->is_tracer = is_tracer;
  node->offset = 0;
  node->data_size = 0;
  node->flags = {true, true, true};
  node->position = 0;
  Empty result;
  result.node = std::move(node);
  --pool->node_count;
  return std::move(result.array);
}

void* allocate_handle() {
  if (pool && pool->handle_count > 0) [[likely]] {
    return pool->handles[--pool->handle_count];
  }
  return ::operator new(sizeof(mx::array));
}

void free_graph(mx::array* a) {
  if (!a) {
    return;
  }
  auto* kept = this_pool();
  Node node = std::move(node_of(*a));
  // Without a node, there is nothing to destroy.
  if (kept && kept->handle_count < capacity) {
    kept->handles[kept->handle_count++] = a;
  } else {
    ::operator delete(a);
  }
  std::vector<Node> doomed;
  if (kept) {
    doomed.swap(kept->doomed);
  }
  free_node(std::move(node), doomed, kept);
  free_doomed(doomed, kept);
}

void free_graphs(std::vector<mx::array>&& arrays) {
  auto* kept = this_pool();
  std::vector<Node> doomed;
  doomed.reserve(arrays.size());
  for (auto& a : arrays) {
    doomed.push_back(std::move(node_of(a)));
  }
  free_doomed(doomed, kept);
}

}  // namespace mlx_c

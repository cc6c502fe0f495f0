#include "core/node_pool.hpp"

#include <array>
#include <new>
#include <utility>

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
constexpr size_t capacity = 512;
#endif
constexpr size_t most_inputs = 8;

// What one thread keeps.
struct Pool {
  size_t node_count = 0;
  size_t handle_count = 0;
  std::array<Node, capacity + 1> nodes;
  std::array<void*, capacity + 1> handles;

  ~Pool() {
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
  node->inputs.reserve(input_count);
  bool is_tracer = false;
  for (size_t i = 0; i < input_count; ++i) {
    node->inputs.push_back(*inputs[i]);
    // MLX may retain graphs, of whatever arrays: the first one tells.
    is_tracer |= (i == 0 || node_of(const_cast<mx::array&>(*inputs[i]))->is_tracer) &&
        inputs[i]->is_tracer();
  }
  int64_t size = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    node->strides[i] = size;
    size *= shape[i];
  }
  node->size = size;
  node->dtype = dtype;
  node->primitive = primitive;
  node->is_tracer = is_tracer;
  Empty result;
  result.node = std::move(node);
  --pool->node_count;
  return std::move(result.array);
}

void recycle(mx::array& a) {
  auto& node = node_of(a);
  if (!pool) [[unlikely]] {
    open_pool();
  }
  if (!pool || pool->node_count >= capacity || node->inputs.capacity() > most_inputs) {
    return;
  }
  // What these hold may be the user's, and free arrays itself.
  node->primitive.reset();
  node->data.reset();
  if (node->event.valid()) {
    node->event = mx::Event{};
  }
  node->status = mx::array::Status::unscheduled;
  node->offset = 0;
  node->data_size = 0;
  node->flags = {true, true, true};
  node->position = 0;
  if (pool && pool->node_count < capacity) {
    pool->nodes[pool->node_count++] = std::move(node);
  }
}

void* allocate_handle() {
  if (pool && pool->handle_count > 0) [[likely]] {
    return pool->handles[--pool->handle_count];
  }
  return ::operator new(sizeof(mx::array));
}

void free_handle(void* memory) noexcept {
  if (pool && pool->handle_count < capacity) [[likely]] {
    pool->handles[pool->handle_count++] = memory;
    return;
  }
  ::operator delete(memory);
}

void delete_handle(mx::array* a) {
  if (a) {
    a->~array();
    free_handle(a);
  }
}

}  // namespace mlx_c

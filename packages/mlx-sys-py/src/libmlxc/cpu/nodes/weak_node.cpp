#include "cpu/nodes/weak_node.hpp"

#include <type_traits>
#include <utility>

#include <mlx/backend/common/utils.h>

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

template <class Node>
void forget(Node& node, std::shared_ptr<mx::Primitive> primitive) {
  node.strides = mx::make_contiguous_strides(node.shape);
  node.flags = {true, true, true};
  node.offset = 0;
  node.data_size = 0;
  node.data = nullptr;
  node.event = {};
  node.inputs.clear();
  node.primitive = std::move(primitive);
  node.status = array::Status::unscheduled;
}

// An explicit instantiation may name a private member.
template <auto descriptor>
struct NodeAccess {
  friend std::weak_ptr<void> node_of(const array& a) {
    return a.*descriptor;
  }

  friend void point_to(array& a, std::shared_ptr<void> node) {
    using Node = typename std::remove_reference_t<decltype(a.*descriptor)>::element_type;
    a.*descriptor = std::static_pointer_cast<Node>(std::move(node));
  }

  friend void reset(array& a, std::shared_ptr<mx::Primitive> primitive) {
    forget(*(a.*descriptor), std::move(primitive));
  }
};
std::weak_ptr<void> node_of(const array& a);
void point_to(array& a, std::shared_ptr<void> node);
void reset(array& a, std::shared_ptr<mx::Primitive> primitive);
template struct NodeAccess<&array::array_desc_>;

}  // namespace

WeakNode::WeakNode(const array& array) : node_(node_of(array)) {}

std::optional<array> WeakNode::lock() const {
  auto node = node_.lock();
  if (!node) {
    return std::nullopt;
  }
  array handle(mx::Shape{}, mx::bool_, nullptr, {});
  point_to(handle, std::move(node));
  return handle;
}

void unschedule(array& array, std::shared_ptr<mx::Primitive> primitive) {
  reset(array, std::move(primitive));
}

}  // namespace mlx_c::cpu

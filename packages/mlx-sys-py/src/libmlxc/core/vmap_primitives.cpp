#include "core/vmap_primitives.hpp"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <unordered_map>

#include <mlx/ops.h>

namespace mlx_c {

namespace mx = mlx::core;

namespace {

using Arrays = std::vector<mx::array>;
using Mapped = std::pair<Arrays, std::vector<int>>;

// `a` with its mapped axis in front.
mx::array mapped_first(const mx::array& a, int axis, mx::Stream s) {
  return mx::moveaxis(a, axis, 0, s);
}

mx::Shape with_front(int extent, mx::Shape shape) {
  shape.insert(shape.begin(), extent);
  return shape;
}

mx::array map(const mx::Reshape& op, const mx::array& a, mx::Stream s) {
  return mx::reshape(a, with_front(a.shape(0), op.state()), s);
}

mx::array map(const mx::Broadcast& op, const mx::array& a, mx::Stream s) {
  const auto shape = with_front(a.shape(0), op.state());
  // New axes come between the mapped one and the others.
  std::vector<int> added;
  for (size_t axis = 1; added.size() + a.ndim() < shape.size(); ++axis) {
    added.push_back(static_cast<int>(axis));
  }
  return mx::broadcast_to(added.empty() ? a : mx::expand_dims(a, added, s), shape, s);
}

mx::array map(const mx::Transpose& op, const mx::array& a, mx::Stream s) {
  std::vector<int> order{0};
  for (int axis : op.state()) {
    order.push_back(axis + 1);
  }
  return mx::transpose(a, order, s);
}

mx::array map(const mx::ExpandDims& op, const mx::array& a, mx::Stream s) {
  auto axes = op.state();
  for (int& axis : axes) {
    ++axis;
  }
  return mx::expand_dims(a, axes, s);
}

mx::array map(
    const mx::SliceUpdate& op, const mx::array& source, const mx::array& update, mx::Stream s) {
  auto [kind, start, stop, strides] = op.state();
  for (size_t i = 0; i < stop.size(); ++i) {
    if (strides[i] < 0 && stop[i] < 0) {
      // Before the first element: MLX would count it from the end.
      stop[i] = -source.shape(static_cast<int>(i) + 1) - 1;
    }
  }
  start = with_front(0, start);
  stop = with_front(source.shape(0), stop);
  strides = with_front(1, strides);
  switch (kind) {
    case mx::SliceUpdate::Sum:
      return mx::slice_update_add(source, update, start, stop, strides, s);
    case mx::SliceUpdate::Prod:
      return mx::slice_update_prod(source, update, start, stop, strides, s);
    case mx::SliceUpdate::Max:
      return mx::slice_update_max(source, update, start, stop, strides, s);
    case mx::SliceUpdate::Min:
      return mx::slice_update_min(source, update, start, stop, strides, s);
    default:
      return mx::slice_update(source, update, start, stop, strides, s);
  }
}

// Maps an operation of MLX with one or two inputs; the mapped axis of the result is the first.
template <class Operation>
class VmapPrimitive : public mx::Primitive {
 public:
  explicit VmapPrimitive(std::shared_ptr<mx::Primitive> original)
      : Primitive(original->stream()), original_(std::move(original)) {}

  Mapped vmap(const Arrays& inputs, const std::vector<int>& axes) override {
    const auto& op = static_cast<const Operation&>(*original_);
    if constexpr (std::is_same_v<Operation, mx::SliceUpdate>) {
      const int one = axes[0] >= 0 ? 0 : 1;
      const int extent = inputs[one].shape(axes[one]);
      auto mapped = [&](const mx::array& a, int axis) {
        return axis >= 0 ? mapped_first(a, axis, stream())
                         : mx::broadcast_to(a, with_front(extent, a.shape()), stream());
      };
      return {{map(op, mapped(inputs[0], axes[0]), mapped(inputs[1], axes[1]), stream())}, {0}};
    } else {
      return {{map(op, mapped_first(inputs[0], axes[0], stream()), stream())}, {0}};
    }
  }

  void eval_cpu(const Arrays&, Arrays&) override {
    throw std::logic_error("a primitive for a vmap was evaluated");
  }
  void eval_gpu(const Arrays& inputs, Arrays& outputs) override {
    eval_cpu(inputs, outputs);
  }
  const char* name() const override {
    return original_->name();
  }

 private:
  const std::shared_ptr<mx::Primitive> original_;
};

// What takes the place of a node's primitive while it is mapped; null if that can stay.
std::shared_ptr<mx::Primitive> lent(mx::array& node) {
  const auto& original = node.primitive_ptr();
  const std::string_view name = original->name();
  if (name.starts_with("SliceUpdate")) {
    return std::make_shared<VmapPrimitive<mx::SliceUpdate>>(original);
  }
  // A graph for all shapes has Broadcasts with more inputs, which hold no shape.
  if (node.inputs().size() != 1) {
    return nullptr;
  }
  if (name == "Reshape") {
    return std::make_shared<VmapPrimitive<mx::Reshape>>(original);
  }
  if (name == "Broadcast") {
    return std::make_shared<VmapPrimitive<mx::Broadcast>>(original);
  }
  if (name == "Transpose") {
    return std::make_shared<VmapPrimitive<mx::Transpose>>(original);
  }
  if (name == "ExpandDims") {
    return std::make_shared<VmapPrimitive<mx::ExpandDims>>(original);
  }
  return nullptr;
}

}  // namespace

VmapPrimitives::VmapPrimitives(
    const std::vector<mx::array>& inputs, const std::vector<mx::array>& outputs) {
  // Whether a node depends on a mapped input; none while its own inputs are looked at. Other nodes
  // are left alone: another thread may be evaluating them.
  std::unordered_map<std::uintptr_t, std::optional<bool>> depends;
  for (auto& input : inputs) {
    depends.emplace(input.id(), true);
  }
  // A graph may be deeper than the stack: no recursion.
  std::vector<mx::array> pending(outputs.rbegin(), outputs.rend());
  while (!pending.empty()) {
    auto node = pending.back();
    auto [entry, is_new] = depends.try_emplace(node.id());
    if (is_new) {
      for (auto& input : node.inputs()) {
        pending.push_back(input);
      }
      continue;
    }
    pending.pop_back();
    if (entry->second) {
      continue;
    }
    bool on_the_way = false;
    for (auto& input : node.inputs()) {
      on_the_way |= depends[input.id()].value_or(false);
    }
    depends[node.id()] = on_the_way;
    if (!on_the_way || !node.has_primitive()) {
      continue;
    }
    if (auto primitive = lent(node)) {
      originals_.emplace_back(node, std::exchange(node.primitive_ptr(), std::move(primitive)));
    }
  }
}

VmapPrimitives::~VmapPrimitives() {
  for (auto& [node, primitive] : originals_) {
    node.primitive_ptr() = std::move(primitive);
  }
}

}  // namespace mlx_c

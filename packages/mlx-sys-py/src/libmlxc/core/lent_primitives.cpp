#include "core/lent_primitives.hpp"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <unordered_map>

#include "cpu/nodes/kernel_override.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// Reaches the primitive of MLX behind a kernel's.
struct Unwrapped : cpu::KernelOverride {
  static std::shared_ptr<mx::Primitive> of(std::shared_ptr<mx::Primitive> primitive) {
    while (auto* kernel = dynamic_cast<const KernelOverride*>(primitive.get())) {
      primitive = kernel->*(&Unwrapped::original_);
    }
    return primitive;
  }
};

}  // namespace

LentPrimitive::LentPrimitive(const mx::array& node)
    : Primitive(node.primitive_ptr()->stream()), original_(Unwrapped::of(node.primitive_ptr())) {}

RepeatedPrimitive::RepeatedPrimitive(const mx::array& node) : LentPrimitive(node) {
  for (auto& output : node.outputs()) {
    shapes_.push_back(output.shape());
    dtypes_.push_back(output.dtype());
  }
}

std::vector<mx::array> RepeatedPrimitive::apply(const std::vector<mx::array>& inputs) const {
  return mx::array::make_arrays(shapes_, dtypes_, original_, inputs);
}

void LentPrimitive::eval_cpu(const std::vector<mx::array>&, std::vector<mx::array>&) {
  throw std::logic_error("a primitive that was lent for a transformation was evaluated");
}

void LentPrimitive::eval_gpu(
    const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) {
  eval_cpu(inputs, outputs);
}

void LentPrimitives::lend(
    const std::vector<mx::array>& inputs, const std::vector<mx::array>& outputs) {
  // Whether a node depends on a traced input. Other nodes are left alone: another thread may be
  // evaluating them.
  std::unordered_map<std::uintptr_t, bool> depends;
  depends.reserve(64);
  for (auto& input : inputs) {
    depends.emplace(input.id(), true);
  }
  struct Visit {
    const mx::array* node;
    std::size_t next;
    bool depends;
  };
  // Depth first, with a stack of its own: a graph may be deeper than the thread's. Handles stay
  // where they are, as only primitives are replaced.
  std::vector<Visit> path;
  auto visit = [&](const mx::array& node) {
    const auto [entry, is_new] = depends.try_emplace(node.id(), false);
    if (is_new) {
      path.push_back({&node, 0, false});
    }
    return entry->second;
  };
  for (auto& output : outputs) {
    visit(output);
    while (!path.empty()) {
      const std::size_t top = path.size() - 1;
      const auto& above = path[top].node->inputs();
      if (path[top].next < above.size()) {
        const bool known = visit(above[path[top].next++]);
        path[top].depends |= known;
        continue;
      }
      const Visit done = path.back();
      path.pop_back();
      if (!done.depends) {
        continue;
      }
      depends[done.node->id()] = true;
      if (!path.empty()) {
        path.back().depends = true;
      }
      auto& lent = const_cast<mx::array&>(*done.node);
      if (!lent.has_primitive()) {
        continue;
      }
      if (auto primitive = rule_(lent)) {
        originals_.emplace_back(lent, std::exchange(lent.primitive_ptr(), std::move(primitive)));
      }
    }
  }
}

LentPrimitives::~LentPrimitives() {
  for (auto& [node, primitive] : originals_) {
    node.primitive_ptr() = std::move(primitive);
  }
}

}  // namespace mlx_c

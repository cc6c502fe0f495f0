#include "core/lent_primitives.hpp"

#include <cstdint>
#include <optional>
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
  // Whether a node depends on a traced input; none while its own inputs are looked at. Other nodes
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
    if (auto primitive = rule_(node)) {
      originals_.emplace_back(node, std::exchange(node.primitive_ptr(), std::move(primitive)));
    }
  }
}

LentPrimitives::~LentPrimitives() {
  for (auto& [node, primitive] : originals_) {
    node.primitive_ptr() = std::move(primitive);
  }
}

}  // namespace mlx_c

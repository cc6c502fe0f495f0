#include "core/tape.hpp"

#include <string_view>

#include <mlx/primitives.h>

namespace mlx_c {

namespace mx = mlx::core;

bool stops_gradient(const mx::array& node) {
  return node.has_primitive() && std::string_view(node.primitive().name()) == "StopGradient";
}

Tape::Tape(const std::vector<mx::array>& inputs, const std::vector<mx::array>& outputs, Stop stop) {
  constexpr size_t usual = 16;
  nodes_.reserve(usual);
  input_slots_.reserve(2 * usual);
  path_.reserve(usual);
  bool is_new;
  for (auto& input : inputs) {
    int& slot = slots_.insert(input, is_new);
    if (is_new) {
      slot = slot_count_;
    }
    ++slot_count_;
  }
  for (auto& output : outputs) {
    visit(output, stop);
  }
}

// Depth first, with a stack of its own: a graph may be deeper than the thread's.
void Tape::visit(const mx::array& output, Stop stop) {
  auto enter = [this](const mx::array& node) {
    bool is_new;
    int& slot = slots_.insert(node, is_new);
    if (!is_new) {
      return;
    }
    slot = no_slot;
    // Of results of one node, the first that is reached stands for all.
    for (auto& sibling : node.siblings()) {
      slots_.insert(sibling, is_new) = no_slot;
    }
    if (!node.inputs().empty()) {
      path_.push_back({&node, 0});
    }
  };
  enter(output);
  while (!path_.empty()) {
    auto& [node, next] = path_.back();
    if (next < node->inputs().size()) {
      enter(node->inputs()[next++]);
      continue;
    }
    add(*node, stop);
    path_.pop_back();
  }
}

void Tape::add(const mx::array& node, Stop stop) {
  const auto first_input = input_slots_.size();
  bool depends = false;
  for (auto& input : node.inputs()) {
    const int slot = slots_[input];
    input_slots_.push_back(slot);
    depends |= slot != no_slot;
  }
  if (!depends || (stop == Stop::at_stop_gradient && stops_gradient(node))) {
    input_slots_.resize(first_input);
    return;
  }
  nodes_.push_back({node, slot_count_, static_cast<int>(first_input)});
  if (node.siblings().empty()) {
    slots_[node] = slot_count_++;
    return;
  }
  for (auto& result : node.outputs()) {
    slots_[result] = slot_count_++;
  }
}

void Tape::release_tracers() {
  for (auto& node : nodes_) {
    node.array.set_tracer(false);
    for (auto sibling : node.array.siblings()) {
      sibling.set_tracer(false);
    }
  }
}

}  // namespace mlx_c

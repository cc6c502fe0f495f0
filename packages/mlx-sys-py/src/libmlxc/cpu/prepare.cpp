#include <cstdint>
#include <cstring>

#include "cpu.hpp"
#include "delegate.hpp"
#include "failure.hpp"
#include "kernels.hpp"
#include "memory.hpp"
#include "pool.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

struct Replacement {
  const char* name;
  std::shared_ptr<Delegate> (*make)(array&);
  bool has_indices = false;
};

constexpr Replacement replacements[] = {
    {"QuantizedMatmul", quantized_matmul},
    {"GatherQMM", gather_qmm, true},
    {"Matmul", matmul},
    {"AddMM", addmm},
    {"Gather", gather, true},
    {"GatherAxis", gather_axis, true},
    {"GatherMM", gather_mm, true},
    {"Scatter", scatter, true},
    {"Scatter Sum", scatter, true},
    {"Scatter Prod", scatter, true},
    {"Scatter Min", scatter, true},
    {"Scatter Max", scatter, true},
    {"ScatterAxis", scatter_axis, true},
    {"ScatterAxis Sum", scatter_axis, true},
    {"DynamicSlice", dynamic_slice, true},
    {"DynamicSliceUpdate", dynamic_slice_update, true},
    {"SegmentedMM", segmented_mm, true},
};

// The ids of nodes seen, with open addressing: this runs for every node of every evaluation.
class Seen {
 public:
  // Whether `id` is new.
  bool insert(std::uintptr_t id) {
    if (count_ * 2 >= slots_.size()) grow();
    return place(id);
  }

 private:
  bool place(std::uintptr_t id) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t i = (id >> 4) * 0x9e3779b97f4a7c15u >> 20 & mask;
    for (; slots_[i] != 0; i = (i + 1) & mask)
      if (slots_[i] == id) return false;
    slots_[i] = id;
    count_++;
    return true;
  }

  void grow() {
    std::vector<std::uintptr_t> old(slots_.empty() ? 64 : slots_.size() * 2);
    old.swap(slots_);
    count_ = 0;
    for (std::uintptr_t id : old)
      if (id != 0) place(id);
  }

  std::vector<std::uintptr_t> slots_;
  std::size_t count_ = 0;
};

bool pending(const array& node) {
  return node.status() == array::Status::unscheduled && node.has_primitive();
}

// Returns whether the node checks indices.
bool replace_kernel(array& node) {
  auto& primitive = node.primitive_ptr();
  const char* name = primitive->name();
  for (const Replacement& replacement : replacements) {
    if (*name != *replacement.name || std::strcmp(name, replacement.name) != 0) continue;
    if (!dynamic_cast<Delegate*>(primitive.get()))
      if (auto delegate = replacement.make(node)) primitive = std::move(delegate);
    return replacement.has_indices;
  }
  return false;
}

// Whether what the node computes can fail by its values.
bool prepare(array& node) {
  auto& primitive = node.primitive_ptr();
  if (primitive->device() != mlx::core::Device::cpu) return false;
  check_memory(node);
  bool can_fail = replace_kernel(node);
  if (auto delegate = dependent(node)) {
    primitive = std::move(delegate);
    can_fail = true;
  }
  return can_fail;
}

}  // namespace

std::shared_ptr<Evaluation> prepare(const std::vector<array>& outputs) {
  // Wrong settings come out of the first evaluation, whatever it computes.
  kernels();
  thread_count();

  Seen seen;
  std::vector<array*> stack;
  Evaluation::Graph graph;
  bool can_fail = false;
  auto visit = [&](const array& node) {
    if (pending(node) && seen.insert(node.id())) stack.push_back(const_cast<array*>(&node));
  };
  for (const array& output : outputs) {
    check_failure(output);
    visit(output);
  }
  while (!stack.empty()) {
    array* node = stack.back();
    stack.pop_back();
    // First, because it may change the inputs.
    can_fail |= prepare(*node);
    graph.push_back(node->id());
    graph.push_back(node->inputs().size());
    for (const array& input : node->inputs()) {
      graph.push_back(input.id());
      visit(input);
    }
  }
  return can_fail ? std::make_shared<Evaluation>(std::move(graph)) : nullptr;
}

}  // namespace mlx_c::cpu

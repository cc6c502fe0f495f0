#include <cstdint>
#include <cstring>

#include "cpu.hpp"
#include "delegate.hpp"
#include "kernels.hpp"
#include "pool.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

struct Replacement {
  const char* name;
  std::shared_ptr<Delegate> (*make)(array&);
};

constexpr Replacement replacements[] = {
    {"QuantizedMatmul", quantized_matmul},
    {"GatherQMM", gather_qmm},
    {"Matmul", matmul},
    {"AddMM", addmm},
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

void replace(array& node) {
  auto& primitive = node.primitive_ptr();
  if (primitive->device() != mlx::core::Device::cpu) return;
  for (const Replacement& replacement : replacements) {
    if (std::strcmp(primitive->name(), replacement.name) != 0) continue;
    if (dynamic_cast<Delegate*>(primitive.get())) return;
    if (auto delegate = replacement.make(node)) primitive = std::move(delegate);
    return;
  }
}

}  // namespace

void prepare(const std::vector<array>& outputs) {
  // Wrong settings come out of the first evaluation, whatever it computes.
  kernels();
  thread_count();

  Seen seen;
  std::vector<array*> stack;
  auto visit = [&](const array& node) {
    if (pending(node) && seen.insert(node.id())) stack.push_back(const_cast<array*>(&node));
  };
  for (const array& output : outputs) visit(output);
  while (!stack.empty()) {
    array* node = stack.back();
    stack.pop_back();
    // First, because it may change the inputs.
    replace(*node);
    for (const array& input : node->inputs()) visit(input);
  }
}

}  // namespace mlx_c::cpu

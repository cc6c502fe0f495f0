#include "cpu/nodes/empty_results.hpp"

#include <algorithm>

#include <mlx/allocator.h>

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;

class EmptyResults : public KernelOverride {
 public:
  using KernelOverride::KernelOverride;

  void eval_cpu(const std::vector<array>&, std::vector<array>& outputs) override {
    give_buffers(outputs);
  }

  void eval_gpu(const std::vector<array>&, std::vector<array>& outputs) override {
    give_buffers(outputs);
  }

 private:
  static void give_buffers(std::vector<array>& outputs) {
    for (array& output : outputs) {
      output.set_data(mx::allocator::malloc(0));
    }
  }
};

}  // namespace

std::shared_ptr<KernelOverride> empty_results(mx::array& node) {
  const auto is_empty = [](const mx::array& a) { return a.size() == 0; };
  if (!is_empty(node) || !std::ranges::all_of(node.siblings(), is_empty)) {
    return nullptr;
  }
  return std::make_shared<EmptyResults>(node.primitive_ptr());
}

void give_buffer(mx::array& array) {
  if (array.size() == 0 && !array.data_shared_ptr()) {
    array.set_data(mx::allocator::malloc(0));
  }
}

}  // namespace mlx_c::cpu

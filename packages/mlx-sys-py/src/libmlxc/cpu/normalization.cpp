// Root mean square normalisation.
#include <algorithm>
#include <optional>

#include "fast.hpp"
#include "fused.hpp"
#include "mlx/allocator.h"
#include "pool.hpp"
#include "steps.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// Numbers that one task computes.
constexpr int task_size = 1 << 14;

void run(const Kernels& kernels, View x, std::optional<View> weight, float eps, void* y) {
  const int size = x.shape.back();
  const int rows = static_cast<int>(x.size() / size);
  const Float type = x.type;
  std::optional<Buffer<float>> ordered, factors;
  if (weight && (weight->type != Float::f32 || !weight->row_contiguous)) {
    factors.emplace(size);
    weight->copy_to(kernels, factors->data());
    weight->data = factors->data();
  }
  if (!x.row_contiguous) {
    ordered.emplace(x.size());
    x.copy_to(kernels, ordered->data());
    x.data = ordered->data();
    x.type = Float::f32;
  }
  auto* w = weight ? static_cast<const float*>(weight->data) : nullptr;
  const int step = std::max(1, task_size / size);
  parallel_for((rows + step - 1) / step, [&](int task) {
    std::optional<Buffer<float>> converted;
    if (type != Float::f32) converted.emplace(size);
    for (int row = task * step; row < std::min(rows, (task + 1) * step); row++) {
      const std::size_t at = static_cast<std::size_t>(row) * size;
      auto* source = static_cast<const char*>(x.data) + at * item_size(x.type);
      auto* target = static_cast<char*>(y) + at * item_size(type);
      if (type == Float::f32) {
        kernels.rms_norm(
            reinterpret_cast<const float*>(source), w, eps, size, reinterpret_cast<float*>(target));
      } else {
        float* row_values = converted->data();
        kernels.widen(source, x.type, row_values, size);
        kernels.rms_norm(row_values, w, eps, size, row_values);
        kernels.narrow(row_values, target, type, size);
      }
    }
  });
}

class RMSNorm : public Fused {
 public:
  RMSNorm(mlx::core::Stream stream, float eps) : Fused(stream), eps_(eps) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    std::optional<View> weight;
    if (inputs.size() == 2) weight.emplace(inputs[1]);
    array& y = outputs[0];
    y.set_data(mlx::core::allocator::malloc(y.nbytes()));
    dispatch(
        stream(),
        [table = kernels(), x = View(inputs[0]), weight, eps = eps_, data = y.data<void>()] {
          run(*table, x, weight, eps, data);
        });
  }

  const char* name() const override {
    return "RMSNorm";
  }

 private:
  const float eps_;
};

}  // namespace

bool fuses_rms_norm(
    const array& x, const std::optional<array>& weight, mlx::core::StreamOrDevice s) {
  if (x.ndim() == 0 || !can_fuse({x}, s)) return false;
  return !weight || (weight->shape() == mlx::core::Shape{x.shape(-1)} && can_fuse({x, *weight}, s));
}

array rms_norm(
    const array& x, const std::optional<array>& weight, float eps, mlx::core::StreamOrDevice s) {
  std::vector<array> inputs{x};
  if (weight) inputs.push_back(*weight);
  return array(
      x.shape(),
      x.dtype(),
      std::make_shared<RMSNorm>(mlx::core::to_stream(s), eps),
      std::move(inputs));
}

}  // namespace mlx_c::cpu

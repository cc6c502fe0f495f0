// Arrays with a margin of one value.
#include <mlx/ops.h>
#include <mlx/primitives.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/ops.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

class Pad : public KernelOverride {
 public:
  Pad(std::shared_ptr<mx::Primitive> original, std::vector<int> axes, mx::Shape low)
      : KernelOverride(std::move(original)), axes_(std::move(axes)), low_(std::move(low)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array &x = inputs[0], &value = inputs[1];
    array& y = outputs[0];
    allocate_for(y);
    Copy fill = copy_of(value, y);
    fill.from = mx::Strides(y.ndim(), 0);
    fill.to = y.strides();
    fill.shape = y.shape();
    Copy copy = copy_of(x, y);
    std::ptrdiff_t offset = 0;
    for (std::size_t i = 0; i < axes_.size(); i++) {
      offset += low_[i] * y.strides(axes_[i]);
    }
    copy.target = y.data<char>() + offset * static_cast<std::ptrdiff_t>(y.itemsize());
    dispatch(stream(), [fill = std::move(fill), copy = std::move(copy)] {
      fill();
      copy();
    });
  }

 private:
  const std::vector<int> axes_;
  const mx::Shape low_;
};

}  // namespace

Override pad(array& node) {
  const auto [axes, low, high] = static_cast<const mx::Pad&>(node.primitive()).state();
  return std::make_shared<Pad>(node.primitive_ptr(), axes, low);
}

}  // namespace mlx_c::cpu

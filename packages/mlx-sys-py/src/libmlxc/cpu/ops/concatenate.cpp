// Arrays joined along an axis.
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

class Concatenate : public KernelOverride {
 public:
  Concatenate(std::shared_ptr<mx::Primitive> original, int axis)
      : KernelOverride(std::move(original)), axis_(axis) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    allocate_for(y);
    std::vector<Copy> copies;
    copies.reserve(inputs.size());
    char* target = y.data<char>();
    for (const array& x : inputs) {
      Copy copy = copy_of(x, y);
      copy.target = target;
      copies.push_back(std::move(copy));
      target += x.shape(axis_) * y.strides(axis_) * static_cast<std::ptrdiff_t>(y.itemsize());
    }
    dispatch(stream(), [copies = std::move(copies)] {
      for (const Copy& copy : copies) {
        copy();
      }
    });
  }

 private:
  const int axis_;
};

}  // namespace

Override concatenate(array& node) {
  const int axis = static_cast<const mx::Concatenate&>(node.primitive()).state();
  return std::make_shared<Concatenate>(node.primitive_ptr(), axis);
}

}  // namespace mlx_c::cpu

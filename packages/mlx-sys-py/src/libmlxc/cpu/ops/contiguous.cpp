// Copies whose elements lie in order.
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

class Contiguous : public KernelOverride {
 public:
  Contiguous(std::shared_ptr<mx::Primitive> original, bool takes_columns)
      : KernelOverride(std::move(original)), takes_columns_(takes_columns) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    array& y = outputs[0];
    const bool in_order = x.flags().row_contiguous || (takes_columns_ && x.flags().col_contiguous);
    // A small part of a large buffer is copied, so that the buffer can go.
    if (in_order && x.buffer_size() <= y.nbytes() + 16384) {
      return y.copy_shared_buffer(x);
    }
    allocate_for(y);
    dispatch(stream(), copy_of(x, y));
  }

 private:
  const bool takes_columns_;
};

}  // namespace

Override contiguous(array& node) {
  // Whether the order of columns is as good as that of rows is told by comparison alone.
  static const auto& rows_only =
      *new auto(mx::contiguous(array(0), false, node.primitive().stream()).primitive_ptr());
  return std::make_shared<Contiguous>(
      node.primitive_ptr(), !node.primitive().is_equivalent(*rows_only));
}

}  // namespace mlx_c::cpu

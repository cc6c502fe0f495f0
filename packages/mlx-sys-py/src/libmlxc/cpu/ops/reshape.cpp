// Another shape for the same elements, in place where their layout allows.
#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>

#include <mlx/backend/common/utils.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/ops.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// The strides that make `a`, without a copy, an array of another shape of the same size, if there
// are any.
std::optional<mx::Strides> strides_for(const array& a, const mx::Shape& shape) {
  if (a.size() == 0 || a.flags().row_contiguous) {
    return mx::make_contiguous_strides(shape);
  }
  mx::Strides strides(shape.size(), 1);
  // From the last axis to the first: each group of old axes that are contiguous in memory must
  // split into new axes evenly.
  int from = static_cast<int>(a.ndim()) - 1;
  int to = static_cast<int>(shape.size()) - 1;
  while (from >= 0) {
    if (a.shape(from) == 1) {
      from--;
      continue;
    }
    std::int64_t size = a.shape(from), stride = a.strides(from);
    for (from--; from >= 0; from--) {
      if (a.shape(from) == 1) {
        continue;
      }
      if (a.strides(from) != size * stride) {
        break;
      }
      size *= a.shape(from);
    }
    for (; to >= 0 && size % shape[to] == 0 && (size > 1 || shape[to] == 1); to--) {
      strides[to] = stride;
      stride *= shape[to];
      size /= shape[to];
    }
    if (size > 1) {
      return std::nullopt;
    }
  }
  return strides;
}

class Reshape : public KernelOverride {
 public:
  Reshape(std::shared_ptr<mx::Primitive> original, mx::Shape shape)
      : KernelOverride(std::move(original)), shape_(std::move(shape)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    auto strides = strides_for(x, shape_);
    if (!strides) {
      allocate_for(outputs[0]);
      Copy copy = copy_of(x, outputs[0]);
      copy.to = mx::make_contiguous_strides(x.shape());
      return dispatch(stream(), std::move(copy));
    }
    auto flags = x.flags();
    const auto [size, row, column] = mx::check_contiguity(shape_, *strides);
    flags.row_contiguous = flags.contiguous && row;
    flags.col_contiguous = flags.contiguous && column;
    outputs[0].copy_shared_buffer(x, *strides, flags, x.data_size());
  }

 private:
  const mx::Shape shape_;
};

}  // namespace

Override reshape(array& node) {
  return std::make_shared<Reshape>(node.primitive_ptr(), node.shape());
}

}  // namespace mlx_c::cpu

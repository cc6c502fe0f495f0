// Slices of an array that are given other values, or combined with them.
#include "cpu/ops/slice_update.hpp"

#include <cstddef>
#include <optional>

#include <mlx/ops.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/indexing/scatter.hpp"
#include "cpu/ops/ops.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

struct Part {
  std::int64_t offset;
  mx::Strides strides;
};

// A slice of an array.
Part part_of(const array& y, const mx::Shape& start, const mx::Shape& steps) {
  Part part{0, y.strides()};
  for (std::size_t i = 0; i < start.size(); i++) {
    part.offset += start[i] * y.strides(i);
    part.strides[i] *= steps[i];
  }
  return part;
}

class SliceUpdate : public KernelOverride {
 public:
  SliceUpdate(std::shared_ptr<mx::Primitive> original, mx::Shape start, mx::Shape steps)
      : KernelOverride(std::move(original)), start_(std::move(start)), steps_(std::move(steps)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    copy_on_write(inputs[0], y, stream());
    Copy copy = copy_of(inputs[1], y);
    const auto [offset, strides] = part_of(y, start_, steps_);
    copy.to = strides;
    copy.target = y.data<char>() + offset * static_cast<std::ptrdiff_t>(y.itemsize());
    dispatch(stream(), std::move(copy));
  }

 private:
  const mx::Shape start_, steps_;
};

class SliceUpdateReduce : public KernelOverride {
 public:
  SliceUpdateReduce(
      std::shared_ptr<mx::Primitive> original, ScatterReduce how, mx::Shape start, mx::Shape steps)
      : KernelOverride(std::move(original)),
        how_(how),
        start_(std::move(start)),
        steps_(std::move(steps)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& update = inputs[1];
    array& y = outputs[0];
    start_update(inputs[0], y, stream());
    const auto [offset, strides] = part_of(y, start_, steps_);
    dispatch(
        stream(),
        ScatterTask{
            how_,
            y.dtype(),
            y.data<void>(),
            y.size(),
            offset,
            {},
            1,
            update.shape(),
            strides,
            copy_in_order(update),
            update.flags().row_contiguous,
            std::nullopt});
  }

 private:
  const ScatterReduce how_;
  const mx::Shape start_, steps_;
};

}  // namespace

void copy_on_write(const array& x, array& y, mx::Stream stream) {
  if (may_overwrite(x) && x.flags().contiguous && x.size() == x.data_size()) {
    return y.copy_shared_buffer(x);
  }
  allocate_for(y);
  dispatch(stream, copy_of(x, y));
}

Override slice_update(array& node) {
  const auto [reduce, start, end, steps] =
      static_cast<const mx::SliceUpdate&>(node.primitive()).state();
  return std::make_shared<SliceUpdate>(node.primitive_ptr(), start, steps);
}

Override slice_update_reduce(array& node) {
  const auto [reduce, start, end, steps] =
      static_cast<const mx::SliceUpdate&>(node.primitive()).state();
  const ScatterReduce how = scatter_reduce(reduce);
  if (!can_scatter_reduce(how, node.dtype())) {
    return keep_mlx("no kernel for this type");
  }
  return std::make_shared<SliceUpdateReduce>(node.primitive_ptr(), how, start, steps);
}

}  // namespace mlx_c::cpu

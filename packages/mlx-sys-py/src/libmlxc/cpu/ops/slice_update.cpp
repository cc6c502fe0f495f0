// Operations that move elements and compute nothing.
#include <cstddef>
#include <optional>

#include <mlx/ops.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/indexing/scatter.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

void allocate(array& y) {
  y.set_data(cpu::allocate(y.nbytes()));
}

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
    allocate(y);
    dispatch(stream(), copy_of(x, y));
  }

 private:
  const bool takes_columns_;
};

class Concatenate : public KernelOverride {
 public:
  Concatenate(std::shared_ptr<mx::Primitive> original, int axis)
      : KernelOverride(std::move(original)), axis_(axis) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    allocate(y);
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

class SliceUpdate : public KernelOverride {
 public:
  SliceUpdate(std::shared_ptr<mx::Primitive> original, mx::Shape start, mx::Shape steps)
      : KernelOverride(std::move(original)), start_(std::move(start)), steps_(std::move(steps)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array &x = inputs[0], &update = inputs[1];
    array& y = outputs[0];
    // Nobody else has this array: it becomes the result, as a cache that grows.
    const bool in_place = may_overwrite(x) && x.flags().contiguous && x.size() == x.data_size();
    if (in_place) {
      y.copy_shared_buffer(x);
    } else {
      allocate(y);
      dispatch(stream(), copy_of(x, y));
    }
    Copy copy = copy_of(update, y);
    const auto [offset, strides] = part_of(y, start_, steps_);
    copy.to = strides;
    copy.target = y.data<char>() + offset * static_cast<std::ptrdiff_t>(y.itemsize());
    dispatch(stream(), std::move(copy));
  }

 private:
  const mx::Shape start_, steps_;
};

class SliceCombination : public KernelOverride {
 public:
  SliceCombination(
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

class Pad : public KernelOverride {
 public:
  Pad(std::shared_ptr<mx::Primitive> original, std::vector<int> axes, mx::Shape low)
      : KernelOverride(std::move(original)), axes_(std::move(axes)), low_(std::move(low)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array &x = inputs[0], &value = inputs[1];
    array& y = outputs[0];
    allocate(y);
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

std::shared_ptr<KernelOverride> contiguous(array& node) {
  if (!kernels()) {
    return nullptr;
  }
  // Whether the order of columns is as good as that of rows is told by comparison alone.
  static const auto& rows_only =
      *new auto(mx::contiguous(array(0), false, node.primitive().stream()).primitive_ptr());
  return std::make_shared<Contiguous>(
      node.primitive_ptr(), !node.primitive().is_equivalent(*rows_only));
}

std::shared_ptr<KernelOverride> concatenate(array& node) {
  if (!kernels()) {
    return nullptr;
  }
  const int axis = static_cast<const mx::Concatenate&>(node.primitive()).state();
  return std::make_shared<Concatenate>(node.primitive_ptr(), axis);
}

std::shared_ptr<KernelOverride> slice_update(array& node) {
  if (!kernels()) {
    return nullptr;
  }
  const auto [reduce, start, end, steps] =
      static_cast<const mx::SliceUpdate&>(node.primitive()).state();
  return std::make_shared<SliceUpdate>(node.primitive_ptr(), start, steps);
}

std::shared_ptr<KernelOverride> slice_combination(array& node) {
  const auto [reduce, start, end, steps] =
      static_cast<const mx::SliceUpdate&>(node.primitive()).state();
  const ScatterReduce how = scatter_reduce(reduce);
  if (!kernels() || !can_scatter_reduce(how, node.dtype())) {
    return nullptr;
  }
  return std::make_shared<SliceCombination>(node.primitive_ptr(), how, start, steps);
}

std::shared_ptr<KernelOverride> pad(array& node) {
  if (!kernels()) {
    return nullptr;
  }
  const auto [axes, low, high] = static_cast<const mx::Pad&>(node.primitive()).state();
  return std::make_shared<Pad>(node.primitive_ptr(), axes, low);
}

}  // namespace mlx_c::cpu

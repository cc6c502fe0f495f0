// Slices whose start is itself an array: taken from an array, or given other values in it.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <mlx/primitives.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/indexing/checks.hpp"
#include "cpu/ops/indexing/reader.hpp"
#include "cpu/ops/ops.hpp"
#include "cpu/ops/slice_update.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// The start of a slice of `x`, whose i-th element is for the i-th of some axes.
class Start {
 public:
  Start(
      const char* operation,
      const array& start,
      const std::vector<int>& axes,
      const array& x,
      const mx::Shape& slice)
      : operation_(operation) {
    axes_.reserve(axes.size());
    for (const int axis : axes) {
      const Limit limit{axis, x.shape(axis), slice[axis], false};
      axes_.push_back({IndexReader(start, start.shape(), limit), x.strides(axis)});
    }
  }

  // Writes how far from the first element of the array the slice begins. Returns what is wrong with
  // the first wrong index, if there is one.
  std::optional<std::string> read(std::int64_t& offset) const {
    offset = 0;
    for (std::size_t i = 0; i < axes_.size(); i++) {
      std::int64_t place;
      if (auto wrong = axes_[i].places.read(operation_, i, 1, &place)) {
        return wrong;
      }
      offset += place * axes_[i].step;
    }
    return std::nullopt;
  }

 private:
  const char* operation_;
  std::vector<AxisIndices> axes_;
};

std::ptrdiff_t bytes_of(const Copy& copy, std::int64_t elements) {
  return static_cast<std::ptrdiff_t>(elements) * static_cast<std::ptrdiff_t>(copy.item);
}

class DynamicSlice : public KernelOverride {
 public:
  DynamicSlice(std::shared_ptr<mx::Primitive> original, std::vector<int> axes)
      : KernelOverride(std::move(original)), axes_(std::move(axes)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    array& y = outputs[0];
    allocate_for(y);
    Copy copy = copy_of(x, y);
    copy.shape = y.shape();
    dispatch(
        stream(),
        [start = Start("slice", inputs[1], axes_, x, y.shape()),
         copy = std::move(copy),
         size = y.nbytes(),
         report = ErrorReport(y)] {
          std::int64_t offset;
          if (const auto wrong = start.read(offset)) {
            if (size > 0) {
              std::memset(copy.target, 0, size);
            }
            return report(*wrong);
          }
          Copy slice = copy;
          slice.source = static_cast<const char*>(copy.source) + bytes_of(copy, offset);
          slice();
        });
  }

 private:
  const std::vector<int> axes_;
};

class DynamicSliceUpdate : public KernelOverride {
 public:
  DynamicSliceUpdate(std::shared_ptr<mx::Primitive> original, std::vector<int> axes)
      : KernelOverride(std::move(original)), axes_(std::move(axes)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& update = inputs[1];
    array& y = outputs[0];
    copy_on_write(inputs[0], y, stream());
    Copy copy = copy_of(update, y);
    copy.to = y.strides();
    dispatch(
        stream(),
        [start = Start("slice_update", inputs[2], axes_, y, update.shape()),
         copy = std::move(copy),
         report = ErrorReport(y)] {
          std::int64_t offset;
          if (const auto wrong = start.read(offset)) {
            return report(*wrong);
          }
          Copy slice = copy;
          slice.target = static_cast<char*>(copy.target) + bytes_of(copy, offset);
          slice();
        });
  }

 private:
  const std::vector<int> axes_;
};

}  // namespace

Override dynamic_slice(array& node) {
  if (is_stock() || !holds_indices(node.inputs()[1])) {
    return checked_dynamic_slice(node);
  }
  return std::make_shared<DynamicSlice>(
      node.primitive_ptr(), static_cast<const mx::DynamicSlice&>(node.primitive()).state().first);
}

Override dynamic_slice_update(array& node) {
  if (is_stock() || !holds_indices(node.inputs()[2])) {
    return checked_dynamic_slice_update(node);
  }
  return std::make_shared<DynamicSliceUpdate>(
      node.primitive_ptr(), static_cast<const mx::DynamicSliceUpdate&>(node.primitive()).state());
}

}  // namespace mlx_c::cpu

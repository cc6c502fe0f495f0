// Bounds checks of indices: an IndexError instead of an access out of bounds.
//
// MLX's kernels trust their indices. The override passes a copy in which each index out of range is
// 0, and makes the evaluation fail if there was one: a task that fails does not stop those after
// it, so the kernel runs in either case.
#include "cpu/ops/indexing/checks.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include <mlx/allocator.h>
#include <mlx/backend/cpu/encoder.h>
#include <mlx/utils.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/ops/ops.hpp"

namespace mlx_c::cpu {

std::string index_message(const char* name, const std::string& index, const Limit& limit) {
  std::string text = std::string("[") + name + "] index " + index + " is out of range for ";
  text += limit.axis == Limit::batch ? "a batch" : "axis " + std::to_string(limit.axis);
  text += " of size " + std::to_string(limit.size);
  if (limit.length > 1) {
    text += ", slices of which have size " + std::to_string(limit.length);
  }
  return text;
}

namespace {

namespace mx = mlx::core;
using mx::array;

// An input that holds indices: all for one axis, or the i-th index for the axis of the i-th limit.
struct Indices {
  std::size_t input;
  std::vector<Limit> limits;
};

template <class T>
T saturated(std::int64_t value) {
  if (std::cmp_greater(value, std::numeric_limits<T>::max())) {
    return std::numeric_limits<T>::max();
  }
  if (std::cmp_less(value, std::numeric_limits<T>::min())) {
    return std::numeric_limits<T>::min();
  }
  return static_cast<T>(value);
}

// Returns the message for the first index out of range, or "". Copies the indices to `target`,
// unless that is null, with 0 in place of those out of range.
template <class T>
std::string copy(
    const char* name, const T* source, T* target, std::size_t size, const Limit& limit) {
  const T low = saturated<T>(limit.wraps ? -limit.size : 0), high = saturated<T>(limit.last());
  // A slice does not wrap around the end: between these and 0 it would have to.
  const T gap = saturated<T>(limit.wraps ? -limit.length : -1);
  auto is_wrong = [=](T i) { return (i < low) | (i > high) | ((i > gap) & (i < T(0))); };
  // As wide as the indices, so that the loop is vectorised.
  T wrong = 0;
  for (std::size_t i = 0; i < size; i++) {
    wrong |= static_cast<T>(is_wrong(source[i]));
  }
  if (target && target != source) {
    std::copy_n(source, size, target);
  }
  if (!wrong) {
    return {};
  }
  const T first = *std::find_if(source, source + size, is_wrong);
  if (target) {
    std::replace_if(target, target + size, is_wrong, T(0));
  }
  return index_message(name, std::to_string(first), limit);
}

// Copies elements of any layout into row-major order.
template <class T>
void gather_in_order(
    const T* source, T* target, const mx::Shape& shape, const mx::Strides& strides) {
  mx::Shape at(shape.size(), 0);
  for (bool more = true; more;) {
    *target++ = *source;
    more = false;
    for (std::size_t d = shape.size(); d-- > 0 && !more;) {
      source += strides[d];
      more = ++at[d] < shape[d];
      if (!more) {
        source -= strides[d] * std::exchange(at[d], 0);
      }
    }
  }
}

// The check of one input, for a task; holds no handle, see View.
struct Check {
  const char* name;
  mx::Dtype type;
  const void* source;
  void* target;
  std::size_t size;
  bool in_order;
  mx::Shape shape;
  mx::Strides strides;
  std::vector<Limit> limits;

  template <class T>
  std::string run_typed() const {
    auto* from = static_cast<const T*>(source);
    auto* to = static_cast<T*>(target);
    if (size == 0) {
      return {};
    }
    if (!in_order) {
      gather_in_order(from, to, shape, strides);
      from = to;
    }
    if (limits.size() == 1) {
      return copy(name, from, to, size, limits[0]);
    }
    std::string wrong;
    for (std::size_t i = 0; i < size; i++) {
      wrong += copy(name, from + i, to ? to + i : nullptr, 1, limits[i]);
    }
    return wrong;
  }

  std::string run() const {
    switch (type) {
      case mx::bool_:
      case mx::uint8:
        return run_typed<std::uint8_t>();
      case mx::uint16:
        return run_typed<std::uint16_t>();
      case mx::uint32:
        return run_typed<std::uint32_t>();
      case mx::uint64:
        return run_typed<std::uint64_t>();
      case mx::int8:
        return run_typed<std::int8_t>();
      case mx::int16:
        return run_typed<std::int16_t>();
      case mx::int32:
        return run_typed<std::int32_t>();
      case mx::int64:
        return run_typed<std::int64_t>();
      default:
        return "[" + std::string(name) + "] index of a type that is not an integer";
    }
  }
};

class CheckedIndices : public KernelOverride {
 public:
  CheckedIndices(
      std::shared_ptr<mx::Primitive> original, const char* operation, std::vector<Indices> indices)
      : KernelOverride(std::move(original)), operation_(operation), indices_(std::move(indices)) {}

  bool uses_task_queue(const std::vector<array>&) const override {
    return false;
  }

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    if (const Limit* limit = impossible(inputs)) {
      return refuse(*limit, outputs[0]);
    }
    // Replaces inputs for the time of the call: MLX keeps the inputs alive as long as it needs
    // them, and another handle on one would prevent its donation.
    auto& given = const_cast<std::vector<array>&>(inputs);
    std::vector<array> kept;
    for (const Indices& indices : indices_) {
      kept.push_back(
          std::exchange(given[indices.input], checked(given[indices.input], indices, outputs[0])));
    }
    original_->eval_cpu(inputs, outputs);
    for (std::size_t i = 0; i < kept.size(); i++) {
      given[indices_[i].input] = std::move(kept[i]);
    }
  }

 private:
  // A limit that no index is within, if there are indices.
  const Limit* impossible(const std::vector<array>& inputs) const {
    for (const Indices& indices : indices_) {
      for (const Limit& limit : indices.limits) {
        if (limit.last() < 0 && inputs[indices.input].size() > 0) {
          return &limit;
        }
      }
    }
    return nullptr;
  }

  void refuse(const Limit& limit, array& y) {
    allocate_for(y);
    ErrorReport{y}(index_message(operation_, "0", limit));
    mx::cpu::get_command_encoder(stream()).dispatch(
        [data = y.data<void>(), size = y.nbytes()] { std::memset(data, 0, size); });
  }

  array checked(const array& indices, const Indices& about, const array& node) {
    // In memory order if they are contiguous, else gathered.
    const auto& flags = indices.flags();
    const bool as_they_lie =
        (flags.row_contiguous || flags.col_contiguous) && about.limits.size() == 1;
    Check check{
        operation_,
        indices.dtype(),
        indices.data<void>(),
        nullptr,
        as_they_lie ? indices.data_size() : indices.size(),
        as_they_lie || flags.row_contiguous,
        indices.shape(),
        indices.strides(),
        about.limits};
    // Available indices need no copy unless one is out of range.
    const bool available = indices.status() == array::Status::available;
    if (available && check.in_order && check.run().empty()) {
      return indices;
    }
    array copy(indices.shape(), indices.dtype(), nullptr, {});
    if (as_they_lie) {
      copy.set_data(
          mx::allocator::malloc(indices.data_size() * indices.itemsize()),
          indices.data_size(),
          indices.strides(),
          flags);
    } else {
      copy.set_data(mx::allocator::malloc(indices.nbytes()));
    }
    check.target = copy.data<void>();
    auto& encoder = mx::cpu::get_command_encoder(stream());
    encoder.add_temporary(copy);
    auto verify = [check = std::move(check), report = ErrorReport(node)] {
      if (const std::string wrong = check.run(); !wrong.empty()) {
        report(wrong);
      }
    };
    if (available) {
      verify();
    } else {
      encoder.dispatch(std::move(verify));
    }
    return copy;
  }

  const char* const operation_;
  const std::vector<Indices> indices_;
};

// The check around `product`, or around MLX's primitive if that has no kernel.
Override guard(
    array& node,
    const char* operation,
    std::vector<Indices> indices,
    Override product = keep_mlx("no kernel but a check of the indices")) {
  if (product.kernel) {
    return std::make_shared<CheckedIndices>(
        std::move(product.kernel), operation, std::move(indices));
  }
  return {
      std::make_shared<CheckedIndices>(node.primitive_ptr(), operation, std::move(indices)),
      product.reason};
}

template <class P>
P& original(array& node) {
  return static_cast<P&>(node.primitive());
}

std::int64_t batch_size(const array& matrices) {
  return std::accumulate(
      matrices.shape().begin(), matrices.shape().end() - 2, std::int64_t{1}, std::multiplies<>());
}

Indices of_batch(std::size_t input, const array& matrices) {
  return {input, {{Limit::batch, batch_size(matrices), 1, false}}};
}

}  // namespace

Override checked_gather(array& node) {
  const auto [axes, lengths] = original<mx::Gather>(node).state();
  const array& source = node.inputs()[0];
  std::vector<Indices> indices;
  for (std::size_t i = 0; i < axes.size(); i++) {
    indices.push_back({i + 1, {{axes[i], source.shape(axes[i]), lengths[axes[i]], true}}});
  }
  return guard(node, "gather", std::move(indices));
}

Override checked_gather_axis(array& node) {
  const int axis = original<mx::GatherAxis>(node).state();
  return guard(node, "take_along_axis", {{1, {{axis, node.inputs()[0].shape(axis), 1, true}}}});
}

Override checked_scatter(array& node) {
  const auto axes = original<mx::Scatter>(node).state().second;
  const array &target = node.inputs()[0], &updates = node.inputs().back();
  // The axes of the updates are those of the indices, then those of the target.
  const int before = updates.ndim() - target.ndim();
  std::vector<Indices> indices;
  for (std::size_t i = 0; i < axes.size(); i++) {
    indices.push_back(
        {i + 1, {{axes[i], target.shape(axes[i]), updates.shape(before + axes[i]), true}}});
  }
  return guard(node, "scatter", std::move(indices));
}

Override checked_scatter_axis(array& node) {
  const int axis = original<mx::ScatterAxis>(node).state().second;
  return guard(node, "put_along_axis", {{1, {{axis, node.inputs()[0].shape(axis), 1, true}}}});
}

Override checked_dynamic_slice(array& node) {
  const auto [axes, lengths] = original<mx::DynamicSlice>(node).state();
  std::vector<Limit> limits;
  for (int axis : axes) {
    limits.push_back({axis, node.inputs()[0].shape(axis), lengths[axis], false});
  }
  return guard(node, "slice", {{1, std::move(limits)}});
}

Override checked_dynamic_slice_update(array& node) {
  std::vector<Limit> limits;
  for (int axis : original<mx::DynamicSliceUpdate>(node).state()) {
    limits.push_back({axis, node.inputs()[0].shape(axis), node.inputs()[1].shape(axis), false});
  }
  return guard(node, "slice_update", {{2, std::move(limits)}});
}

Override gather_mm(array& node) {
  const auto& inputs = node.inputs();
  return guard(
      node,
      "gather_mm",
      {of_batch(2, inputs[0]), of_batch(3, inputs[1])},
      is_stock() ? keep_mlx(stock_reason) : gather_mm_product(node));
}

Override checked_gather_qmm(array& node, Override product) {
  const auto& inputs = node.inputs();
  const std::size_t lhs = inputs.size() - 2;
  return guard(
      node,
      "gather_qmm",
      {of_batch(lhs, inputs[0]), of_batch(lhs + 1, inputs[1])},
      std::move(product));
}

Override segmented_mm(array& node) {
  // The begins and ends of segments; an end may be the size of the axis.
  const int columns = node.inputs()[0].shape(1);
  return guard(
      node,
      "segmented_mm",
      {{2, {{1, columns, 0, false}}}},
      is_stock() ? keep_mlx(stock_reason) : segmented_mm_product(node));
}

}  // namespace mlx_c::cpu

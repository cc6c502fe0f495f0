// Softmax, logsumexp, argmax and argmin along one axis.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>

#include <mlx/allocator.h>
#include <mlx/backend/common/utils.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/dtypes.hpp"
#include "cpu/arrays/strided.hpp"
#include "cpu/arrays/view.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/elementwise.hpp"
#include "cpu/ops/ops.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// Elements that one task reads.
constexpr std::size_t task_size = 1 << 15;

// The rows of an array along an axis, in the order of the other axes.
class Rows {
 public:
  Rows(const array& x, int axis)
      : data_(x.data<char>()),
        item_(x.itemsize()),
        step_(x.strides(axis)),
        size_(static_cast<std::size_t>(x.shape(axis))),
        starts_(without(x.shape(), axis), without(x.strides(), axis), without(x.shape(), axis)) {}

  std::size_t size() const {
    return size_;
  }

  // Calls f(index, row) for all rows, in parallel; strided rows are gathered.
  template <class F>
  void for_each(F f) const {
    const std::size_t rows = starts_.size();
    const std::size_t step = std::max<std::size_t>(1, task_size / size_);
    parallel_for(static_cast<int>((rows + step - 1) / step), [&](int task) {
      std::optional<Buffer<char>> memory;
      if (step_ != 1) {
        memory.emplace(size_ * item_);
      }
      std::size_t index = task * step;
      const std::size_t count = std::min(step, rows - index);
      starts_.for_runs(index, count, [&](std::ptrdiff_t start, std::size_t run) {
        for (std::size_t i = 0; i < run; i++, start += starts_.strides.back()) {
          const char* row = data_ + start * static_cast<std::ptrdiff_t>(item_);
          if (memory) {
            copy_strided(row, step_, size_, item_, memory->data());
            row = memory->data();
          }
          f(index++, row);
        }
      });
    });
  }

 private:
  template <class T>
  static T without(T values, int axis) {
    values.erase(values.begin() + axis);
    return values;
  }

  const char* data_;
  std::size_t item_;
  std::ptrdiff_t step_;
  std::size_t size_;
  Walk starts_;
};

class Softmax : public KernelOverride {
 public:
  Softmax(std::shared_ptr<mlx::core::Primitive> original, RowFunctions functions)
      : KernelOverride(std::move(original)), softmax_(functions.softmax) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    array& y = outputs[0];
    if (x.flags().row_contiguous && mlx::core::is_donatable(x, y)) {
      y.copy_shared_buffer(x);
    } else {
      allocate_for(y);
    }
    if (y.size() == 0) {
      return;
    }
    dispatch(
        stream(),
        [softmax = softmax_,
         rows = Rows(x, static_cast<int>(x.ndim()) - 1),
         item = y.itemsize(),
         target = y.data<char>()] {
          rows.for_each([&](std::size_t index, const char* row) {
            softmax(row, rows.size(), target + index * rows.size() * item);
          });
        });
  }

 private:
  void (*const softmax_)(const void*, std::size_t, void*);
};

class LogSumExp : public KernelOverride {
 public:
  LogSumExp(
      std::shared_ptr<mlx::core::Primitive> original, RowFunctions functions, Elementwise narrow)
      : KernelOverride(std::move(original)), logsumexp_(functions.logsumexp), narrow_(narrow) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    array& y = outputs[0];
    allocate_for(y);
    if (y.size() == 0) {
      return;
    }
    dispatch(
        stream(),
        [logsumexp = logsumexp_,
         narrow = narrow_,
         rows = Rows(x, static_cast<int>(x.ndim()) - 1),
         item = y.itemsize(),
         target = y.data<char>()] {
          rows.for_each([&](std::size_t index, const char* row) {
            float result;
            logsumexp(row, rows.size(), &result);
            const void* operand = &result;
            narrow(&operand, target + index * item, 1);
          });
        });
  }

 private:
  void (*const logsumexp_)(const void*, std::size_t, void*);
  const Elementwise narrow_;
};

class ArgReduce : public KernelOverride {
 public:
  ArgReduce(std::shared_ptr<mlx::core::Primitive> original, ArgReduction reduction, int axis)
      : KernelOverride(std::move(original)), reduction_(reduction), axis_(axis) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    allocate_for(y);
    if (y.size() == 0) {
      return;
    }
    dispatch(
        stream(),
        [reduction = reduction_, rows = Rows(inputs[0], axis_), target = y.data<std::uint32_t>()] {
          rows.for_each([&](std::size_t index, const char* row) {
            target[index] = reduction(row, rows.size());
          });
        });
  }

 private:
  const ArgReduction reduction_;
  const int axis_;
};

// Empty arrays: MLX divides by the length of the rows.
class Empty : public KernelOverride {
 public:
  using KernelOverride::KernelOverride;

  void eval_cpu(const std::vector<array>&, std::vector<array>& outputs) override {
    outputs[0].set_data(mlx::core::allocator::malloc(0));
  }
};

// None for empty arrays.
std::optional<ElementType> type_of_rows(const array& node) {
  const array& x = node.inputs()[0];
  if (is_stock() || x.ndim() == 0 || x.size() == 0) {
    return std::nullopt;
  }
  return element_type(x.dtype());
}

}  // namespace

Override softmax(array& node) {
  if (node.size() == 0) {
    return std::make_shared<Empty>(node.primitive_ptr());
  }
  const auto type = type_of_rows(node);
  if (!type || node.inputs()[0].dtype() != node.dtype()) {
    return keep_mlx("no kernel for these types");
  }
  const RowFunctions functions = kernels()->softmax.find(*type);
  if (!functions.softmax) {
    return keep_mlx("no kernel for these types");
  }
  return std::make_shared<Softmax>(node.primitive_ptr(), functions);
}

Override logsumexp(array& node) {
  if (node.size() == 0) {
    return std::make_shared<Empty>(node.primitive_ptr());
  }
  // In a function compiled for all shapes, nothing has checked the shape before.
  if (node.inputs()[0].size() == 0) {
    throw std::invalid_argument("[logsumexp] the rows of the array are empty");
  }
  const auto type = type_of_rows(node);
  if (!type || node.inputs()[0].dtype() != node.dtype()) {
    return keep_mlx("no kernel for these types");
  }
  const RowFunctions functions = kernels()->softmax.find(*type);
  if (!functions.logsumexp) {
    return keep_mlx("no kernel for these types");
  }
  return std::make_shared<LogSumExp>(
      node.primitive_ptr(),
      functions,
      kernels()->elementwise.find(Op::cast, ElementType::f32, *type));
}

Override arg_reduce(array& node) {
  const auto type = type_of_rows(node);
  if (!type) {
    return keep_mlx("no kernel for an array without elements");
  }
  const auto [kind, axis] = static_cast<mlx::core::ArgReduce&>(node.primitive()).state();
  const ArgReduction function =
      kernels()->reduce.find_arg(kind == mlx::core::ArgReduce::ArgMax, *type);
  if (!function) {
    return keep_mlx("no kernel for complex numbers");
  }
  return std::make_shared<ArgReduce>(node.primitive_ptr(), function, axis);
}

}  // namespace mlx_c::cpu

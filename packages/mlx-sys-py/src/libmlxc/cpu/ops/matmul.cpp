// Matmul and addmm.
#include <algorithm>
#include <cstring>
#include <optional>

#include <mlx/allocator.h>
#include <mlx/backend/common/utils.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/dtypes.hpp"
#include "cpu/arrays/matrix_view.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/ops.hpp"
#include "cpu/parallel/parallel_gemm.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Allocates column-major matrices.
void allocate_columns(array& y) {
  mx::Strides strides = y.strides();
  const std::size_t last = strides.size() - 1;
  strides[last - 1] = 1;
  strides[last] = y.shape(-2);
  const auto [size, row, column] = mx::check_contiguity(y.shape(), strides);
  allocate_for(y, size, strides, {true, row, column});
}

// (ab + c)^T = b^T a^T + c^T.
Gemm transposed(Gemm p) {
  std::swap(p.m, p.n);
  std::swap(p.a, p.b);
  std::swap(p.y_row, p.y_column);
  for (Operand* operand : {&p.a, &p.b, &p.c}) {
    std::swap(operand->row, operand->column);
  }
  return p;
}

class MatmulOverride : public KernelOverride {
 public:
  MatmulOverride(
      std::shared_ptr<mx::Primitive> original,
      ElementType type,
      float alpha,
      float beta,
      bool in_columns)
      : KernelOverride(std::move(original)),
        type_(type),
        alpha_(alpha),
        beta_(beta),
        in_columns_(in_columns) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    if (in_columns_) {
      allocate_columns(y);
    } else {
      allocate_for(y);
    }
    if (y.size() == 0) {
      return;
    }
    Gemm p{};
    p.type = type_;
    p.m = inputs[0].shape(-2);
    p.n = inputs[1].shape(-1);
    p.k = inputs[0].shape(-1);
    p.y_row = in_columns_ ? 1 : p.n;
    p.y_column = in_columns_ ? p.m : 1;
    p.alpha = alpha_;
    p.beta = beta_;
    std::optional<MatrixView> c;
    if (inputs.size() == 3) {
      c.emplace(inputs[2], type_);
    }
    dispatch(
        stream(),
        [table = kernels(),
         p,
         in_columns = in_columns_,
         count = static_cast<int>(y.size() / p.m / p.n),
         a = MatrixView(inputs[0], type_),
         b = MatrixView(inputs[1], type_),
         c = std::move(c),
         y = y.data<char>()] {
          const std::ptrdiff_t size = item_size(p.type) * p.m * p.n;
          const auto turned = [&](const Gemm& p) { return in_columns ? transposed(p) : p; };
          batched_gemm(*table, turned(p), count, [&](int item) {
            Gemm whole = p;
            whole.a = a[item];
            whole.b = b[item];
            if (c) {
              whole.c = (*c)[item];
            }
            whole.y = y + item * size;
            return turned(whole);
          });
        });
  }

 private:
  const ElementType type_;
  const float alpha_, beta_;
  const bool in_columns_;
};

Override gemm(array& node, float alpha, float beta, bool in_columns = false) {
  const auto type = inexact_type(node.dtype());
  if (!type) {
    return keep_mlx("no kernel for this type");
  }
  for (const array& input : node.inputs()) {
    if (input.dtype() != node.dtype()) {
      return keep_mlx("no kernel for operands of several types");
    }
  }
  return std::make_shared<MatmulOverride>(node.primitive_ptr(), *type, alpha, beta, in_columns);
}

// Whether a node transposes the last two axes of its input and no others.
bool exchanges_last_axes(const array& node) {
  const auto axes = static_cast<mx::Transpose&>(node.primitive()).state();
  const int last = static_cast<int>(axes.size()) - 1;
  for (int i = 0; i < last - 1; i++) {
    if (axes[i] != i) {
      return false;
    }
  }
  return last > 0 && axes[last] == last - 1;
}

}  // namespace

Override matmul(array& node) {
  return gemm(node, 1.0f, 0.0f);
}

Override addmm(array& node) {
  const auto [alpha, beta] = static_cast<mlx::core::AddMM&>(node.primitive()).state();
  return gemm(node, alpha, beta);
}

Override transpose(array& node) {
  array& input = node.inputs()[0];
  if (input.status() == array::Status::unscheduled && input.has_primitive() &&
      std::strcmp(input.primitive().name(), "Matmul") == 0 &&
      input.primitive().device() == mx::Device::cpu &&
      !dynamic_cast<KernelPrimitive*>(&input.primitive()) && exchanges_last_axes(node)) {
    if (auto product = gemm(input, 1.0f, 0.0f, true).kernel) {
      input.primitive_ptr() = std::move(product);
    }
  }
  return keep_mlx("");
}

}  // namespace mlx_c::cpu

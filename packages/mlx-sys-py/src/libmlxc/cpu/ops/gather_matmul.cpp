// Gathered matmul (matrices chosen by indices) and segmented matmul.
#include <cstdint>
#include <vector>

#include <mlx/allocator.h>
#include <mlx/backend/cpu/encoder.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/dtypes.hpp"
#include "cpu/arrays/matrix_view.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/ops/ops.hpp"
#include "cpu/parallel/parallel_gemm.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// The indices of a product, of any layout.
class Indices {
 public:
  explicit Indices(const array& a)
      : data_(a.data<std::uint32_t>()), shape_(a.shape()), strides_(a.strides()) {}

  int operator[](int i) const {
    std::ptrdiff_t offset = 0;
    for (std::size_t d = shape_.size(); d-- > 0; i /= shape_[d]) {
      offset += i % shape_[d] * strides_[d];
    }
    return static_cast<int>(data_[offset]);
  }

 private:
  const std::uint32_t* data_;
  mlx::core::Shape shape_;
  mlx::core::Strides strides_;
};

// Their indices are checked by the override around them (indexing/checks.cpp) in a task of MLX's
// encoder, and the checked copy lives until the encoder's tasks of this node have run. So they use
// the encoder too, not the task queue.
class Indexed : public KernelOverride {
 public:
  Indexed(std::shared_ptr<mlx::core::Primitive> original, ElementType type)
      : KernelOverride(std::move(original)), type_(type) {}

  bool uses_task_queue(const std::vector<array>&) const override {
    return false;
  }

 protected:
  Gemm product(const array& a, const array& b) const {
    const int n = b.shape(-1);
    return {type_, a.shape(-2), n, a.shape(-1), {}, {}, {}, nullptr, n, 1, 1.0f, 0.0f};
  }

  const ElementType type_;
};

class GatherMM : public Indexed {
 public:
  using Indexed::Indexed;

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    allocate_for(y);
    if (y.size() == 0) {
      return;
    }
    const Gemm p = product(inputs[0], inputs[1]);
    mlx::core::cpu::get_command_encoder(stream()).dispatch(
        [table = kernels(),
         p,
         count = static_cast<int>(y.size() / p.m / p.n),
         a = MatrixView(inputs[0], type_),
         b = MatrixView(inputs[1], type_),
         left = Indices(inputs[2]),
         right = Indices(inputs[3]),
         y = y.data<char>()] { run(*table, p, count, a, b, left, right, y); });
  }

 private:
  static void run(
      const Kernels& kernels,
      const Gemm& p,
      int count,
      const MatrixView& a,
      const MatrixView& b,
      const Indices& left,
      const Indices& right,
      char* y) {
    const std::ptrdiff_t size = item_size(p.type) * p.m * p.n;
    std::vector<Gemm> products;
    int first = 0;  // first item of the current product
    for (int item = 0; item < count; item++) {
      Gemm whole = p;
      whole.a = a[left[item]];
      whole.b = b[right[item]];
      whole.y = y + item * size;
      if (item > 0 && p.m == 1 && joins(products.back(), whole, item - first)) {
        products.back().m++;
      } else {
        products.push_back(whole);
        first = item;
      }
    }
    Gemm largest = p;
    for (const Gemm& whole : products) {
      largest.m = std::max(largest.m, whole.m);
    }
    batched_gemm(
        kernels, largest, static_cast<int>(products.size()), [&](int i) { return products[i]; });
  }

  // Whether a row times a matrix can be appended to a GEMM with the same matrix: so a sorted batch
  // of rows goes through a mixture of experts.
  static bool joins(Gemm& rows, const Gemm& row, int count) {
    if (row.b.data != rows.b.data) {
      return false;
    }
    const std::ptrdiff_t bytes =
        static_cast<const char*>(row.a.data) - static_cast<const char*>(rows.a.data);
    if (rows.m == 1) {
      if (bytes % item_size(row.type) != 0) {
        return false;
      }
      rows.a.row = bytes / item_size(row.type);
    }
    return bytes == count * rows.a.row * item_size(row.type);
  }
};

class SegmentedMM : public Indexed {
 public:
  using Indexed::Indexed;

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    allocate_for(y);
    if (y.size() == 0) {
      return;
    }
    mlx::core::cpu::get_command_encoder(stream()).dispatch(
        [table = kernels(),
         p = product(inputs[0], inputs[1]),
         count = static_cast<int>(inputs[2].size() / 2),
         a = MatrixView(inputs[0], type_)[0],
         b = MatrixView(inputs[1], type_)[0],
         segments = Indices(inputs[2]),
         y = y.data<char>()] {
          const std::ptrdiff_t size = item_size(p.type) * p.m * p.n;
          batched_gemm(*table, p, count, [&](int item) {
            const int begin = segments[2 * item], end = segments[2 * item + 1];
            Gemm whole = p;
            whole.k = std::max(0, end - begin);
            whole.a = from(a, p.type, 0, begin);
            whole.b = from(b, p.type, begin, 0);
            whole.y = y + item * size;
            return whole;
          });
        });
  }
};

template <class T>
Override indexed(array& node) {
  const auto type = inexact_type(node.dtype());
  const auto& inputs = node.inputs();
  if (!type || inputs[0].dtype() != node.dtype() || inputs[1].dtype() != node.dtype()) {
    return keep_mlx("no kernel for these types");
  }
  for (std::size_t i = 2; i < inputs.size(); i++) {
    if (inputs[i].dtype() != mlx::core::uint32) {
      return keep_mlx("no kernel for indices of this type");
    }
  }
  return std::make_shared<T>(node.primitive_ptr(), *type);
}

}  // namespace

Override gather_mm_product(array& node) {
  return indexed<GatherMM>(node);
}

Override segmented_mm_product(array& node) {
  return indexed<SegmentedMM>(node);
}

}  // namespace mlx_c::cpu

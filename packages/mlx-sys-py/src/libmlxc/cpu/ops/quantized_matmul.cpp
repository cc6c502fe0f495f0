// Quantized matmul: of one matrix, of batches, and gathered by indices.
#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include <mlx/allocator.h>
#include <mlx/backend/cpu/encoder.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/dtypes.hpp"
#include "cpu/arrays/matrix_stack.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/gathered_gemm.hpp"
#include "cpu/ops/ops.hpp"
#include "cpu/ops/quantized_gemm.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;
using mlx::core::QuantizationMode;

// The format of the quantized weights, from the state of the primitive.
struct Format {
  int group, bits;
  QuantizationMode mode;
  bool transposed;
};

Encoding encoding(const Format& format) {
  if (format.mode == QuantizationMode::Affine) {
    return Encoding::affine;
  }
  return format.bits == 4 ? Encoding::fp4 : Encoding::fp8;
}

// The operands of a node; holds no handles on its arrays.
struct Operands {
  Stack x, w, scales;
  std::optional<Stack> biases;

  Operands(const std::vector<array>& inputs, const Format& format, bool one_matrix)
      : x(inputs[0], one_matrix), w(inputs[1]), scales(inputs[2]) {
    if (format.mode == QuantizationMode::Affine) {
      biases.emplace(inputs[3]);
    }
  }

  void arrange() {
    x.arrange();
    w.arrange();
    scales.arrange();
    if (biases) {
      biases->arrange();
    }
  }

  // Sets the operands of p to the `item`-th weights.
  void choose_weights(QuantizedGemm& p, std::size_t item) const {
    p.w = static_cast<const std::uint32_t*>(w[item]);
    p.scales = scales[item];
    if (biases) {
      p.biases = (*biases)[item];
    }
  }
};

// The weights of p from a column of y on, where they are transposed.
void skip_columns(QuantizedGemm& p, int columns) {
  const bool affine = p.encoding == Encoding::affine;
  const auto rows = static_cast<std::size_t>(columns);
  const std::size_t groups = rows * (p.k / p.group);
  p.w += rows * p.k * p.bits / 32;
  p.scales = static_cast<const char*>(p.scales) + groups * (affine ? item_size(p.scales_type) : 1);
  if (affine) {
    p.biases = static_cast<const char*>(p.biases) + groups * item_size(p.biases_type);
  }
}

// Takes copies: operands are arranged anew where it is run again.
void run(
    const Kernels& kernels,
    const QuantizedGemm& one,
    Operands operands,
    std::vector<GatheredItem> items) {
  operands.arrange();
  // Weights that repeat are the same ones.
  std::unordered_map<std::ptrdiff_t, std::size_t> first;
  for (GatheredItem& item : items) {
    item.w = first.try_emplace(operands.w.offset(item.w), item.w).first->second;
  }
  const auto multiply_some = [&](QuantizedGemm p, std::size_t item, Range columns) {
    operands.choose_weights(p, item);
    if (p.transposed) {
      skip_columns(p, columns.begin);
    }
    IntegerRows rows;
    multiply(kernels, p, rows);
  };
  const auto x = [&](std::size_t item) { return operands.x[item]; };
  multiply_gathered({one, x, multiply_some, one.transposed}, std::move(items));
}

// The product of one matrix of x, or of `rows` rows of it.
QuantizedGemm describe(
    const Format& format, const std::vector<array>& inputs, array& y, std::size_t rows) {
  QuantizedGemm p{};
  p.m = static_cast<int>(rows);
  p.n = y.shape(-1);
  p.k = inputs[0].shape(-1);
  p.encoding = encoding(format);
  p.bits = format.bits;
  p.group = format.group;
  p.transposed = format.transposed;
  p.x_type = *float_type(inputs[0].dtype());
  if (p.encoding == Encoding::affine) {
    p.scales_type = *float_type(inputs[2].dtype());
    p.biases_type = *float_type(inputs[3].dtype());
  }
  allocate_for(y);
  p.y = y.data<void>();
  p.y_type = *float_type(y.dtype());
  return p;
}

bool all_in_order(const std::vector<array>& arrays) {
  return std::all_of(
      arrays.begin(), arrays.end(), [](const array& a) { return a.flags().row_contiguous; });
}

class QuantizedMatmul : public KernelOverride {
 public:
  QuantizedMatmul(std::shared_ptr<mlx::core::Primitive> original, Format format)
      : KernelOverride(std::move(original)), format_(format) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    const bool one_matrix = inputs[1].ndim() == 2;
    const std::size_t rows = one_matrix ? y.size() / y.shape(-1) : y.shape(-2);
    QuantizedGemm p = describe(format_, inputs, y, rows);
    if (one_matrix && all_in_order(inputs)) {
      p.x = inputs[0].data<void>();
      p.w = inputs[1].data<std::uint32_t>();
      p.scales = inputs[2].data<void>();
      if (p.encoding == Encoding::affine) {
        p.biases = inputs[3].data<void>();
      }
      return dispatch(stream(), [table = kernels(), p, shared = SharedRows(inputs[0])] {
        shared.with([&](IntegerRows& rows) { multiply(*table, p, rows); });
      });
    }
    std::vector<GatheredItem> items(y.size() / p.n / p.m);
    for (std::size_t i = 0; i < items.size(); i++) {
      items[i] = {i, i, i};
    }
    dispatch(
        stream(),
        [table = kernels(),
         p,
         operands = Operands(inputs, format_, one_matrix),
         items = std::move(items)] { run(*table, p, operands, items); });
  }

 private:
  const Format format_;
};

class GatherQmm : public KernelOverride {
 public:
  GatherQmm(std::shared_ptr<mlx::core::Primitive> original, Format format)
      : KernelOverride(std::move(original)), format_(format) {}

  bool uses_task_queue(const std::vector<array>&) const override {
    return false;
  }

  // The checked copy of the indices lives as long as the encoder's tasks of this node.
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    const QuantizedGemm p = describe(format_, inputs, y, y.shape(-2));
    const std::size_t count = y.size() / p.n / p.m, indices = inputs.size() - 2;
    mlx::core::cpu::get_command_encoder(stream()).dispatch(
        [table = kernels(),
         p,
         count,
         operands = Operands(inputs, format_, false),
         left = Stack(inputs[indices], true),
         right = Stack(inputs[indices + 1], true)]() mutable {
          left.arrange();
          right.arrange();
          auto* x = static_cast<const std::uint32_t*>(left[0]);
          auto* w = static_cast<const std::uint32_t*>(right[0]);
          std::vector<GatheredItem> items(count);
          for (std::size_t i = 0; i < count; i++) {
            items[i] = {x[i], w[i], i};
          }
          run(*table, p, operands, std::move(items));
        });
  }

 private:
  const Format format_;
};

// A product with empty operands: MLX divides by the number of rows, which crashes.
class EmptyProduct : public KernelOverride {
 public:
  using KernelOverride::KernelOverride;

  void eval_cpu(const std::vector<array>&, std::vector<array>& outputs) override {
    array& y = outputs[0];
    allocate_for(y);
    dispatch(stream(), [data = y.data<void>(), size = y.nbytes()] { std::memset(data, 0, size); });
  }
};

bool is_empty(const array& node) {
  return node.size() == 0 || node.inputs()[0].size() == 0 || node.inputs()[1].size() == 0;
}

// Whether the kernels take these weights, the inputs from the second on.
bool has_kernel(const array& node, const Format& format) {
  const auto& inputs = node.inputs();
  const array &x = inputs[0], &w = inputs[1], &scales = inputs[2];
  if (is_stock() || !float_type(node.dtype()) || !float_type(x.dtype())) {
    return false;
  }
  if (x.ndim() < 2 || w.ndim() < 2 || node.ndim() < 2 || w.dtype() != mlx::core::uint32) {
    return false;
  }
  const int length = format.transposed ? x.shape(-1) : node.shape(-1);
  const int rows = format.transposed ? node.shape(-1) : x.shape(-1);
  if (length % format.group != 0 || format.group % 16 != 0) {
    return false;
  }
  mlx::core::Shape shape = w.shape();
  shape.end()[-2] = rows;
  shape.end()[-1] = static_cast<int>(std::int64_t{length} * format.bits / 32);
  if (w.shape() != shape) {
    return false;
  }
  shape.end()[-1] = length / format.group;
  if (scales.shape() != shape) {
    return false;
  }
  if (format.mode != QuantizationMode::Affine) {
    return scales.dtype() == mlx::core::uint8;
  }
  return inputs[3].shape() == shape && float_type(scales.dtype()) && float_type(inputs[3].dtype());
}

// MLX casts the scales to the type of the product. The kernel converts them itself, so the casts
// are skipped where nothing else uses them.
void skip_conversion(array& input) {
  if (input.status() != array::Status::unscheduled || !input.has_primitive()) {
    return;
  }
  if (input.is_tracer() || std::strcmp(input.primitive().name(), "AsType") != 0) {
    return;
  }
  const array source = input.inputs()[0];
  if (!source.is_tracer() && float_type(source.dtype())) {
    input = source;
  }
}

void skip_conversions(array& node, const Format& format) {
  if (node.is_tracer() || format.mode != QuantizationMode::Affine) {
    return;
  }
  skip_conversion(node.inputs()[2]);
  skip_conversion(node.inputs()[3]);
}

}  // namespace

Override gather_qmm(array& node) {
  if (is_empty(node)) {
    return checked_gather_qmm(node, std::make_shared<EmptyProduct>(node.primitive_ptr()));
  }
  const auto [group, bits, mode, transposed, left_sorted, right_sorted] =
      static_cast<mlx::core::GatherQMM&>(node.primitive()).state();
  const Format format{group, bits, mode, transposed};
  if (!has_kernel(node, format)) {
    return checked_gather_qmm(
        node, keep_mlx("no kernel for this group size or these types or shapes"));
  }
  skip_conversions(node, format);
  return checked_gather_qmm(node, std::make_shared<GatherQmm>(node.primitive_ptr(), format));
}

Override quantized_matmul(array& node) {
  if (is_empty(node)) {
    return std::make_shared<EmptyProduct>(node.primitive_ptr());
  }
  const auto [group, bits, mode, transposed] =
      static_cast<mlx::core::QuantizedMatmul&>(node.primitive()).state();
  const Format format{group, bits, mode, transposed};
  if (!has_kernel(node, format)) {
    return keep_mlx("no kernel for this group size or these types or shapes");
  }
  skip_conversions(node, format);
  return std::make_shared<QuantizedMatmul>(node.primitive_ptr(), format);
}

}  // namespace mlx_c::cpu

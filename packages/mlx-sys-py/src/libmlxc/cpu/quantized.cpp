// Affine-quantized products.
#include <algorithm>
#include <cstring>
#include <optional>

#include "delegate.hpp"
#include "kernels.hpp"
#include "mlx/allocator.h"
#include "pool.hpp"
#include "steps.hpp"
#include "view.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// Multiplications below which other threads would cost more than they bring.
constexpr double worth_threads = 1 << 17;
// Tasks are whole panels of columns; enough of them to even out threads that lose time.
constexpr int panel = 32, tasks_per_thread = 8;
constexpr int task_rows = 128;

int pieces(int size, int piece) {
  return (size + piece - 1) / piece;
}

struct Operands {
  View x, w, scales, biases;
};

// Where the elements of `view` lie in order: in itself, or in a copy in `memory`, as floats.
const void* ordered(const Kernels& kernels, View& view, std::optional<Buffer<float>>& memory) {
  if (view.row_contiguous) return view.data;
  memory.emplace(view.size());
  view.copy_to(kernels, memory->data());
  view.type = Float::f32;
  return memory->data();
}

void run(const Kernels& kernels, QuantizedProduct p, Operands operands) {
  std::optional<Buffer<float>> x, w, scales, biases;
  p.x = ordered(kernels, operands.x, x);
  p.x_type = operands.x.type;
  p.w = static_cast<const std::uint32_t*>(ordered(kernels, operands.w, w));
  p.scales = ordered(kernels, operands.scales, scales);
  p.scales_type = operands.scales.type;
  p.biases = ordered(kernels, operands.biases, biases);
  p.biases_type = operands.biases.type;
  Buffer<float> packed(static_cast<std::size_t>(p.m) * kernels.packed_row(p));
  p.packed = packed.data();

  const bool threads = static_cast<double>(p.m) * p.n * p.k >= worth_threads;
  const int width =
      threads ? pieces(pieces(p.n, tasks_per_thread * thread_count()), panel) * panel : p.n;
  const int row_tasks = pieces(p.m, task_rows), column_tasks = pieces(p.n, width);
  const std::size_t scratch = kernels.scratch(p);
  parallel_for(row_tasks, [&](int task) {
    Buffer<float> memory(scratch);
    const int row = task * task_rows;
    kernels.pack_rows(p, {row, std::min(row + task_rows, p.m)}, memory.data());
  });
  parallel_for(row_tasks * column_tasks, [&](int task) {
    Buffer<float> memory(scratch);
    const int column = task % column_tasks * width, row = task / column_tasks * task_rows;
    const Range columns{column, std::min(column + width, p.n)};
    kernels.multiply(p, columns, {row, std::min(row + task_rows, p.m)}, memory.data());
  });
}

class QuantizedMatmul : public Delegate {
 public:
  QuantizedMatmul(std::shared_ptr<mlx::core::Primitive> original, int bits, int group)
      : Delegate(std::move(original)), bits_(bits), group_(group) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    y.set_data(mlx::core::allocator::malloc(y.nbytes()));
    QuantizedProduct p{};
    p.k = inputs[0].shape(-1);
    p.n = y.shape(-1);
    p.m = static_cast<int>(y.size() / p.n);
    p.bits = bits_;
    p.group = group_;
    p.y = y.data<void>();
    p.y_type = *float_type(y.dtype());
    Operands operands{
        View(inputs[0]), View(inputs[1], Float::f32), View(inputs[2]), View(inputs[3])};
    dispatch(stream(), [table = kernels(), p, operands = std::move(operands)] {
      run(*table, p, operands);
    });
  }

 private:
  const int bits_, group_;
};

// A product of nothing: MLX divides by the number of rows, and with it dies.
class EmptyProduct : public Delegate {
 public:
  using Delegate::Delegate;

  void eval_cpu(const std::vector<array>&, std::vector<array>& outputs) override {
    array& y = outputs[0];
    y.set_data(mlx::core::allocator::malloc(y.nbytes()));
    dispatch(stream(), [data = y.data<void>(), size = y.nbytes()] { std::memset(data, 0, size); });
  }
};

bool is_empty(const array& node) {
  return node.size() == 0 || node.inputs()[0].size() == 0 || node.inputs()[1].size() == 0;
}

// MLX converts the scales to the type of the product. The kernel does that as it goes, so where
// nothing else depends on the converted scales they need not exist.
void skip_conversion(array& input) {
  if (input.status() != array::Status::unscheduled || !input.has_primitive()) return;
  if (input.is_tracer() || std::strcmp(input.primitive().name(), "AsType") != 0) return;
  const array source = input.inputs()[0];
  if (!source.is_tracer() && float_type(source.dtype())) input = source;
}

}  // namespace

std::shared_ptr<Delegate> gather_qmm(array& node) {
  if (is_empty(node)) return std::make_shared<EmptyProduct>(node.primitive_ptr());
  return gather_qmm_indices(node);
}

std::shared_ptr<Delegate> quantized_matmul(array& node) {
  if (is_empty(node)) return std::make_shared<EmptyProduct>(node.primitive_ptr());
  if (!kernels()) return nullptr;
  auto* original = static_cast<mlx::core::QuantizedMatmul*>(&node.primitive());
  const auto [group, bits, mode, transposed] = original->state();
  auto& inputs = node.inputs();
  if (mode != mlx::core::QuantizationMode::Affine || !transposed || inputs.size() != 4)
    return nullptr;
  if (bits != 4 && bits != 8) return nullptr;
  if (group != 32 && group != 64 && group != 128) return nullptr;
  if (!float_type(node.dtype()) || !float_type(inputs[0].dtype())) return nullptr;
  const int n = node.shape(-1), k = inputs[0].shape(-1);
  const mlx::core::Shape scales_shape{n, k / group};
  if (inputs[1].shape() != mlx::core::Shape{n, k * bits / 32}) return nullptr;
  if (inputs[2].shape() != scales_shape || inputs[3].shape() != scales_shape) return nullptr;
  if (!node.is_tracer()) {
    skip_conversion(inputs[2]);
    skip_conversion(inputs[3]);
  }
  return std::make_shared<QuantizedMatmul>(node.primitive_ptr(), bits, group);
}

}  // namespace mlx_c::cpu

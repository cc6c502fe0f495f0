// Convolutions of one to three axes: directly, or of patches.
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/dtypes.hpp"
#include "cpu/arrays/matrix_view.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/convolution/geometry.hpp"
#include "cpu/ops/ops.hpp"
#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

constexpr int few_outputs = 8;

// The elements of `a` in order.
template <class T>
void copy_in_order(const MatrixView& a, int count, int rows, int columns, T* target) {
  for (int item = 0; item < count; item++) {
    const Operand matrix = a[item];
    const T* at = static_cast<const T*>(matrix.data);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        *target++ = at[i * matrix.row + j * matrix.column];
      }
    }
  }
}

void order_weights(
    const MatrixView& w, ElementType type, const mlx::core::Shape& shape, void* target) {
  int count = 1;
  for (std::size_t d = 0; d + 2 < shape.size(); d++) {
    count *= shape[d];
  }
  const int rows = shape.end()[-2], columns = shape.end()[-1];
  switch (item_size(type)) {
    case 2:
      return copy_in_order(w, count, rows, columns, static_cast<std::uint16_t*>(target));
    case 4:
      return copy_in_order(w, count, rows, columns, static_cast<std::uint32_t*>(target));
    default:
      return copy_in_order(w, count, rows, columns, static_cast<std::uint64_t*>(target));
  }
}

class Convolution : public KernelOverride {
 public:
  Convolution(std::shared_ptr<mlx::core::Primitive> original, ElementType type)
      : KernelOverride(std::move(original)), type_(type) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    const array &x = inputs[0], &w = inputs[1];
    Convolved c = describe(x, w, y);
    const bool is_gradient = y.size() > 0 && c.depth() > 0 && is_weight_gradient(c);
    if (is_gradient) {
      const auto [strides, flags] = batch_last(y);
      allocate_for(y, y.size(), strides, flags);
    } else {
      allocate_for(y);
    }
    if (y.size() == 0) {
      return;
    }
    c.x = x.data<char>();
    c.w = w.data<char>();
    c.y = y.data<char>();
    dispatch(
        stream(),
        [table = kernels(),
         c,
         is_gradient,
         in_order = w.flags().row_contiguous,
         weights = MatrixView(w, type_),
         shape = w.shape(),
         size = w.nbytes()]() mutable {
          const bool is_direct = prefers_tiles(*table, c) && !(in_order && has_few_positions(c));
          if (is_gradient ? convolve_weight_gradient(*table, c)
                          : is_direct && convolve_directly(*table, c)) {
            return;
          }
          Buffer<char> memory(in_order ? 0 : size);
          if (!in_order) {
            order_weights(weights, c.type, shape, memory.data());
            c.w = memory.data();
          }
          if (!is_gradient) {
            return convolve_patches(*table, c);
          }
          const std::ptrdiff_t rows = c.positions(), item = item_size(c.type);
          Buffer<char> results(rows * c.outputs * item);
          char* const y = std::exchange(c.y, results.data());
          convolve_patches(*table, c);
          order_results(c, y);
        });
  }

 private:
  static bool prefers_tiles(const Kernels& kernels, const Convolved& c) {
    if (!kernels.convolution.takes(c.type) || c.depth() == 0 || needs_no_patches(c)) {
      return false;
    }
    if (c.outputs > few_outputs) {
      return true;
    }
    // Few outputs would leave most lanes of a tile empty. Of patches, they are the rows of a
    // product, unless most of a patch is the zeros of a dilated input; and many taps make a product
    // worth while for each group.
    const bool one_product =
        c.groups == 1 && c.channels >= 2 * few_outputs && !c.has_input_dilation();
    return !one_product && c.taps() <= c.positions() / c.batch;
  }

  // What it is laid out as where it is the gradient of weights.
  static std::pair<mlx::core::Strides, array::Flags> batch_last(const array& y) {
    mlx::core::Strides strides(y.ndim());
    strides[0] = 1;
    std::int64_t step = y.shape(0);
    for (int d = static_cast<int>(y.ndim()) - 2; d > 0; d--) {
      strides[d] = step;
      step *= y.shape(d);
    }
    strides.back() = step;
    // Unless one of them is alone, the axes are in no usual order.
    return {strides, {.contiguous = true, .row_contiguous = false, .col_contiguous = false}};
  }

  // The same for results that are in their usual order.
  static void order_results(const Convolved& c, char* y) {
    const int positions = c.positions() / c.batch;
    const std::ptrdiff_t item = item_size(c.type);
    for (int output = 0; output < c.outputs; output++) {
      for (int position = 0; position < positions; position++) {
        for (int n = 0; n < c.batch; n++, y += item) {
          const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(n) * positions + position;
          std::memcpy(y, c.y + (row * c.outputs + output) * item, item);
        }
      }
    }
  }

  Convolved describe(const array& x, const array& w, const array& y) const {
    const auto& original = static_cast<const mlx::core::Convolution&>(*original_);
    const auto [strides, padding, padding_after, dilations, input_dilations, groups, flip] =
        original.state();
    Convolved c{};
    c.type = type_;
    const int dims = static_cast<int>(x.ndim()) - 2, missing = space - dims;
    for (int d = 0; d < dims; d++) {
      c.axes[missing + d] = {
          x.shape(1 + d),
          y.shape(1 + d),
          w.shape(1 + d),
          strides[d],
          padding[d],
          dilations[d],
          input_dilations[d],
          flip,
          x.strides(1 + d)};
      c.w_tap[missing + d] = w.strides(1 + d);
    }
    c.batch = x.shape(0);
    c.groups = groups;
    c.channels = w.shape(-1);
    c.outputs = w.shape(0) / groups;
    c.batch_stride = x.strides(0);
    c.channel_stride = x.strides(-1);
    c.w_output = w.strides(0);
    c.w_channel = w.strides(-1);
    return c;
  }

  const ElementType type_;
};

}  // namespace

Override convolution(array& node) {
  const auto type = inexact_type(node.dtype());
  const auto& inputs = node.inputs();
  if (!type || inputs[0].dtype() != node.dtype() || inputs[1].dtype() != node.dtype()) {
    return keep_mlx("no kernel for these types");
  }
  if (inputs[0].ndim() > 2 + space || inputs[0].ndim() < 3) {
    return keep_mlx("no kernel for so many axes");
  }
  return std::make_shared<Convolution>(node.primitive_ptr(), *type);
}

}  // namespace mlx_c::cpu

#include "cpu/ops/gathered_blocks.hpp"

#include <cstdint>
#include <utility>
#include <vector>

#include <mlx/ops.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/dtypes.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/blocks.hpp"
#include "cpu/ops/gathered_gemm.hpp"
#include "cpu/ops/indexing/checks.hpp"
#include "cpu/ops/quantized_gemm.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

std::int64_t row_weights(const array& blocks, const BlockFormat& format) {
  return std::int64_t{blocks.shape(-1)} / format.nbytes * format.size;
}

// Indices of one of `size` matrices; reports those out of range, and gives 0 for them.
class Indices {
 public:
  Indices(const array& a, std::int64_t size, ErrorReport report)
      : data_(a.data<void>()),
        is_signed_(a.dtype() == mx::int64),
        size_(size),
        report_(std::move(report)) {}

  std::size_t operator[](std::size_t i) const {
    const std::int64_t index = is_signed_ ? static_cast<const std::int64_t*>(data_)[i]
                                          : static_cast<const std::uint32_t*>(data_)[i];
    const std::int64_t found = index < 0 ? index + size_ : index;
    if (found < 0 || found >= size_) {
      const Limit limit{Limit::batch, size_, 1, true};
      report_(index_message("gather_blocks_matmul", std::to_string(index), limit));
      return 0;
    }
    return static_cast<std::size_t>(found);
  }

 private:
  const void* const data_;
  const bool is_signed_;
  const std::int64_t size_;
  const ErrorReport report_;
};

class GatheredBlocks : public Fused {
 public:
  GatheredBlocks(mx::Stream stream, Function definition, const BlockFormat& format)
      : Fused(stream, std::move(definition)), format_(format) {}

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    const array &x = inputs[0], &blocks = inputs[1], &rhs = inputs.back();
    const bool alike = inputs.size() == 4 ? inputs[2].shape() == rhs.shape()
                                          : x.shape(0) > 0 && rhs.size() % x.shape(0) == 0;
    require(
        x.ndim() == 3 && blocks.ndim() == 3 && blocks.shape(-1) % format_.nbytes == 0 &&
            x.shape(-1) == row_weights(blocks, format_) && alike &&
            (rhs.size() == 0 || (x.shape(0) > 0 && blocks.shape(0) > 0)),
        "gather_blocks_matmul",
        inputs);
    mx::Shape shape = rhs.shape();
    shape.push_back(x.shape(1));
    shape.push_back(blocks.shape(1));
    return {std::move(shape)};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto* same = dynamic_cast<const GatheredBlocks*>(&other);
    return same && same->format_.type == format_.type;
  }

  const char* name() const override {
    return "GatheredBlocks";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array &x = inputs[0], &w = inputs[1], &rhs = inputs.back();
    array& y = outputs[0];
    allocate_for(y);
    QuantizedGemm one{};
    one.m = x.shape(1);
    one.n = w.shape(1);
    one.k = x.shape(2);
    one.encoding = Encoding::affine;
    one.transposed = true;
    one.x_type = one.y_type = *float_type(x.dtype());
    one.y = y.data<void>();
    std::optional<Indices> left;
    if (inputs.size() == 4) {
      left.emplace(inputs[2], x.shape(0), ErrorReport(y));
    }
    dispatch(
        stream(),
        [table = kernels(),
         one,
         format = format_,
         x = x.data<char>(),
         w = w.data<std::uint8_t>(),
         share = rhs.size() / x.shape(0),
         count = rhs.size(),
         left = std::move(left),
         right = Indices(rhs, w.shape(0), ErrorReport(y))] {
          const std::size_t x_size = item_size(one.x_type) * one.m * one.k;
          const std::size_t row = static_cast<std::size_t>(one.k / format.size) * format.nbytes;
          std::vector<GatheredItem> items(count);
          for (std::size_t i = 0; i < count; i++) {
            items[i] = {left ? (*left)[i] : i / share, right[i], i};
          }
          const auto multiply_some = [&](QuantizedGemm p, std::size_t matrix, Range columns) {
            p.w =
                reinterpret_cast<const std::uint32_t*>(w + (matrix * one.n + columns.begin) * row);
            IntegerRows rows;
            multiply(*table, p, format, rows);
          };
          multiply_gathered(
              {one, [&](std::size_t item) { return x + item * x_size; }, multiply_some},
              std::move(items));
        });
  }

 private:
  const BlockFormat format_;
};

}  // namespace

array gathered_blocks(
    const array& x,
    const array& blocks,
    const std::optional<array>& lhs,
    const array& rhs,
    const BlockFormat& format,
    Function definition,
    mx::Stream stream) {
  mx::Shape shape = rhs.shape();
  shape.push_back(x.shape(1));
  shape.push_back(blocks.shape(1));
  std::vector<array> inputs{mx::contiguous(x, false, stream), rows_in_order(blocks, stream)};
  if (lhs) {
    inputs.push_back(mx::contiguous(*lhs, false, stream));
  }
  inputs.push_back(mx::contiguous(rhs, false, stream));
  return array(
      std::move(shape),
      x.dtype(),
      std::make_shared<GatheredBlocks>(stream, std::move(definition), format),
      std::move(inputs));
}

}  // namespace mlx_c::cpu

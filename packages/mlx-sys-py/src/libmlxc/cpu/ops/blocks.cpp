#include "cpu/ops/blocks.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <mlx/ops.h>
#include <mlx/types/half_types.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/dtypes.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/quantized_gemm.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Weights of one task.
constexpr std::size_t task_size = 1 << 15;

// Weights that are rounded at a time.
constexpr std::size_t rounded_size = 1 << 10;

mx::Stream cpu_stream(mx::StreamOrDevice s) {
  const mx::Stream stream = mx::to_stream(s);
  return stream.device == mx::Device::cpu ? stream : mx::default_stream(mx::Device::cpu);
}

mx::Shape with_last(mx::Shape shape, std::int64_t length) {
  shape.back() = static_cast<mx::ShapeElem>(length);
  return shape;
}

std::int64_t row_weights(const array& blocks, const BlockFormat& format) {
  return std::int64_t{blocks.shape(-1)} / format.nbytes * format.size;
}

// Calls f(first, count) for parts of `count` blocks, in parallel.
template <class F>
void for_blocks(std::size_t count, const BlockFormat& format, F f) {
  const std::size_t step = std::max<std::size_t>(1, task_size / format.size);
  parallel_for(static_cast<int>((count + step - 1) / step), [&](int task) {
    const std::size_t first = task * step;
    f(first, std::min(step, count - first));
  });
}

// What reads blocks along the last axis, of any leading ones.
class BlockReader : public KernelPrimitive {
 public:
  BlockReader(mx::Stream stream, const BlockFormat& format)
      : KernelPrimitive(stream), format_(format) {}

  std::pair<std::vector<array>, std::vector<int>> vmap(
      const std::vector<array>& inputs, const std::vector<int>& axes) override {
    const array moved = axes[0] < 0 ? inputs[0] : mx::moveaxis(inputs[0], axes[0], 0, stream());
    auto outputs = apply(mx::contiguous(moved, false, stream()));
    std::vector<int> first(outputs.size(), axes[0] < 0 ? -1 : 0);
    return {std::move(outputs), std::move(first)};
  }

 protected:
  virtual std::vector<array> apply(const array& blocks) = 0;

  const BlockFormat format_;
};

class DequantizeBlocks : public BlockReader {
 public:
  DequantizeBlocks(mx::Stream stream, const BlockFormat& format, mx::Dtype dtype)
      : BlockReader(stream, format), dtype_(dtype) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    allocate_for(y);
    dispatch(
        stream(),
        [table = kernels(),
         format = format_,
         source = inputs[0].data<std::uint8_t>(),
         count = inputs[0].size() / format_.nbytes,
         type = *float_type(y.dtype()),
         target = y.data<char>()] {
          for_blocks(count, format, [&](std::size_t first, std::size_t some) {
            const std::uint8_t* blocks = source + first * format.nbytes;
            char* to = target + first * format.size * item_size(type);
            if (type == ElementType::f32) {
              block_kernels(*table).dequantize(
                  format.type, blocks, some, reinterpret_cast<float*>(to));
              return;
            }
            const std::size_t step = std::max<std::size_t>(1, rounded_size / format.size);
            Buffer<float> memory(step * format.size);
            for (std::size_t i = 0; i < some; i += step) {
              const std::size_t now = std::min(step, some - i);
              block_kernels(*table).dequantize(
                  format.type, blocks + i * format.nbytes, now, memory.data());
              table->convert.narrow(
                  memory.data(), to + i * format.size * item_size(type), type, now * format.size);
            }
          });
        });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    require(inputs[0].shape(-1) % format_.nbytes == 0, "dequantize_blocks", inputs);
    return {with_last(inputs[0].shape(), row_weights(inputs[0], format_))};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto* same = dynamic_cast<const DequantizeBlocks*>(&other);
    return same && same->format_.type == format_.type && same->dtype_ == dtype_;
  }

  const char* name() const override {
    return "DequantizeBlocks";
  }

 protected:
  std::vector<array> apply(const array& blocks) override {
    return {dequantize_blocks(blocks, format_, dtype_, stream())};
  }

 private:
  const mx::Dtype dtype_;
};

// Neighbours of a block are its halves in GGUF, and of a byte in MLX.
void pack_nibbles(const std::uint8_t* source, std::uint8_t* target) {
  for (int i = 0; i < 8; i++) {
    const std::uint8_t first = source[2 * i], second = source[2 * i + 1];
    target[i] = static_cast<std::uint8_t>((first & 15) | second << 4);
    target[8 + i] = static_cast<std::uint8_t>(first >> 4 | (second & 0xf0));
  }
}

// The numbers of the three types in files.
constexpr int q4_0 = 2, q4_1 = 3, q8_0 = 8;

// Unpacks a block; false if the scale is finite and the bias is not.
bool unpack_affine(
    int type,
    const std::uint8_t* block,
    std::uint8_t* weights,
    mx::float16_t* scale,
    mx::float16_t* bias) {
  std::memcpy(scale, block, sizeof *scale);
  if (type == q4_1) {
    std::memcpy(bias, block + 2, sizeof *bias);
    pack_nibbles(block + 4, weights);
    return true;
  }
  const auto d = static_cast<float>(*scale);
  *bias = mx::float16_t(d * (type == q4_0 ? -8.0f : -128.0f));
  if (type == q4_0) {
    pack_nibbles(block + 2, weights);
  } else {
    for (int i = 0; i < 32; i++) {
      weights[i] = block[2 + i] ^ 128;
    }
  }
  return std::isfinite(static_cast<float>(*bias)) || !std::isfinite(d);
}

class BlocksToAffine : public BlockReader {
 public:
  BlocksToAffine(mx::Stream stream, const BlockFormat& format, std::string label)
      : BlockReader(stream, format), label_(std::move(label)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    for (array& y : outputs) {
      allocate_for(y);
    }
    dispatch(
        stream(),
        [format = format_,
         label = label_,
         source = inputs[0].data<std::uint8_t>(),
         count = inputs[0].size() / format_.nbytes,
         weights = outputs[0].data<std::uint8_t>(),
         scales = outputs[1].data<mx::float16_t>(),
         biases = outputs[2].data<mx::float16_t>(),
         report = ErrorReport(outputs[0])] {
          const int bytes = format.type == q8_0 ? 32 : 16;
          std::atomic<bool> fits = true;
          for_blocks(count, format, [&](std::size_t first, std::size_t some) {
            bool all = true;
            for (std::size_t i = first; i < first + some; i++) {
              all &= unpack_affine(
                  format.type,
                  source + i * format.nbytes,
                  weights + i * bytes,
                  scales + i,
                  biases + i);
            }
            if (!all) {
              fits = false;
            }
          });
          if (!fits) {
            report(
                std::make_exception_ptr(
                    std::runtime_error(
                        "[read] " + label +
                        " has scales whose biases are too large for float16: load it "
                        "dequantized")));
          }
        });
  }

  const char* name() const override {
    return "BlocksToAffine";
  }

 protected:
  std::vector<array> apply(const array& blocks) override {
    return blocks_to_affine(blocks, format_, label_, stream());
  }

 private:
  const std::string label_;
};

class BlocksMatmul : public Fused {
 public:
  BlocksMatmul(mx::Stream stream, Function definition, const BlockFormat& format)
      : Fused(stream, std::move(definition)), format_(format) {}

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    require(
        inputs[1].ndim() == 2 && inputs[1].shape(-1) % format_.nbytes == 0 &&
            inputs[0].ndim() > 0 && inputs[0].shape(-1) == row_weights(inputs[1], format_),
        "blocks_matmul",
        inputs);
    return {with_last(inputs[0].shape(), inputs[1].shape(0))};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto* same = dynamic_cast<const BlocksMatmul*>(&other);
    return same && same->format_.type == format_.type;
  }

  const char* name() const override {
    return "BlocksMatmul";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array &x = inputs[0], &w = inputs[1];
    array& y = outputs[0];
    allocate_for(y);
    QuantizedGemm p{};
    p.m = static_cast<int>(x.size() / x.shape(-1));
    p.n = w.shape(0);
    p.k = x.shape(-1);
    p.encoding = Encoding::affine;
    p.transposed = true;
    p.x = x.data<void>();
    p.x_type = p.y_type = *float_type(x.dtype());
    p.w = reinterpret_cast<const std::uint32_t*>(w.data<std::uint8_t>());
    p.y = y.data<void>();
    dispatch(stream(), [table = kernels(), p, format = format_, shared = SharedRows(x)] {
      shared.with([&](IntegerRows& rows) { multiply(*table, p, format, rows); });
    });
  }

 private:
  const BlockFormat format_;
};

}  // namespace

array rows_in_order(const array& a, mx::Stream stream) {
  return a.is_available() && a.flags().row_contiguous ? a : mx::contiguous(a, false, stream);
}

array dequantize_blocks(
    const array& blocks, const BlockFormat& format, mx::Dtype dtype, mx::StreamOrDevice s) {
  const mx::Stream stream = cpu_stream(s);
  return array(
      with_last(blocks.shape(), row_weights(blocks, format)),
      dtype,
      std::make_shared<DequantizeBlocks>(stream, format, dtype),
      {rows_in_order(blocks, stream)});
}

std::vector<array> blocks_to_affine(
    const array& blocks, const BlockFormat& format, std::string label, mx::StreamOrDevice s) {
  const mx::Stream stream = cpu_stream(s);
  const std::int64_t columns = row_weights(blocks, format);
  const mx::Shape groups = with_last(blocks.shape(), columns / 32);
  return array::make_arrays(
      {with_last(blocks.shape(), columns / (format.type == q8_0 ? 4 : 8)), groups, groups},
      {mx::uint32, mx::float16, mx::float16},
      std::make_shared<BlocksToAffine>(stream, format, std::move(label)),
      {mx::contiguous(blocks, false, stream)});
}

array blocks_matmul(
    const array& x,
    const array& blocks,
    const BlockFormat& format,
    Function definition,
    mx::Stream stream) {
  return array(
      with_last(x.shape(), blocks.shape(0)),
      x.dtype(),
      std::make_shared<BlocksMatmul>(stream, std::move(definition), format),
      {mx::contiguous(x, false, stream), rows_in_order(blocks, stream)});
}

}  // namespace mlx_c::cpu

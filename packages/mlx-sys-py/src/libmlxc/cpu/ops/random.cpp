// Random bits, the same as those of MLX.
//
// Threefry is counter-based: word i of the first half and word i of the second half are the two
// outputs for the counters (i, half + i). If the number of words is odd, the counter of the word in
// the middle is paired with 0, and the second output is dropped.
#include "cpu/ops/random.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <mlx/random.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/strided.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/fused.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/fused_ops.hpp"
#include "cpu/ops/ops.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Pairs of words of one task.
constexpr std::size_t task_size = 1 << 14;

}  // namespace

void make_normal(std::uint32_t* words, std::size_t count) {
  constexpr std::size_t block = 1024;
  using Constant = std::array<float, block>;
  const auto constant = [](float value) {
    Constant values;
    values.fill(value);
    return values;
  };
  static const Constant unit = constant(0x1p-31f);
  static const Constant greatest = constant(2 * std::nextafter(1.0f, 0.0f));
  static const Constant least = constant(std::nextafter(-1.0f, 0.0f));
  static const Constant root = constant(std::sqrt(2.0f));
  const auto apply = [](Op op, ElementType type, void* x, const Constant* other, std::size_t size) {
    const void* operands[] = {x, other};
    kernels()->elementwise.find(op, type, ElementType::f32)(operands, x, size);
  };
  for (std::size_t at = 0; at < count; at += block) {
    std::uint32_t* const x = words + at;
    const std::size_t size = std::min(block, count - at);
    apply(Op::cast, ElementType::u32, x, nullptr, size);
    apply(Op::multiply, ElementType::f32, x, &unit, size);
    apply(Op::minimum, ElementType::f32, x, &greatest, size);
    apply(Op::add, ElementType::f32, x, &least, size);
    apply(Op::erfinv, ElementType::f32, x, nullptr, size);
    apply(Op::multiply, ElementType::f32, x, &root, size);
  }
}

namespace {

struct Drawing {
  const std::uint32_t* source;
  Walk walk;  // over the keys
  char* target;
  std::size_t keys, bytes;  // bytes of each key
  bool normal = false;      // numbers instead of bits

  void operator()() const {
    const Buffer<std::uint32_t> memory(2 * keys);
    walk.copy(source, sizeof *source, 0, 2 * keys, memory.data());
    // Parallel over words or over keys, whichever are more.
    const std::size_t words = (bytes + 3) / 4;
    const std::size_t step =
        std::max<std::size_t>(1, 2 * task_size / std::max<std::size_t>(words, 1));
    if (step == 1) {
      for (std::size_t i = 0; i < keys; i++) {
        draw(memory.data() + 2 * i, target + i * bytes, words);
      }
    } else {
      parallel_for(static_cast<int>((keys + step - 1) / step), [&](int task) {
        for (std::size_t i = task * step; i < std::min(keys, (task + 1) * step); i++) {
          draw(memory.data() + 2 * i, target + i * bytes, words);
        }
      });
    }
  }

 private:
  void draw(const std::uint32_t* key, char* target, std::size_t words) const {
    // Only whole words can be written in place.
    if (bytes % 4 == 0) {
      return draw_words(key, reinterpret_cast<std::uint32_t*>(target), words);
    }
    const Buffer<std::uint32_t> memory(words);
    draw_words(key, memory.data(), words);
    std::memcpy(target, memory.data(), bytes);
  }

  void draw_words(const std::uint32_t* key, std::uint32_t* target, std::size_t words) const {
    const std::size_t half = words / 2, second = words - half;
    const auto number = [](std::size_t i) { return static_cast<std::uint32_t>(i); };
    parallel_for(static_cast<int>((half + task_size - 1) / task_size), [&](int task) {
      const std::size_t begin = task * task_size, count = std::min(task_size, half - begin);
      kernels()->random.threefry(
          key,
          number(begin),
          number(second + begin),
          count,
          target + begin,
          target + second + begin);
      finish(target + begin, count);
      finish(target + second + begin, count);
    });
    std::uint32_t unused;
    if (second == half) {
      return;
    }
    kernels()->random.threefry(key, number(half), 0, 1, target + half, &unused);
    finish(target + half, 1);
  }

  void finish(std::uint32_t* words, std::size_t count) const {
    if (normal) {
      make_normal(words, count);
    }
  }
};

Drawing drawing(const array& keys, array& y) {
  const std::size_t count = keys.size() / 2;
  return {
      keys.data<std::uint32_t>(),
      Walk(keys, keys.shape()),
      y.data<char>(),
      count,
      y.nbytes() / count};
}

class RandomBits : public KernelOverride {
 public:
  using KernelOverride::KernelOverride;

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& keys = inputs[0];
    array& y = outputs[0];
    allocate_for(y);
    if (y.size() == 0) {
      return;
    }
    dispatch(stream(), drawing(keys, y));
  }
};

// The next key of the thread's random state: MLX shows it only through what it draws.
array next_key(mx::Stream stream) {
  return mx::random::bits({1}, 4, std::nullopt, stream).inputs()[0];
}

class RandomNormal : public Fused {
 public:
  RandomNormal(mx::Stream stream, Function definition, mx::Shape shape)
      : Fused(stream, std::move(definition)), shape_(std::move(shape)) {}

  std::vector<mx::Shape> output_shapes(const std::vector<array>&) override {
    return {shape_};
  }

  const char* name() const override {
    return "RandomNormal";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    allocate_for(y);
    Drawing draw = drawing(inputs[0], y);
    draw.normal = true;
    dispatch(stream(), std::move(draw));
  }

 private:
  const mx::Shape shape_;
};

}  // namespace

bool fuses_random_normal(
    const mx::Shape& shape,
    mx::Dtype type,
    const std::optional<array>& loc,
    const std::optional<array>& scale,
    const std::optional<array>& key,
    mx::StreamOrDevice s) {
  const bool one_key = !key || (key->dtype() == mx::uint32 && key->shape() == mx::Shape{2});
  return type == mx::float32 && !loc && !scale && one_key && can_fuse(s) &&
      std::all_of(shape.begin(), shape.end(), [](int extent) { return extent > 0; });
}

array random_normal(const mx::Shape& shape, const std::optional<array>& key, mx::StreamOrDevice s) {
  const mx::Stream stream = mx::to_stream(s);
  auto definition = [shape, stream](const std::vector<array>& inputs) {
    return std::vector<array>{
        mx::random::normal(shape, mx::float32, std::nullopt, std::nullopt, inputs[0], stream)};
  };
  return array(
      shape,
      mx::float32,
      std::make_shared<RandomNormal>(stream, std::move(definition), shape),
      {key ? *key : next_key(stream)});
}

Override random_bits(array& node) {
  return std::make_shared<RandomBits>(node.primitive_ptr());
}

}  // namespace mlx_c::cpu

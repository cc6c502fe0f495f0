// Rotary position embeddings.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <tuple>
#include <vector>

#include "fast.hpp"
#include "fused.hpp"
#include "mlx/allocator.h"
#include "mlx/fast.h"
#include "pool.hpp"
#include "steps.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

struct Turn {
  int pairs;
  float base, scale;
  int offset;

  bool operator==(const Turn&) const = default;
};

// Cosines and sines of the angles at `positions` positions, `pairs` each.
struct Angles {
  Turn turn{};
  int positions = 0;
  std::vector<float> cosines, sines;

  void compute(const Turn& wanted, int count) {
    if (wanted == turn && count == positions) return;
    turn = wanted;
    positions = count;
    const std::size_t size = static_cast<std::size_t>(count) * wanted.pairs;
    cosines.resize(size);
    sines.resize(size);
    for (int i = 0; i < wanted.pairs; i++) {
      const double frequency = std::pow<double>(wanted.base, -1.0 * i / wanted.pairs);
      for (int t = 0; t < count; t++) {
        const double angle = (static_cast<double>(wanted.offset) + t) * wanted.scale * frequency;
        const std::size_t at = static_cast<std::size_t>(t) * wanted.pairs + i;
        cosines[at] = static_cast<float>(std::cos(angle));
        sines[at] = static_cast<float>(std::sin(angle));
      }
    }
  }
};

// Numbers that one task rotates.
constexpr int task_size = 1 << 14;

// The row of `view`, counted through all axes before the last: as it lies, or gathered.
const char* find_row(const View& view, std::size_t row, char* gathered) {
  std::ptrdiff_t at = 0;
  for (int d = static_cast<int>(view.shape.size()) - 2; d >= 0; row /= view.shape[d--])
    at += static_cast<std::ptrdiff_t>(row % view.shape[d]) * view.strides[d];
  const std::ptrdiff_t item = item_size(view.type);
  const char* const source = static_cast<const char*>(view.data) + at * item;
  if (view.strides.back() == 1) return source;
  for (int i = 0; i < view.shape.back(); i++)
    std::memcpy(gathered + i * item, source + i * view.strides.back() * item, item);
  return gathered;
}

void run(const Kernels& kernels, const Turn& p, bool traditional, const View& x, void* y) {
  // All layers of a model rotate by the same angles.
  thread_local Angles kept;
  Angles& angles = kept;
  const int positions = x.shape.end()[-2], width = x.shape.end()[-1];
  angles.compute(p, positions);
  const std::size_t rows = x.size() / width, row_size = width * item_size(x.type);
  const std::size_t task_rows = std::max(1, task_size / width);
  parallel_for(static_cast<int>((rows + task_rows - 1) / task_rows), [&](int task) {
    Buffer<char> gathered(row_size);
    const std::size_t begin = task * task_rows, end = std::min(rows, begin + task_rows);
    for (std::size_t row = begin; row < end; row++) {
      const std::size_t at = row % positions * p.pairs;
      const Rotation rotation{
          x.type, p.pairs, width, traditional, &angles.cosines[at], &angles.sines[at]};
      char* const target = static_cast<char*>(y) + row * row_size;
      kernels.rotate(rotation, find_row(x, row, gathered.data()), target);
    }
  });
}

class RoPE : public Fused {
 public:
  RoPE(mx::Stream stream, Function definition, const Turn& turn, bool traditional)
      : Fused(stream, std::move(definition)), turn_(turn), traditional_(traditional) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    y.set_data(mx::allocator::malloc(y.nbytes()));
    dispatch(
        stream(),
        [table = kernels(),
         turn = turn_,
         traditional = traditional_,
         x = View(inputs[0]),
         data = y.data<void>()] { run(*table, turn, traditional, x, data); });
  }

  // What was turned is turned back.
  std::vector<array> vjp(
      const std::vector<array>&,
      const std::vector<array>& cotangents,
      const std::vector<int>&,
      const std::vector<array>&) override {
    const auto [pairs, base, scale, offset] = turn_;
    return {rope(cotangents[0], 2 * pairs, traditional_, base, -scale, offset, stream())};
  }

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    return {inputs[0].shape()};
  }

  const char* name() const override {
    return "RoPE";
  }

 private:
  const Turn turn_;
  const bool traditional_;
};

}  // namespace

bool fuses_rope(
    const array& x,
    int dims,
    std::optional<float> base,
    const std::optional<array>& freqs,
    mx::StreamOrDevice s) {
  return x.ndim() >= 3 && can_fuse({x}, s) && base && !freqs && dims > 0 && dims % 2 == 0 &&
      dims <= x.shape(-1);
}

array rope(
    const array& x,
    int dims,
    bool traditional,
    float base,
    float scale,
    int offset,
    mx::StreamOrDevice s) {
  const mx::Stream stream = mx::to_stream(s);
  const auto definition = [=](const std::vector<array>& inputs) {
    return std::vector<array>{
        mx::fast::rope(inputs[0], dims, traditional, base, scale, offset, std::nullopt, stream)};
  };
  return array(
      x.shape(),
      x.dtype(),
      std::make_shared<RoPE>(stream, definition, Turn{dims / 2, base, scale, offset}, traditional),
      {x});
}

}  // namespace mlx_c::cpu

// Scaled dot-product attention without a matrix of all scores.
#include <algorithm>
#include <optional>

#include "attention.hpp"
#include "batch.hpp"
#include "fast.hpp"
#include "fused.hpp"
#include "mlx/allocator.h"
#include "mlx/fast.h"
#include "pool.hpp"
#include "products.hpp"
#include "steps.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Queries whose scores one task holds at a time.
constexpr int block = 64;

Operand transposed(Operand m) {
  return {m.data, m.column, m.row};
}

// y = scale * a b, in the calling thread.
void multiply(
    const Kernels& kernels, Operand a, Operand b, int m, int n, int k, float scale, float* y) {
  multiply(kernels, {Number::f32, m, n, k, a, b, {}, y, n, 1, scale, 0});
}

void block_of_queries(
    const Kernels& kernels,
    const Attention& p,
    Operand q,
    Operand k,
    Operand v,
    Range range,
    float* y) {
  const int count = range.end - range.begin;
  const int keys = p.visible(range.end - 1);
  Buffer<float> scores(static_cast<std::size_t>(count) * keys);
  q = from(q, Number::f32, range.begin, 0);
  multiply(kernels, q, transposed(k), count, keys, p.width, p.scale, scores.data());
  for (int i = 0; i < count; i++) {
    float* row = scores.data() + static_cast<std::size_t>(i) * keys;
    const int visible = p.visible(range.begin + i);
    kernels.softmax(row, visible);
    std::fill(row + visible, row + keys, 0.0f);
  }
  y += static_cast<std::ptrdiff_t>(range.begin) * p.value_width;
  multiply(kernels, {scores.data(), keys, 1}, v, count, p.value_width, keys, 1, y);
}

void run(
    const Kernels& kernels,
    const Attention& p,
    const View& queries,
    const View& keys,
    const View& values,
    void* y) {
  if (attend_in_integers(kernels, p, queries, keys, values, y)) return;
  const Batch q(kernels, queries), k(kernels, keys), v(kernels, values);
  const std::size_t size = static_cast<std::size_t>(p.items) * p.queries * p.value_width;
  const bool direct = queries.type == Float::f32;
  Buffer<float> memory(direct ? 0 : size);
  float* result = direct ? static_cast<float*>(y) : memory.data();
  const int blocks = (p.queries + block - 1) / block;
  parallel_for(p.items * blocks, [&](int task) {
    const int item = task / blocks, begin = task % blocks * block;
    const int shared = item / p.repeats;
    float* target = result + static_cast<std::ptrdiff_t>(item) * p.queries * p.value_width;
    const Range range{begin, std::min(begin + block, p.queries)};
    block_of_queries(kernels, p, q[item], k[shared], v[shared], range, target);
  });
  if (!direct) kernels.narrow(result, y, queries.type, size);
}

class ScaledDotProductAttention : public Fused {
 public:
  ScaledDotProductAttention(mx::Stream stream, Function definition, float scale, bool causal)
      : Fused(stream, std::move(definition)), scale_(scale), causal_(causal) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array &q = inputs[0], &k = inputs[1], &v = inputs[2];
    array& y = outputs[0];
    y.set_data(mx::allocator::malloc(y.nbytes()));
    const Attention p{
        q.shape(0) * q.shape(1),
        q.shape(1) / k.shape(1),
        q.shape(2),
        k.shape(2),
        q.shape(3),
        v.shape(3),
        scale_,
        causal_ && q.shape(2) > 1};
    if (p.queries == 1 && SingleQueries::reads(k, v)) {
      return dispatch(
          stream(), [table = kernels(), p, single = SingleQueries(q, k, v), data = y.data<void>()] {
            single.attend(*table, p, data);
          });
    }
    dispatch(
        stream(),
        [table = kernels(), p, q = View(q), k = View(k), v = View(v), data = y.data<void>()] {
          run(*table, p, q, k, v, data);
        });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    mx::Shape shape = inputs[0].shape();
    shape[3] = inputs[2].shape(3);
    return {shape};
  }

  const char* name() const override {
    return "ScaledDotProductAttention";
  }

 private:
  const float scale_;
  const bool causal_;
};

}  // namespace

bool fuses_attention(
    const array& queries,
    const array& keys,
    const array& values,
    const std::string& mask_mode,
    const std::optional<array>& mask,
    const std::optional<array>& sinks,
    mx::StreamOrDevice s) {
  if (queries.ndim() != 4 || keys.ndim() != 4 || values.ndim() != 4) return false;
  if (mask || sinks || !can_fuse({queries, keys, values}, s)) return false;
  const bool causal = mask_mode == "causal";
  if (!causal && !mask_mode.empty()) return false;
  const auto &q = queries.shape(), &k = keys.shape(), &v = values.shape();
  return q[0] == k[0] && q[0] == v[0] && k[1] == v[1] && q[1] % k[1] == 0 && q[3] == k[3] &&
      k[2] == v[2] && (!causal || q[2] <= k[2]);
}

array attention(
    const array& queries,
    const array& keys,
    const array& values,
    float scale,
    const std::string& mask_mode,
    mx::StreamOrDevice s) {
  const mx::Stream stream = mx::to_stream(s);
  const auto definition = [=](const std::vector<array>& inputs) {
    return std::vector<array>{mx::fast::scaled_dot_product_attention(
        inputs[0], inputs[1], inputs[2], scale, mask_mode, {}, {}, false, stream)};
  };
  mx::Shape shape = queries.shape();
  shape[3] = values.shape(3);
  return array(
      std::move(shape),
      queries.dtype(),
      std::make_shared<ScaledDotProductAttention>(stream, definition, scale, mask_mode == "causal"),
      {queries, keys, values});
}

}  // namespace mlx_c::cpu

// Scaled dot-product attention without a matrix of all scores.
#include <algorithm>
#include <optional>

#include "batch.hpp"
#include "blas.hpp"
#include "fast.hpp"
#include "fused.hpp"
#include "mlx/allocator.h"
#include "pool.hpp"
#include "steps.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// Queries whose scores one task holds at a time.
constexpr int block = 64;

struct Attention {
  int items, repeats;  // heads of queries in all batches, and how many share keys and values
  int queries, keys, width, value_width;
  float scale;
  bool causal;
};

Matrix transposed(Matrix m) {
  return {m.data, m.column, m.row};
}

void one_query(const Kernels& kernels, const Attention& p, Matrix q, Matrix k, Matrix v, float* y) {
  Buffer<float> memory(p.width + p.keys);
  float *query = memory.data(), *scores = query + p.width;
  for (int i = 0; i < p.width; i++) query[i] = q.data[i * q.column];
  kernels.row_times_matrix(query, transposed(k), p.width, {0, p.keys}, p.scale, 0, scores);
  kernels.softmax(scores, p.keys);
  kernels.row_times_matrix(scores, v, p.keys, {0, p.value_width}, 1, 0, y);
}

void block_of_queries(
    const Kernels& kernels,
    const Attention& p,
    Matrix q,
    Matrix k,
    Matrix v,
    Range range,
    float* y) {
  const int count = range.end - range.begin;
  // Query i sees the keys up to i + past.
  const int past = p.keys - p.queries;
  const int keys = p.causal ? range.end + past : p.keys;
  Buffer<float> scores(static_cast<std::size_t>(count) * keys);
  q.data += range.begin * q.row;
  gemm(q, transposed(k), count, keys, p.width, p.scale, 0, scores.data(), keys);
  for (int i = 0; i < count; i++) {
    float* row = scores.data() + static_cast<std::size_t>(i) * keys;
    const int visible = p.causal ? range.begin + i + past + 1 : keys;
    kernels.softmax(row, visible);
    std::fill(row + visible, row + keys, 0.0f);
  }
  y += static_cast<std::ptrdiff_t>(range.begin) * p.value_width;
  gemm({scores.data(), keys, 1}, v, count, p.value_width, keys, 1, 0, y, p.value_width);
}

void run(
    const Kernels& kernels,
    const Attention& p,
    const View& queries,
    const View& keys,
    const View& values,
    void* y) {
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
    if (p.queries == 1) {
      one_query(kernels, p, q[item], k[shared], v[shared], target);
    } else {
      const Range range{begin, std::min(begin + block, p.queries)};
      block_of_queries(kernels, p, q[item], k[shared], v[shared], range, target);
    }
  });
  if (!direct) kernels.narrow(result, y, queries.type, size);
}

class ScaledDotProductAttention : public Fused {
 public:
  ScaledDotProductAttention(mlx::core::Stream stream, float scale, bool causal)
      : Fused(stream), scale_(scale), causal_(causal) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array &q = inputs[0], &k = inputs[1], &v = inputs[2];
    array& y = outputs[0];
    y.set_data(mlx::core::allocator::malloc(y.nbytes()));
    const Attention p{
        q.shape(0) * q.shape(1),
        q.shape(1) / k.shape(1),
        q.shape(2),
        k.shape(2),
        q.shape(3),
        v.shape(3),
        scale_,
        causal_ && q.shape(2) > 1};
    dispatch(
        stream(),
        [table = kernels(), p, q = View(q), k = View(k), v = View(v), data = y.data<void>()] {
          run(*table, p, q, k, v, data);
        });
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
    mlx::core::StreamOrDevice s) {
  if (queries.ndim() != 4 || keys.ndim() != 4 || values.ndim() != 4) return false;
  if (mask || sinks || !can_fuse({queries, keys, values}, s)) return false;
  const bool causal = mask_mode == "causal";
  if (!causal && !mask_mode.empty()) return false;
  const auto &q = queries.shape(), &k = keys.shape(), &v = values.shape();
  return q[0] == k[0] && q[0] == v[0] && k[1] == v[1] && q[1] % k[1] == 0 && q[3] == k[3] &&
      k[2] == v[2] && (q[2] == 1 || has_blas()) && (!causal || q[2] <= k[2]);
}

array attention(
    const array& queries,
    const array& keys,
    const array& values,
    float scale,
    const std::string& mask_mode,
    mlx::core::StreamOrDevice s) {
  mlx::core::Shape shape = queries.shape();
  shape[3] = values.shape(3);
  return array(
      std::move(shape),
      queries.dtype(),
      std::make_shared<ScaledDotProductAttention>(
          mlx::core::to_stream(s), scale, mask_mode == "causal"),
      {queries, keys, values});
}

}  // namespace mlx_c::cpu

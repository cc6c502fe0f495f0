// Attention of single queries: bound by reading keys and values, once and in place.
#pragma once

#include "cpu/kernels/gemm/gemm_skinny.hpp"
#include "cpu/kernels/reduce/softmax.hpp"

namespace {
namespace attention {

using mlx_c::cpu::DecodeAttentionArgs;

// Heads that are computed side by side, and columns of values.
constexpr int tile_heads = 4, tile_vectors = gemm::tile_vectors;

// The weighted sums of the values, for `vectors` vectors of columns.
template <class S, int heads, int vectors>
__attribute__((noinline)) void weigh(
    const DecodeAttentionArgs& p, const float* weights, const typename S::Item* values, float* y) {
  vfloat sums[heads][vectors] = {};
  for (int key = 0; key < p.keys; key++, values += p.value_row) {
    vfloat value[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      value[v] = S::along(values + v * lanes);
    }
#pragma GCC unroll 4
    for (int h = 0; h < heads; h++) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) {
        sums[h][v] += splat(weights[(std::ptrdiff_t)h * p.keys + key]) * value[v];
      }
    }
  }
#pragma GCC unroll 4
  for (int h = 0; h < heads; h++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      store(y + h * p.value_width + v * lanes, sums[h][v]);
    }
  }
}

// Some heads, from the given one on.
template <class S, int heads>
void attend_heads(const DecodeAttentionArgs& p, int head) {
  constexpr int step = gemm::few_tile_columns;
  const int width = gemm::ceil_div(p.width, p.padding) * p.padding;
  const float* const queries = p.queries + (std::ptrdiff_t)head * width;
  float* const weights = p.weights + (std::ptrdiff_t)head * p.keys;
  const auto* key = gemm::items<S>(p.key);
  for (int i = 0; i < p.keys; i += step) {
    gemm::dots<S, heads>(
        queries,
        width,
        key + i * p.key_row,
        p.key_row,
        p.width,
        p.keys - i < step ? p.keys - i : step,
        weights + i,
        p.keys);
  }
  for (int h = 0; h < heads; h++) {
    p.totals[head + h] =
        mlx_c::cpu::MLX_C_ISA::exponentials(weights + h * p.keys, p.keys, p.maxima[head + h]);
  }

  const auto* value = gemm::items<S>(p.value);
  float* const y = p.y + (std::ptrdiff_t)head * p.value_width;
  int j = 0;
  for (; j + tile_vectors * lanes <= p.value_width; j += tile_vectors * lanes) {
    weigh<S, heads, tile_vectors>(p, weights, value + j, y + j);
  }
  for (; j + lanes <= p.value_width; j += lanes) {
    weigh<S, heads, 1>(p, weights, value + j, y + j);
  }
  if (j < p.value_width) {
    gemm::accumulate_some<S, heads>(
        weights, p.keys, value + j, p.value_row, p.keys, p.value_width - j, y + j, p.value_width);
  }
}

template <class S>
void attend_all(const DecodeAttentionArgs& p) {
  int head = 0;
  for (; head + tile_heads <= p.heads; head += tile_heads) {
    attend_heads<S, tile_heads>(p, head);
  }
  switch (p.heads - head) {
    case 3:
      return attend_heads<S, 3>(p, head);
    case 2:
      return attend_heads<S, 2>(p, head);
    case 1:
      return attend_heads<S, 1>(p, head);
  }
}

void decode(const DecodeAttentionArgs& p) {
  with_float_type(p.type, [&]<class T>(T) { attend_all<gemm::Single<T>>(p); });
}

}  // namespace attention
}  // namespace

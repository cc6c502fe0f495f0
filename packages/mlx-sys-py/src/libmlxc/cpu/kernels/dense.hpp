// Products of one row with a matrix of floats: bound by reading the matrix, once.
#pragma once

#include "../kernels.hpp"
#include "simd.hpp"

namespace {

using mlx_c::cpu::Matrix;
using mlx_c::cpu::Range;

inline void put(float* y, float value, float alpha, float beta) {
  *y = beta == 0 ? alpha * value : alpha * value + beta * *y;
}

// Columns are contiguous: one dot product each, four at a time to share the loads of x.
void dots(const float* x, Matrix b, int k, Range columns, float alpha, float beta, float* y) {
  constexpr int width = 4;
  for (int j = columns.begin; j < columns.end; j += width) {
    const int count = columns.end - j < width ? columns.end - j : width;
    const float* column[width];
    for (int c = 0; c < width; c++) column[c] = b.data + (j + (c < count ? c : 0)) * b.column;
    vfloat total[width] = {};
    int i = 0;
    for (; i + lanes <= k; i += lanes) {
      const vfloat xi = load(x + i);
      for (int c = 0; c < width; c++) total[c] += xi * load(column[c] + i);
    }
    for (int c = 0; c < count; c++) {
      float value = sum(total[c]);
      for (int rest = i; rest < k; rest++) value += x[rest] * column[c][rest];
      put(y + j + c, value, alpha, beta);
    }
  }
}

// Rows are contiguous: `width` vectors of results stay in registers while i runs.
template <int width>
void combine(const float* x, Matrix b, int k, int j, float alpha, float beta, float* y) {
  const float* row = b.data + j;
  vfloat total[width] = {};
  for (int i = 0; i < k; i++, row += b.row)
    for (int v = 0; v < width; v++) total[v] += x[i] * load(row + v * lanes);
  for (int v = 0; v < width; v++)
    for (int lane = 0; lane < lanes; lane++)
      put(y + j + v * lanes + lane, total[v][lane], alpha, beta);
}

void row_times_matrix(
    const float* x, Matrix b, int k, Range columns, float alpha, float beta, float* y) {
  if (b.row == 1) return dots(x, b, k, columns, alpha, beta, y);
  int j = columns.begin;
  for (; j + 4 * lanes <= columns.end; j += 4 * lanes) combine<4>(x, b, k, j, alpha, beta, y);
  for (; j + lanes <= columns.end; j += lanes) combine<1>(x, b, k, j, alpha, beta, y);
  for (; j < columns.end; j++) {
    float value = 0;
    for (int i = 0; i < k; i++) value += x[i] * b.data[i * b.row + j];
    put(y + j, value, alpha, beta);
  }
}

}  // namespace

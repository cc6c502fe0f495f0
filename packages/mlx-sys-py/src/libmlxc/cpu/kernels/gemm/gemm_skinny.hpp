// Skinny GEMM, of a few rows with a matrix: bound by reading the matrix, once and in place.
#pragma once

#include "cpu/kernels/gemm/gemm_blocked.hpp"

namespace {
namespace gemm {

constexpr int few_rows = 8;
// Rows and columns whose sums, or rows whose sums, are in registers at a time.
constexpr int few_tile_rows = tile_rows > 8 ? 4 : 2, few_tile_columns = 4;
constexpr int accumulated_steps = 8;
// Bytes of the columns that are read side by side up to which the next ones are prefetched.
constexpr int prefetched_tile = 1 << 17;

template <class T>
int padded(int steps) {
  return ceil_div(steps, lanes_of<T>) * lanes_of<T>;
}

// Elements of T that multiply_few_rows needs besides y.
template <class S, class T = typename S::T>
std::size_t few_rows_scratch(const Gemm& p) {
  return (std::size_t)p.m * padded<T>(S::steps(p.k));
}

// Writes the rows of a as elements in order, filled up with zeros.
template <class S, class T = typename S::T>
void order_rows(const Gemm& p, T* x) {
  constexpr int size = lanes_of<T>;
  const int steps = S::steps(p.k), row = padded<T>(steps);
  for (int i = 0; i < p.m; i++, x += row) {
    const auto* source = items<S>(p.a.data) + i * p.a.row;
    int s = 0;
    if (p.a.column == 1) {
      for (; S::items(s + size) <= p.k; s += size) {
        store(x + s, S::along(source + S::items(s)));
      }
    }
    for (; s < steps; s++) {
      x[s] = S::get(source + S::items(s) * p.a.column, p.a.column, p.k - S::items(s));
    }
    for (; s < row; s++) {
      x[s] = 0;
    }
  }
}

// Where items along k are neighbours: dot products of some rows with `count` columns.
template <class S, int rows, class T = typename S::T>
__attribute__((noinline)) void dots(
    const T* x,
    std::ptrdiff_t x_row,
    const typename S::Item* b,
    std::ptrdiff_t b_column,
    int k,
    int count,
    T* y,
    std::ptrdiff_t y_row) {
  constexpr int size = lanes_of<T>, columns = few_tile_columns;
  const typename S::Item* column[columns];
  for (int c = 0; c < columns; c++) {
    column[c] = b + (c < count ? c : 0) * b_column;
  }
  Vec<T> sums[rows][columns] = {};
  auto add = [&](int s, auto&& right) {
    Vec<T> left[rows];
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) left[r] = load(x + r * x_row + s);
#pragma GCC unroll 4
    for (int c = 0; c < columns; c++) {
      const Vec<T> v = right(c);
#pragma GCC unroll 4
      for (int r = 0; r < rows; r++) sums[r][c] = S::Math::multiply_add(left[r], v, sums[r][c]);
    }
  };
  // Columns that are read side by side are no pattern for the hardware prefetcher. What the next
  // ones have in the same place is fetched meanwhile, or if L2 had no room for that, what follows.
  constexpr int line = 64 / (int)sizeof(typename S::Item);
  const std::ptrdiff_t next = columns * b_column;
  const std::ptrdiff_t ahead = next * (int)sizeof(*b) <= prefetched_tile ? next : 64 * line;
  int s = 0;
  for (; S::items(s + size) <= k; s += size) {
    if (S::items(s) % line == 0) {
#pragma GCC unroll 4
      for (int c = 0; c < columns; c++) {
        __builtin_prefetch(column[c] + S::items(s) + ahead, 0, 2);
      }
    }
    add(s, [&](int c) { return S::along(column[c] + S::items(s)); });
  }
  if (const int left = k - S::items(s); left > 0) {
    add(s, [&](int c) {
      typename S::Item rest[4 * lanes / sizeof(typename S::Item)] = {};
      std::memcpy(rest, column[c] + S::items(s), sizeof *rest * (std::size_t)left);
      return S::along(rest);
    });
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
    T total[columns];
    if constexpr (sizeof(T) == sizeof(float)) {
      const vfloat4 four = ::sums(sums[r][0], sums[r][1], sums[r][2], sums[r][3]);
      std::memcpy(total, &four, sizeof four);
    } else {
#pragma GCC unroll 4
      for (int c = 0; c < columns; c++) {
        total[c] = sum(sums[r][c]);
      }
    }
    for (int c = 0; c < count; c++) {
      y[r * y_row + c] = total[c];
    }
  }
}

// Where columns are neighbours: some steps of the product, for whole vectors of columns. They are
// added to y if `add`.
template <class S, int rows, int steps, class T = typename S::T>
__attribute__((noinline)) void accumulate(
    const T* x,
    std::ptrdiff_t x_row,
    const typename S::Item* b,
    std::ptrdiff_t b_row,
    int left,
    int columns,
    T* y,
    std::ptrdiff_t y_row,
    bool add) {
  for (int j = 0; j < columns; j += lanes_of<T>) {
    Vec<T> sums[rows];
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) {
      sums[r] = add ? load(y + r * y_row + j) : Vec<T>{};
    }
#pragma GCC unroll 8
    for (int s = 0; s < steps; s++) {
      const Vec<T> v = S::across(b + S::items(s) * b_row + j, b_row, left - S::items(s));
#pragma GCC unroll 4
      for (int r = 0; r < rows; r++) {
        sums[r] = S::Math::multiply_add(x[r * x_row + s], v, sums[r]);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) {
      store(y + r * y_row + j, sums[r]);
    }
  }
}

// All steps of the product, for fewer columns than a vector has lanes.
template <class S, int rows, class T = typename S::T>
__attribute__((noinline)) void accumulate_some(
    const T* x,
    std::ptrdiff_t x_row,
    const typename S::Item* b,
    std::ptrdiff_t b_row,
    int k,
    int columns,
    T* y,
    std::ptrdiff_t y_row) {
  Vec<T> sums[rows] = {};
  for (int s = 0; S::items(s) < k; s++, b += S::items(1) * b_row) {
    T some[lanes_of<T>] = {};
    for (int j = 0; j < columns; j++) {
      some[j] = S::get(b + j, b_row, k - S::items(s));
    }
    const Vec<T> v = load(some);
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) {
      sums[r] = S::Math::multiply_add(x[r * x_row + s], v, sums[r]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
    std::memcpy(y + r * y_row, &sums[r], sizeof(T) * (std::size_t)columns);
  }
}

// Calls f(i, rows) for tiles of all rows, with their number as a constant.
template <class F>
void for_row_tiles(int m, F f) {
  int i = 0;
  for (; i + few_tile_rows <= m; i += few_tile_rows) {
    f(i, std::integral_constant<int, few_tile_rows>());
  }
  for (; i + 2 <= m; i += 2) {
    f(i, std::integral_constant<int, 2>());
  }
  if (i < m) {
    f(i, std::integral_constant<int, 1>());
  }
}

// y = a b, for the given columns, where one of the strides of b is 1.
template <class S, class T = typename S::T>
void multiply_few_rows(const Gemm& p, Range columns, T* y, std::ptrdiff_t y_row, T* x) {
  const int steps = S::steps(p.k), row = padded<T>(steps);
  order_rows<S>(p, x);
  const auto* b = items<S>(p.b.data) + columns.begin * p.b.column;
  const int n = columns.end - columns.begin;
  if (p.b.row == 1) {
    for (int j = 0; j < n; j += few_tile_columns) {
      for_row_tiles(p.m, [&](int i, auto rows) {
        dots<S, rows.value>(
            x + (std::ptrdiff_t)i * row,
            row,
            b + j * p.b.column,
            p.b.column,
            p.k,
            min(few_tile_columns, n - j),
            y + i * y_row + j,
            y_row);
      });
    }
    return;
  }
  const int vectors = n / lanes_of<T> * lanes_of<T>;
  auto add = [&](int s, auto count) {
    for_row_tiles(p.m, [&](int i, auto rows) {
      accumulate<S, rows.value, count.value>(
          x + (std::ptrdiff_t)i * row + s,
          row,
          b + S::items(s) * p.b.row,
          p.b.row,
          p.k - S::items(s),
          vectors,
          y + i * y_row,
          y_row,
          s > 0);
    });
  };
  int s = 0;
  for (; s + accumulated_steps <= steps; s += accumulated_steps) {
    add(s, std::integral_constant<int, accumulated_steps>());
  }
  for (; s < steps; s++) {
    add(s, std::integral_constant<int, 1>());
  }
  if (vectors < n) {
    for_row_tiles(p.m, [&](int i, auto rows) {
      accumulate_some<S, rows.value>(
          x + (std::ptrdiff_t)i * row,
          row,
          b + vectors,
          p.b.row,
          p.k,
          n - vectors,
          y + i * y_row + vectors,
          y_row);
    });
  }
}

}  // namespace gemm
}  // namespace

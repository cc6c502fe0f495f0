// The sums of direct convolutions: tiles of GEMM whose rows of a, or of b, lie anywhere.
//
// What is multiplied with a vector of columns is broadcast from where it lies, so patches of the
// input are neither gathered nor packed.
#pragma once

#include "cpu/kernels/gemm/gemm_blocked.hpp"

namespace {
namespace convolution {

using gemm::ceil_div;
using gemm::panel_width;
using gemm::tile_rows;
using gemm::tile_vectors;
using mlx_c::cpu::ConvolutionSegment;
using mlx_c::cpu::ConvolutionTile;
using mlx_c::cpu::Operand;
using mlx_c::cpu::WeightGradientStep;
using mlx_c::cpu::WeightGradientTile;

// Whether a number that the loops compute with is two items.
template <class S>
constexpr bool is_pair = !std::is_same_v<S, gemm::Single<typename S::Item>>;

// As an item of x, which pairs need not be aligned to.
template <class T>
T load_one(const T* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <class T, int rows, int vectors>
using Sums = Vec<T>[rows][vectors];

// Prefetches rows line by line while a tile is computed, to read them or to write to them: the
// processor drops what it cannot queue.
template <bool write>
class RowPrefetch {
 public:
  RowPrefetch(const void* const* rows, int count, std::ptrdiff_t begin, std::ptrdiff_t end)
      : row_(rows), last_(rows ? rows + count : rows), at_(begin), begin_(begin), end_(end) {}

  // False when all is done.
  bool next_line() {
    if (row_ == last_) {
      return false;
    }
    const std::uintptr_t address = (std::uintptr_t)*row_ + (std::uintptr_t)at_;
    __builtin_prefetch(reinterpret_cast<const void*>(address), write);
    at_ += line;
    if (at_ >= end_) {
      at_ = begin_;
      row_++;
    }
    return true;
  }

 private:
  static constexpr std::ptrdiff_t line = 64;
  const void* const* row_;
  const void* const* last_;
  std::ptrdiff_t at_, begin_, end_;
};

// Of what the next tile reads.
using NextRows = RowPrefetch<false>;

// Stores the first `columns` columns of a tile to the rows of y, or adds them to these.
template <class T, int rows, int vectors, class Row>
void put(const Sums<T, rows, vectors>& sums, Row row, int columns, bool add) {
  constexpr int size = lanes_of<T>;
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      T* const at = row(r) + v * size;
      if (const int left = columns - v * size; left >= size) {
        store(at, add ? load(at) + sums[r][v] : sums[r][v]);
      } else if (left > 0) {
        store_some<T>(at, add ? load_some<T>(at, left) + sums[r][v] : sums[r][v], left);
      }
    }
  }
}

// All loops but those over segments and steps must be unrolled for the sums to be in registers.
template <class M, class T, int rows, int vectors>
void tile(const ConvolutionTile& p, int panel, int columns, NextRows& next) {
  constexpr int size = lanes_of<T>, width = vectors * size;
  const T* x[rows];
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) {
    x[r] = static_cast<const T*>(p.x[r]);
  }
  constexpr auto panel_bytes = (std::ptrdiff_t)(panel_width<T> * sizeof(T));
  RowPrefetch<true> results(p.y, rows, panel * panel_bytes, (panel + 1) * panel_bytes);
  Sums<T, rows, vectors> sums = {};
  for (int s = 0; s < p.segments; s++) {
    const ConvolutionSegment& segment = p.segment[s];
    const T* w = static_cast<const T*>(p.w) + panel * p.w_panel + segment.w * width;
    const std::ptrdiff_t end = segment.x + segment.steps;
    for (std::ptrdiff_t at = segment.x; at < end;) {
      results.next_line() || next.next_line();
      const std::ptrdiff_t stop = at + gemm::steps_per_line < end ? at + gemm::steps_per_line : end;
      for (; at < stop; at++, w += width) {
        Vec<T> right[vectors];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
          right[v] = load(w + v * size);
        }
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
          const T left = load_one(x[r] + at);
#pragma GCC unroll 4
          for (int v = 0; v < vectors; v++) {
            sums[r][v] = M::multiply_add(left, right[v], sums[r][v]);
          }
        }
      }
    }
  }
  const auto row = [&](int r) {
    return static_cast<T*>(p.y[r]) + panel * (std::ptrdiff_t)panel_width<T>;
  };
  put<T, rows, vectors>(sums, row, columns, p.add);
}

template <class S, int... r>
void multiply(const ConvolutionTile& p, std::integer_sequence<int, r...>) {
  using T = typename S::T;
  using Function = void (*)(const ConvolutionTile&, int panel, int columns, NextRows& next);
  static constexpr Function wide[] = {tile<typename S::Math, T, r + 1, tile_vectors>...};
  static constexpr Function narrow[] = {tile<typename S::Math, T, r + 1, 1>...};
  NextRows next(p.next, p.rows, 0, p.next_bytes);
  for (int panel = 0, left = p.columns; left > 0; panel++, left -= panel_width<T>) {
    (left > lanes_of<T> ? wide : narrow)[p.rows - 1](p, panel, left, next);
  }
}

template <class S>
void multiply(const ConvolutionTile& p) {
  multiply<S>(p, std::make_integer_sequence<int, tile_rows>());
}

template <class T, int rows, int vectors>
void weight_tile(const WeightGradientTile& p, int column, int columns) {
  constexpr int size = lanes_of<T>;
  const T* const a = static_cast<const T*>(p.gradient);
  const T* const b = static_cast<const T*>(p.x) + column;
  Sums<T, rows, vectors> sums = {};
  for (int i = 0; i < p.steps; i++) {
    const WeightGradientStep step = p.step[i];
    const T *left = a + step.gradient, *right = b + step.x;
    const WeightGradientStep later = p.step[i + WeightGradientTile::ahead];
    gemm::prefetch((std::uintptr_t)(a + later.gradient));
    gemm::prefetch((std::uintptr_t)(a + later.gradient + rows - 1));
    gemm::prefetch((std::uintptr_t)(b + later.x));
    gemm::prefetch((std::uintptr_t)(b + later.x + vectors * size - 1));
    Vec<T> values[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      values[v] = load(right + v * size);
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
      const T factor = left[r];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) {
        sums[r][v] += factor * values[v];
      }
    }
  }
  const auto row = [&](int r) { return static_cast<T*>(p.y) + r * p.y_row + column; };
  put<T, rows, vectors>(sums, row, columns, p.add);
}

template <class T, int... r>
void multiply(const WeightGradientTile& p, std::integer_sequence<int, r...>) {
  using Function = void (*)(const WeightGradientTile&, int column, int columns);
  static constexpr Function wide[] = {weight_tile<T, r + 1, tile_vectors>...};
  static constexpr Function narrow[] = {weight_tile<T, r + 1, 1>...};
  for (int column = 0; column < p.columns; column += panel_width<T>) {
    const int left = p.columns - column;
    (left > lanes_of<T> ? wide : narrow)[p.rows - 1](p, column, left);
  }
}

// Calls f(S()) for what items of a type are computed with; those of f16 have become floats.
template <class F>
auto for_type(ElementType type, F f) {
  switch (type) {
    case ElementType::f32:
      return f(gemm::Single<float>());
    case ElementType::bf16:
      return f(gemm::BFloat16Pair());
    default:
      return f(gemm::Single<double>());
  }
}

// B is what GEMM computes bfloat16 with.
template <class B>
bool takes(ElementType type) {
  return type != ElementType::c64 &&
      (type != ElementType::bf16 || std::is_same_v<B, gemm::BFloat16Pair>);
}

inline void multiply_tile(const ConvolutionTile& p) {
  for_type(p.type, [&]<class S>(S) { multiply<S>(p); });
}

inline void multiply_weight_tile(const WeightGradientTile& p) {
  constexpr auto rows = std::make_integer_sequence<int, tile_rows>();
  p.type == ElementType::f64 ? multiply<double>(p, rows) : multiply<float>(p, rows);
}

template <class T>
int width_of_panel(int columns) {
  return columns > lanes_of<T> ? panel_width<T> : lanes_of<T>;
}

inline int width_of_panel(ElementType type, int columns) {
  return for_type(type, [=]<class S>(S) { return width_of_panel<typename S::T>(columns); });
}

// Whether all numbers of a panel are finite: zero times them is zero then.
template <class S, class T = typename S::T>
bool is_finite(const T* panel, std::ptrdiff_t size) {
  Vec<T> sum = {};
  for (std::ptrdiff_t i = 0; i < size; i += lanes_of<T>) {
    const Vec<T> v = load(panel + i);
    sum += v * 0;
    if constexpr (is_pair<S>) {
      sum += (Vec<T>)((vuint)v << 16) * 0;
    }
  }
  bool finite = true;
  for (int i = 0; i < lanes_of<T>; i++) {
    finite = finite && sum[i] == 0;
  }
  return finite;
}

template <class S, class T = typename S::T>
bool pack(const Operand& w, int items, int columns, T* target) {
  const int width = width_of_panel<T>(columns), count = min(columns, width);
  gemm::pack<S>(gemm::items<S>(w.data), {w.column, w.row, count, columns}, items, width, target);
  return is_finite<S>(target, (std::ptrdiff_t)S::steps(items) * width);
}

inline bool pack_panel(ElementType type, const Operand& w, int items, int columns, void* target) {
  switch (type) {
    case ElementType::f32:
      return pack<gemm::Single<float>>(w, items, columns, static_cast<float*>(target));
    case ElementType::f16:
      return pack<gemm::Single<Half>>(w, items, columns, static_cast<float*>(target));
    case ElementType::bf16:
      return pack<gemm::BFloat16Pair>(w, items, columns, static_cast<float*>(target));
    default:
      return pack<gemm::Single<double>>(w, items, columns, static_cast<double*>(target));
  }
}

}  // namespace convolution
}  // namespace

// Blocked GEMM of packed panels.
//
// A tile of results stays in registers while a panel of a, in the L1 cache, is multiplied with one
// of b, in the L2 cache. Panels are as deep and as many as these caches hold.
#pragma once

#include "cpu/kernels/gemm/gemm_pack.hpp"
#include "cpu/kernels/stop.hpp"
#include "cpu/kernels/table.hpp"

namespace {
namespace gemm {

using mlx_c::cpu::Gemm;
using mlx_c::cpu::Operand;
using mlx_c::cpu::Range;

#if defined(__AVX512F__)
constexpr int tile_rows = 14, tile_vectors = 2;
#elif defined(__aarch64__)
constexpr int tile_rows = 6, tile_vectors = 4;
#else
constexpr int tile_rows = 6, tile_vectors = 2;
#endif
constexpr int block_steps = 384, block_panels = 8;

template <class T>
constexpr int panel_width = tile_vectors * lanes_of<T>;

template <class S>
constexpr int block_columns = block_panels * panel_width<typename S::T> / S::width;

// How much wider blocks of few steps may be: each panel of a is packed once for each block.
constexpr int most_widening = 8;

// Steps of a block: all blocks have as many, up to a vector.
template <class S>
inline int steps_of_block(const Gemm& p) {
  constexpr int size = lanes_of<typename S::T>;
  const int steps = max(1, S::steps(p.k));
  return min(steps, ceil_div(ceil_div(steps, ceil_div(steps, block_steps)), size) * size);
}

// Columns of a block that takes as much of the cache as one of `block_steps`.
template <class S>
inline int wide_block_columns(const Gemm& p) {
  const int steps = steps_of_block<S>(p);
  const int panels = min(block_panels * block_steps / steps, most_widening * block_panels);
  return panels * panel_width<typename S::T> / S::width;
}

// Steps of a tile for each cache line that is prefetched: about as many as memory delivers one in.
constexpr int steps_per_line = 8;

// Prefetches the cache lines of a panel of a, one by one while the panel before is multiplied.
// Prefetching many at once is of no use: the processor drops those that it cannot queue.
class PanelPrefetch {
 public:
  PanelPrefetch() = default;

  // Of `rows` rows, `items` deep, where either rows or columns are contiguous.
  template <class Item>
  PanelPrefetch(const Item* panel, std::ptrdiff_t row, std::ptrdiff_t column, int rows, int items) {
    constexpr int line = 64, size = sizeof(Item);
    if (column == 1) {
      at_ = (std::uintptr_t)panel;
      step_ = line;
      run_ = (items * size + line - 1) / line;
      skip_ = row * size - (std::ptrdiff_t)run_ * line;
      count_ = rows * run_;
    } else if (row == 1) {
      // The lines of the first rows, which the panel before shares, have been read.
      at_ = (std::uintptr_t)(panel + rows - 1);
      step_ = column * size;
      run_ = count_ = items;
    }
    left_ = run_;
  }

  void next_line() {
    if (count_ == 0) {
      return;
    }
    count_--;
    prefetch(at_);
    at_ += (std::uintptr_t)step_;
    if (--left_ > 0) {
      return;
    }
    left_ = run_;
    at_ += (std::uintptr_t)skip_;
  }

 private:
  std::uintptr_t at_ = 0;
  std::ptrdiff_t step_ = 0, skip_ = 0;  // from line to line, and further from run to run
  int run_ = 0, left_ = 0, count_ = 0;
};

// Stores the first `columns` columns of a tile to y, or adds them to it.
template <class T>
void put_some(
    const T* tile, int width, int rows, T* y, std::ptrdiff_t y_row, int columns, bool add) {
  for (; rows > 0; rows--, tile += width, y += y_row) {
    for (int j = 0; j < columns; j++) {
      y[j] = add ? y[j] + tile[j] : tile[j];
    }
  }
}

// Computes a tile of `rows` rows and `columns` columns of y, or adds it to y if `add`. All loops
// but the one over steps must be unrolled for the sums to be in registers.
template <class M, class T, int rows, int vectors>
void tile(
    int steps,
    const T* a,
    const T* b,
    T* y,
    std::ptrdiff_t y_row,
    int columns,
    bool add,
    PanelPrefetch& next_panel) {
  constexpr int size = lanes_of<T>, width = vectors * size;
  Vec<T> sums[rows][vectors] = {};
  for (int p = 0; p < steps;) {
    next_panel.next_line();
    for (const int end = min(p + steps_per_line, steps); p < end; p++, a += rows, b += width) {
      Vec<T> right[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) {
        right[v] = load(b + v * size);
      }
#pragma GCC unroll 16
      for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
          sums[r][v] = M::multiply_add(a[r], right[v], sums[r][v]);
        }
      }
    }
  }
  T some[rows * width];
  const bool all = columns == width;
  T* const target = all ? y : some;
  const std::ptrdiff_t target_row = all ? y_row : width;
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      T* at = target + r * target_row + v * size;
      store(at, add && all ? load(at) + sums[r][v] : sums[r][v]);
    }
  }
  if (!all) {
    put_some(some, width, rows, y, y_row, columns, add);
  }
}

template <class T>
using Tile = void (*)(int, const T*, const T*, T*, std::ptrdiff_t, int, bool, PanelPrefetch&);

template <class M, class T, int vectors, int... r>
inline Tile<T> choose_tile(int rows, std::integer_sequence<int, r...>) {
  static constexpr Tile<T> tiles[] = {tile<M, T, r + 1, vectors>...};
  return tiles[rows - 1];
}

template <class S, int vectors>
inline Tile<typename S::T> choose_tile(int rows) {
  return choose_tile<typename S::Math, typename S::T, vectors>(
      rows, std::make_integer_sequence<int, tile_rows>());
}

template <class S>
const typename S::Item* items(const void* data) {
  return static_cast<const typename S::Item*>(data);
}

template <class S, class T = typename S::T>
void pack_a(const Operand& a, Range rows, Range depth, int available, T* target) {
  const auto* source = items<S>(a.data) + rows.begin * a.row + depth.begin * a.column;
  const int count = rows.end - rows.begin;
  pack<S>(source, {a.row, a.column, count, available}, depth.end - depth.begin, count, target);
}

template <class S, class T = typename S::T>
void pack_b(const Operand& b, Range depth, Range columns, int available, int width, T* target) {
  const auto* source = items<S>(b.data) + depth.begin * b.row + columns.begin * b.column;
  const int count = columns.end - columns.begin;
  pack<S>(source, {b.column, b.row, count, available}, depth.end - depth.begin, width, target);
}

template <>
void pack_a<Complex>(const Operand& a, Range rows, Range depth, int, float* target) {
  const int count = rows.end - rows.begin;
  for (int p = depth.begin; p < depth.end; p++, target += 2 * count) {
    const float* at = items<Complex>(a.data) + 2 * (rows.begin * a.row + p * a.column);
    for (int i = 0; i < count; i++, at += 2 * a.row) {
      target[i] = at[0];
      target[count + i] = at[1];
    }
  }
}

template <>
void pack_b<Complex>(const Operand& b, Range depth, Range columns, int, int width, float* target) {
  const int count = 2 * (columns.end - columns.begin);
  for (int p = depth.begin; p < depth.end; p++, target += 2 * width) {
    const float* at = items<Complex>(b.data) + 2 * (p * b.row + columns.begin * b.column);
    float *real = target, *imaginary = target + width;
    for (int j = 0; j < width; j += 2, at += 2 * b.column) {
      const bool is_there = j < count;
      real[j] = is_there ? at[0] : 0;
      real[j + 1] = is_there ? at[1] : 0;
      imaginary[j] = is_there ? -at[1] : 0;
      imaginary[j + 1] = is_there ? at[0] : 0;
    }
  }
}

// The rows of a panel of a: as many as a tile has, or fewer, the same in all panels but the last.
inline int panel_rows_of_a(int m) {
  return ceil_div(m, ceil_div(m, tile_rows));
}

// Panels of a that are packed at once if its rows are neighbours: some whole cache lines.
constexpr int panels_at_once = 8;

template <class S>
inline bool packs_panels(const Gemm& p) {
  return S::width == 1 && p.a.row == 1 && p.a.column != 1;
}

// From one packed panel of a to the next: what is stored behind a panel is not of the next.
template <class T>
inline std::ptrdiff_t panel_distance(int steps, int rows) {
  return (std::ptrdiff_t)steps * rows + lanes_of<T>;
}

// Elements of T that multiply_blocked needs besides y for so many columns.
template <class S, class T = typename S::T>
std::size_t blocked_scratch(const Gemm& p, int most_columns) {
  const int steps = steps_of_block<S>(p);
  const int columns = S::width * most_columns;
  const int padded_columns = ceil_div(columns, panel_width<T>) * panel_width<T>;
  const int panels = packs_panels<S>(p) ? panels_at_once : 1;
  return (std::size_t)steps * padded_columns +
      (std::size_t)(panels * panel_distance<T>(steps, panel_rows_of_a(p.m)));
}

// Packs panels of a as they are needed.
template <class S, class T = typename S::T>
class PanelsOfA {
 public:
  // Of the given steps; `target` is memory for the packed panels.
  PanelsOfA(const Gemm& p, Range depth, T* target) : p_(p), depth_(depth), target_(target) {}

  // The panel of so many rows from `row` on, which follow those of the call before.
  const T* next(int row, int count, PanelPrefetch& next_panel) {
    const int rows = panel_rows_of_a(p_.m);
    const std::ptrdiff_t distance = panel_distance<T>(S::steps(depth_.end - depth_.begin), rows);
    if (row < packed_until_) {
      return target_ + (row - packed_from_) / rows * distance;
    }
    packed_from_ = row;
    if constexpr (S::width == 1) {
      constexpr int size = lanes_of<T>;
      const int read = (panels_at_once - 1) * rows + ceil_div(rows, size) * size;
      if (packs_panels<S>(p_) && row + read <= p_.m) {
        pack_panels<S>(
            first_item(row),
            p_.a.column,
            depth_.end - depth_.begin,
            rows,
            panels_at_once,
            distance,
            target_);
        packed_until_ = row + panels_at_once * rows;
        return target_;
      }
    }
    pack_a<S>(p_.a, {row, row + count}, depth_, p_.m - row, target_);
    packed_until_ = row + count;
    if (const int next = min(rows, p_.m - packed_until_); next > 0) {
      next_panel = PanelPrefetch(
          first_item(packed_until_),
          S::width * p_.a.row,
          p_.a.column,
          next,
          S::width * (depth_.end - depth_.begin));
    }
    return target_;
  }

 private:
  const typename S::Item* first_item(int row) const {
    return items<S>(p_.a.data) + S::width * (row * p_.a.row + depth_.begin * p_.a.column);
  }

  const Gemm& p_;
  const Range depth_;
  T* const target_;
  int packed_from_ = 0, packed_until_ = 0;
};

// y = a b, for the given columns.
template <class S, class T = typename S::T>
void multiply_blocked(const Gemm& p, Range columns, T* y, std::ptrdiff_t y_row, T* scratch) {
  constexpr int wide = panel_width<T>, narrow = lanes_of<T>;
  const int n = S::width * (columns.end - columns.begin), rows = panel_rows_of_a(p.m);
  const int most_items = S::items(steps_of_block<S>(p));
  for (int k = 0; k < p.k; k += most_items) {
    const Range depth{k, min(k + most_items, p.k)};
    const int steps = S::steps(depth.end - depth.begin);
    for (int j = 0; j < n; j += wide) {
      const int begin = columns.begin + j / S::width;
      const Range panel{begin, min(begin + wide / S::width, columns.end)};
      const int width = n - j > narrow ? wide : narrow;
      pack_b<S>(p.b, depth, panel, p.n - begin, width, scratch + (std::ptrdiff_t)j * steps);
    }
    PanelsOfA<S> panels(p, depth, scratch + (std::ptrdiff_t)ceil_div(n, wide) * wide * steps);
    for (int i = 0; i < p.m; i += rows) {
      if (mlx_c::cpu::is_stopped()) {
        return;
      }
      const int count = min(rows, p.m - i);
      const Tile<T> wide_tile = choose_tile<S, tile_vectors>(count);
      const Tile<T> narrow_tile = choose_tile<S, 1>(count);
      PanelPrefetch next_panel;
      const T* const a = panels.next(i, count, next_panel);
      for (int j = 0; j < n; j += wide) {
        const int left = min(n - j, wide);
        const T* const b = scratch + (std::ptrdiff_t)j * steps;
        T* const target = y + i * y_row + j;
        (left > narrow ? wide_tile : narrow_tile)(
            steps, a, b, target, y_row, left, k > 0, next_panel);
      }
    }
  }
}

}  // namespace gemm
}  // namespace

// GEMM of any inexact type: chooses between skinny and blocked, scales and adds.
#pragma once

#include "cpu/kernels/gemm/gemm_amx.hpp"
#include "cpu/kernels/gemm/gemm_skinny.hpp"

namespace {
namespace gemm {

// Scales the sums, adds c, and stores them in the type of y.
template <class P, class T = typename P::T>
void finish(const Gemm& p, Range columns, T* sums, std::ptrdiff_t sums_row, bool in_place) {
  using Item = typename P::Item;
  constexpr int width = P::width;
  const int count = width * (columns.end - columns.begin);
  for (int i = 0; i < p.m; i++, sums += sums_row) {
    if (p.alpha != 1) {
      for (int j = 0; j < count; j++) {
        sums[j] *= (T)p.alpha;
      }
    }
    if (p.beta != 0) {
      const Item* c = items<P>(p.c.data) + width * (i * p.c.row + columns.begin * p.c.column);
      for (int j = 0; j < count; j++) {
        sums[j] += (T)p.beta * widen(c[j / width * width * p.c.column + j % width]);
      }
    }
    if (in_place) {
      continue;
    }
    Item* y = static_cast<Item*>(p.y) + width * (i * p.y_row + columns.begin * p.y_column);
    if (p.y_column == 1) {
      P::put(sums, y, count);
    } else {
      for (int j = 0; j < count; j += width) {
        P::put(sums + j, y + j * p.y_column, width);
      }
    }
  }
}

// S is what the loops compute with, P the type in memory.
template <class S, class P>
struct Dense {
  using T = typename S::T;
  static constexpr bool same_type = sizeof(T) == sizeof(typename P::Item);

  static bool has_few_rows(const Gemm& p) {
    if (S::width != 1 || p.m > few_rows) {
      return false;
    }
    // Packing costs less than reading b in parts of vectors.
    if (p.b.row == 1) {
      return p.m == 1 || S::steps(p.k) >= lanes_of<T>;
    }
    return p.b.column == 1 && (p.m == 1 || p.n >= lanes_of<T>);
  }

  // Whether sums can be where the results are to be.
  static bool in_place(const Gemm& p) {
    return same_type && p.y_column == 1;
  }

  // Columns that are computed at once. Sums that lie in scratch memory stay in the cache.
  static int columns_at_once(const Gemm& p) {
    if (!in_place(p) || has_few_rows(p)) {
      return min(p.n, block_columns<S>);
    }
    // Blocks have as many, up to a panel.
    constexpr int panel = panel_width<T> / S::width;
    const int blocks = max(1, ceil_div(p.n, wide_block_columns<S>(p)));
    return min(p.n, ceil_div(ceil_div(p.n, blocks), panel) * panel);
  }

  static int sums_row(const Gemm& p) {
    return S::width * columns_at_once(p);
  }

  static std::size_t sums(const Gemm& p) {
    return in_place(p) ? 0 : (std::size_t)ceil_div(p.m * sums_row(p), lanes_of<T>) * lanes_of<T>;
  }

  static std::size_t scratch_size(const Gemm& p) {
    return sizeof(T) *
        (sums(p) +
         (has_few_rows(p) ? few_rows_scratch<S>(p) : blocked_scratch<S>(p, columns_at_once(p))));
  }

  static void multiply(const Gemm& p, void* scratch) {
    T* const rest = static_cast<T*>(scratch) + sums(p);
    const int at_once = columns_at_once(p);
    for (int j = 0; j < p.n; j += at_once) {
      const Range columns{j, min(j + at_once, p.n)};
      T* y = static_cast<T*>(scratch);
      std::ptrdiff_t row = sums_row(p);
      if (in_place(p)) {
        y = static_cast<T*>(p.y) + S::width * j;
        row = S::width * p.y_row;
      }
      if (p.k == 0) {
        for (int i = 0; i < p.m; i++) {
          std::memset(y + i * row, 0, sizeof(T) * S::width * (std::size_t)(columns.end - j));
        }
      } else if (has_few_rows(p)) {
        multiply_few_rows<S>(p, columns, y, row, rest);
      } else {
        multiply_blocked<S>(p, columns, y, row, rest);
      }
      if (!in_place(p) || p.alpha != 1 || p.beta != 0) {
        finish<P>(p, columns, y, row, in_place(p));
      }
    }
  }
};

// The same product, transposed where y has so few columns that they should be the rows of a skinny
// GEMM. With an alpha of 0, nothing of a and b counts.
inline Gemm oriented(Gemm p) {
  if (p.alpha == 0) {
    p.k = 0;
  }
  if (p.n > few_rows || p.n >= p.m) {
    return p;
  }
  Gemm q = p;
  q.m = p.n;
  q.n = p.m;
  q.a = {p.b.data, p.b.column, p.b.row};
  q.b = {p.a.data, p.a.column, p.a.row};
  q.c = {p.c.data, p.c.column, p.c.row};
  q.y_row = p.y_column;
  q.y_column = p.y_row;
  return q;
}

// Calls f(Dense<S, P>()) for the types of the product; B is what bfloat16 is computed with.
template <class B, class F>
auto for_types(const Gemm& p, F f) {
  switch (p.type) {
    case ElementType::f32:
      return f(Dense<Single<float>, Single<float>>());
    case ElementType::f16:
      return f(Dense<Single<Half>, Single<Half>>());
    case ElementType::bf16:
      return p.wide ? f(Dense<B, Single<float>>()) : f(Dense<B, Single<BFloat16>>());
    case ElementType::f64:
      return f(Dense<Single<double>, Single<double>>());
    default:
      return f(Dense<Complex, Complex>());
  }
}

template <class B>
std::size_t scratch_size(const Gemm& p) {
  const Gemm q = oriented(p);
  return for_types<B>(p, [&](auto dense) { return dense.scratch_size(q); });
}

template <class B>
void multiply(const Gemm& p, void* scratch) {
  const Gemm q = oriented(p);
  for_types<B>(p, [&](auto dense) { dense.multiply(q, scratch); });
}

}  // namespace gemm
}  // namespace

// The types of elements that GEMM takes, and what the loops compute with in place of each.
//
// A product runs over `steps`: one per item along k, or per pair of items. Each type says how to
// get the elements of a step from memory (`Item`) as the loops have them (`T`), and how to turn
// sums into results.
#pragma once

#include "cpu/kernels/simd/convert.hpp"

namespace {
namespace gemm {

inline int ceil_div(int size, int piece) {
  return (size + piece - 1) / piece;
}

template <class T>
struct Arithmetic {
  static Vec<T> multiply_add(T a, Vec<T> b, Vec<T> sum) {
    return sum + a * b;
  }
  static Vec<T> multiply_add(Vec<T> a, Vec<T> b, Vec<T> sum) {
    return sum + a * b;
  }
};

// One item per step, as it is computed with.
template <class I>
struct Single {
  using Item = I;
  using T = Computed<I>;
  using Math = Arithmetic<T>;
  static constexpr int width = 1;  // elements of T per item of a result

  static int steps(int items) {
    return items;
  }
  static int items(int steps) {
    return steps;
  }
  // The element at `at`; `step` leads to the next item along k, of which `left` are left.
  static T get(const Item* at, std::ptrdiff_t, int) {
    return widen(*at);
  }
  // Elements for as many steps as there are lanes, the items being neighbours along k.
  static Vec<T> along(const Item* at) {
    return load(at);
  }
  // The elements of one step of neighbouring rows of a, or columns of b.
  static Vec<T> across(const Item* at, std::ptrdiff_t, int) {
    return load(at);
  }
  static void put(const T* sums, Item* y, int count) {
    if constexpr (std::is_same_v<Item, T>) {
      std::memcpy(y, sums, sizeof(T) * (std::size_t)count);
    } else {
      narrow(sums, y, (std::size_t)count);
    }
  }
};

#if defined(__AVX512BF16__)
struct PairArithmetic {
  static vfloat multiply_add(float a, vfloat b, vfloat sum) {
    return multiply_add((vfloat)_mm512_set1_ps(a), b, sum);
  }
  static vfloat multiply_add(vfloat a, vfloat b, vfloat sum) {
    return (vfloat)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
  }
};

// Two items per step, as the processor multiplies them: a T holds both, the first in the low half.
struct BFloat16Pair {
  using Item = BFloat16;
  using T = float;
  using Math = PairArithmetic;
  static constexpr int width = 1;

  static int steps(int items) {
    return (items + 1) / 2;
  }
  static int items(int steps) {
    return 2 * steps;
  }
  static float get(const Item* at, std::ptrdiff_t step, int left) {
    const std::uint32_t high = left > 1 ? at[step].bits : 0;
    return bits_to_float(high << 16 | at->bits);
  }
  static vfloat along(const Item* at) {
    return load_raw<vfloat>(at);
  }
  static vfloat across(const Item* at, std::ptrdiff_t step, int left) {
    const vuint high = left > 1 ? (vuint)load(at + step) : vuint{};
    const auto low = load_raw<Vec<std::uint16_t, lanes>>(at);
    return (vfloat)(high | __builtin_convertvector(low, vuint));
  }
};
#else
using BFloat16Pair = Single<BFloat16>;
#endif

// A complex product is a real one of twice the width and depth: of the rows (re, im) of a and, for
// each row of b, two rows (re, im) and (-im, re) of b.
struct Complex : Single<float> {
  static constexpr int width = 2;

  static int steps(int items) {
    return 2 * items;
  }
  static int items(int steps) {
    return steps / 2;
  }
};

}  // namespace gemm
}  // namespace

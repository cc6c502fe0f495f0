// The types of numbers that products take, and what the loops compute with in place of each.
//
// A product runs over `steps`: one per item along k, or per pair of items. Each type says how to
// get the elements of a step from memory (`Item`) as the loops have them (`T`), and how to turn
// sums into results.
#pragma once

#include "cpu/kernels/simd/convert.hpp"
#include "cpu/kernels/simd/vector.hpp"

namespace {
namespace dense {

template <class T>
struct Arithmetic {
  static Vector<T> multiply_add(T a, Vector<T> b, Vector<T> sum) {
    return sum + a * b;
  }
  static Vector<T> multiply_add(Vector<T> a, Vector<T> b, Vector<T> sum) {
    return sum + a * b;
  }
};

// One item per step, converted to T.
template <class I, class N>
struct Plain {
  using Item = I;
  using T = N;
  using Math = Arithmetic<T>;
  static constexpr int width = 1;  // elements of T per item of a result

  static int steps(int items) {
    return items;
  }
  static int items(int steps) {
    return steps;
  }
};

template <class T>
struct Same : Plain<T, T> {
  // The element at `at`; `step` leads to the next item along k, of which `left` are left.
  static T get(const T* at, std::ptrdiff_t, int) {
    return *at;
  }
  // Elements for as many steps as there are lanes, the items being neighbours along k.
  static Vector<T> along(const T* at) {
    return load_vector(at);
  }
  // The elements of one step of neighbouring rows of a, or columns of b.
  static Vector<T> across(const T* at, std::ptrdiff_t, int) {
    return load_vector(at);
  }
  static T value(T item) {
    return item;
  }
  static void put(const T* sums, T* y, int count) {
    std::memcpy(y, sums, sizeof(T) * (std::size_t)count);
  }
};

typedef std::uint16_t vhalf __attribute__((vector_size(2 * lanes)));

inline vhalf load_halves(const std::uint16_t* p) {
  vhalf v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

struct Half : Plain<std::uint16_t, float> {
  static float get(const Item* at, std::ptrdiff_t, int) {
    return half_to_float(*at);
  }
  static vfloat along(const Item* at) {
#if defined(__AVX512F__)
    return (vfloat)_mm512_maskz_cvtph_ps(0xffff, (__m256i)load_halves(at));
#elif defined(__F16C__)
    return (vfloat)_mm256_cvtph_ps((__m128i)load_halves(at));
#else
    vfloat v;
    for (int lane = 0; lane < lanes; lane++) {
      v[lane] = half_to_float(at[lane]);
    }
    return v;
#endif
  }
  static vfloat across(const Item* at, std::ptrdiff_t, int) {
    return along(at);
  }
  static float value(Item item) {
    return half_to_float(item);
  }
  static void put(const float* sums, Item* y, int count) {
    narrow(sums, y, ElementType::f16, (std::size_t)count);
  }
};

struct Brain : Plain<std::uint16_t, float> {
  static float get(const Item* at, std::ptrdiff_t, int) {
    return brain_to_float(*at);
  }
  static vfloat along(const Item* at) {
    return (vfloat)(__builtin_convertvector(load_halves(at), vuint) << 16);
  }
  static vfloat across(const Item* at, std::ptrdiff_t, int) {
    return along(at);
  }
  static float value(Item item) {
    return brain_to_float(item);
  }
  static void put(const float* sums, Item* y, int count) {
    narrow(sums, y, ElementType::bf16, (std::size_t)count);
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
struct BrainPair {
  using Item = std::uint16_t;
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
    const std::uint32_t high = left > 1 ? at[step] : 0;
    return bits_to_float(high << 16 | *at);
  }
  static vfloat along(const Item* at) {
    vfloat v;
    std::memcpy(&v, at, sizeof v);
    return v;
  }
  static vfloat across(const Item* at, std::ptrdiff_t step, int left) {
    const vhalf high = left > 1 ? load_halves(at + step) : vhalf{};
    return (vfloat)(__builtin_convertvector(high, vuint) << 16 |
                    __builtin_convertvector(load_halves(at), vuint));
  }
};
#else
using BrainPair = Brain;
#endif

// A complex product is a real one of twice the width and depth: of the rows (re, im) of a and, for
// each row of b, two rows (re, im) and (-im, re) of b.
struct Complex : Same<float> {
  static constexpr int width = 2;

  static int steps(int items) {
    return 2 * items;
  }
  static int items(int steps) {
    return steps / 2;
  }
};

}  // namespace dense
}  // namespace

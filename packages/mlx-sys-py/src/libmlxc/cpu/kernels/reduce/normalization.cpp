#include "cpu/kernels/reduce/normalization.hpp"

#include "cpu/kernels/simd/rows.hpp"

namespace mlx_c::cpu::MLX_C_ISA {

namespace {

// What a row is normalised by.
struct Moments {
  float mean, factor;
};

float mean_of(const NormArgs& p, const float* x) {
  return p.centred
      ? sum_of_row(x, (std::size_t)p.size, 0, [](vfloat v) { return v; }) / (float)p.size
      : 0;
}

float factor_of(const NormArgs& p, float squares) {
  return 1 / __builtin_sqrtf(squares / (float)p.size + p.eps);
}

Moments moments(const NormArgs& p, const float* x) {
  const float mean = mean_of(p, x);
  const float squares =
      sum_of_row(x, (std::size_t)p.size, mean, [&](vfloat v) { return (v - mean) * (v - mean); });
  return {mean, factor_of(p, squares)};
}

// Elements of a row up to which the next rows are prefetched while one is computed: then they are
// in the first-level cache together. The hardware prefetches within long rows.
constexpr std::size_t short_row = 2048;

// Called for each vector at i: prefetches the cache lines that lie `rows` on from x and y, of which
// y will be written. Rows that are apart are far enough, as a prefetch never fails.
struct NextRows {
  std::ptrdiff_t distance;  // 0 for none

  NextRows(std::size_t size, int rows)
      : distance(size <= short_row ? (std::ptrdiff_t)size * rows : 0) {}

  [[gnu::always_inline]] void read(const float* x, std::size_t i) const {
    if (distance) {
      __builtin_prefetch(x + i + distance);
    }
  }
  [[gnu::always_inline]] void write(const float* y, std::size_t i) const {
    if (distance) {
      __builtin_prefetch(y + i + distance, 1);
    }
  }
};

// Some lanes of a row: all of a vector, or those that are left at its end.
struct Lanes {
  std::size_t i;
  int count;

  vfloat load_from(const float* x, float rest = 0) const {
    return count == lanes ? load(x + i) : first(load_some<float>(x + i, count), count, rest);
  }
  void store_to(float* y, vfloat v) const {
    count == lanes ? store(y + i, v) : store_some<float>(y + i, v, count);
  }
};

// Calls f(Lanes) for a row; what f does with whole vectors is compiled by itself.
template <class F>
[[gnu::always_inline]] inline void for_lanes(std::size_t size, F f) {
  std::size_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    f(Lanes{i, lanes});
  }
  if (i < size) {
    f(Lanes{i, (int)(size - i)});
  }
}

template <bool weighted, bool biased>
void normalize_row(
    const NormArgs& p, const float* x, const float* weight, const float* bias, float* y) {
  const Moments m = moments(p, x);
  const auto size = (std::size_t)p.size;
  const NextRows next(size, 1);
  for_lanes(size, [=](Lanes at) __attribute__((always_inline)) {
    next.read(x, at.i);
    next.write(y, at.i);
    vfloat v = (at.load_from(x) - m.mean) * m.factor;
    if constexpr (weighted) {
      v *= at.load_from(weight);
    }
    if constexpr (biased) {
      v += at.load_from(bias);
    }
    at.store_to(y, v);
  });
}

template <int count, bool weighted, bool biased>
void gradients_of_rows(
    const NormArgs& p,
    const NormGradientRow* some,
    const float* weight,
    float* of_weight,
    float* of_bias) {
  const auto size = (std::size_t)p.size;
  NormGradientRow rows[count];
  float mean[count], factor[count], shift[count], slope[count];
  for (int r = 0; r < count; r++) {
    rows[r] = some[r];
    mean[r] = mean_of(p, rows[r].x);
  }
  // The gradient with respect to what weight and bias are applied to.
  const auto inner = [=](Lanes at, vfloat g) __attribute__((always_inline)) {
    return weighted ? g * at.load_from(weight) : g;
  };
  const NextRows next(size, count);
  // All sums in one pass. That of the products with x is scaled afterwards.
  vfloat squares[count] = {}, total[count] = {}, product[count] = {};
  for_lanes(size, [&](Lanes at) __attribute__((always_inline)) {
#pragma GCC unroll 2
    for (int r = 0; r < count; r++) {
      const vfloat centred = at.load_from(rows[r].x, mean[r]) - mean[r];
      const vfloat g = inner(at, at.load_from(rows[r].gradient));
      squares[r] += centred * centred;
      total[r] += g;
      product[r] += g * centred;
    }
  });
  for (int r = 0; r < count; r++) {
    factor[r] = factor_of(p, sum(squares[r]));
    // The parts of the gradient that move the mean and the variance have no effect.
    shift[r] = p.centred ? sum(total[r]) / (float)p.size : 0;
    slope[r] = sum(product[r]) * factor[r] / (float)p.size;
  }
  for_lanes(size, [&](Lanes at) __attribute__((always_inline)) {
    vfloat with_weight = {}, with_bias = {};
    if constexpr (weighted) {
      with_weight = at.load_from(of_weight);
    }
    if constexpr (biased) {
      with_bias = at.load_from(of_bias);
    }
#pragma GCC unroll 2
    for (int r = 0; r < count; r++) {
      next.read(rows[r].x, at.i);
      next.read(rows[r].gradient, at.i);
      next.write(rows[r].of_x, at.i);
      const vfloat n = (at.load_from(rows[r].x) - mean[r]) * factor[r];
      const vfloat g = at.load_from(rows[r].gradient);
      with_weight += g * n;
      with_bias += g;
      at.store_to(rows[r].of_x, (inner(at, g) - shift[r] - n * slope[r]) * factor[r]);
    }
    if constexpr (weighted) {
      at.store_to(of_weight, with_weight);
    }
    if constexpr (biased) {
      at.store_to(of_bias, with_bias);
    }
  });
}

// Calls f with what is there as constants.
template <class F>
void with_parameters(bool weighted, bool biased, F f) {
  if (weighted) {
    biased ? f.template operator()<true, true>() : f.template operator()<true, false>();
  } else {
    biased ? f.template operator()<false, true>() : f.template operator()<false, false>();
  }
}

}  // namespace

void normalize(
    const NormArgs& p, const float* x, const float* weight, const float* bias, float* y) {
  with_parameters(weight != nullptr, bias != nullptr, [&]<bool weighted, bool biased>() {
    normalize_row<weighted, biased>(p, x, weight, bias, y);
  });
}

void normalize_gradients(
    const NormArgs& p,
    const NormGradientRow* rows,
    int count,
    const float* weight,
    float* of_weight,
    float* of_bias) {
  with_parameters(weight != nullptr, of_bias != nullptr, [&]<bool weighted, bool biased>() {
    count == 1 ? gradients_of_rows<1, weighted, biased>(p, rows, weight, of_weight, of_bias)
               : gradients_of_rows<2, weighted, biased>(p, rows, weight, of_weight, of_bias);
  });
}

}  // namespace mlx_c::cpu::MLX_C_ISA

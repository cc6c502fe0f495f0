// The exponential of vectors of floats, and what other functions share with it.
#pragma once

#include "cpu/kernels/simd/vector.hpp"

namespace {

// The polynomial with these coefficients, from the constant one up.
template <class V, class... T>
inline V polynomial(V x, double first, T... rest) {
  if constexpr (sizeof...(rest) == 0) {
    return (decltype(x[0] + x[0]))first - V{};
  } else {
    return polynomial(x, rest...) * x + (decltype(x[0] + x[0]))first;
  }
}

// 2^n for integers -126 <= n <= 127.
inline vfloat power_of_two(vfloat n) {
#if defined(__AVX512F__)
  return (vfloat)_mm512_scalef_ps((__m512)splat(1), (__m512)n);
#else
  return (vfloat)((__builtin_convertvector(n, vint) + 127) << 23);
#endif
}

// x 2^n for integers -252 <= n <= 254, of which 2^n itself may be beyond the range of floats.
inline vfloat scaled(vfloat x, vfloat n) {
#if defined(__AVX512F__)
  return (vfloat)_mm512_scalef_ps((__m512)x, (__m512)n);
#else
  const vint whole = __builtin_convertvector(n, vint), half = whole >> 1;
  return x * (vfloat)((half + 127) << 23) * (vfloat)((whole - half + 127) << 23);
#endif
}

// e^x = 2^n e^r with |r| <= log(2) / 2. Adding 1.5 * 2^23 pushes the fraction out of n.
struct ExpParts {
  vfloat n, r;
  explicit ExpParts(vfloat x) {
    const vfloat shift = splat(0x1.8p23f);
    n = (x * 1.44269504f + shift) - shift;
    r = x - n * 0.693145752f - n * 1.42860677e-6f;
  }

  // e^r = 1 + r + r^2 tail, off by less than a tenth of a unit in the last place.
  vfloat tail() const {
    return polynomial(r, 0.4999999343, 0.166665204, 0.04166839079, 0.008368745113, 0.001381454003);
  }
};

inline vfloat exponential(vfloat x) {
  const ExpParts e(max(splat(-105), min(splat(89), x)));
  return scaled((e.tail() * e.r + 1) * e.r + 1, e.n);
}

}  // namespace

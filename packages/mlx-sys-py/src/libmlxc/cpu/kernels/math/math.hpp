// Elementary functions of vectors of floats.
//
// All are within a few units in the last place, also where the result is subnormal, and right at
// zeros, infinities and NaN. The polynomials are series where those end soon enough, else fits made
// for these intervals.
#pragma once

#include "cpu/kernels/math/exponential.hpp"

namespace {

// As many floats as there are lanes for doubles.
typedef Vec<float, lanes / 2> vfloat_half;

inline vfloat with_sign(vfloat x, vfloat sign) {
  return (vfloat)((vint)x | ((vint)sign & (vint)splat(-0.0f)));
}

template <class V>
inline V square_root(V x) {
#if defined(__AVX512F__)
  if constexpr (sizeof x[0] == 4) {
    return (V)_mm512_sqrt_ps((__m512)x);
  }
  if constexpr (sizeof x[0] == 8) {
    return (V)_mm512_sqrt_pd((__m512d)x);
  }
#elif defined(__AVX2__)
  if constexpr (sizeof x[0] == 4) {
    return (V)_mm256_sqrt_ps((__m256)x);
  }
  if constexpr (sizeof x[0] == 8) {
    return (V)_mm256_sqrt_pd((__m256d)x);
  }
#else
  for (int i = 0; i < (int)(sizeof x / sizeof x[0]); i++) {
    x[i] = __builtin_sqrt(x[i]);
  }
  return x;
#endif
}

// To the nearest integer, to even if there are two. Adding 2^23 pushes the fraction out; from there
// on there is none.
inline vfloat nearest(vfloat x) {
  const vfloat shift = splat(0x1p23f);
  const vfloat size = magnitude(x);
  const vfloat rounded = (size + shift) - shift;
  return size < 0x1p23f ? with_sign(rounded, x) : x;
}

inline vfloat round_down(vfloat x) {
  const vfloat rounded = __builtin_convertvector(__builtin_convertvector(x, vint), vfloat);
  return magnitude(x) < 0x1p23f ? with_sign(rounded > x ? rounded - 1 : rounded, x) : x;
}

inline vfloat round_up(vfloat x) {
  return -round_down(-x);
}

// e^x - 1 without cancellation near 0.
inline vfloat exponential_minus_one(vfloat x) {
  const ExpParts e(max(splat(-30), min(splat(89), x)));
  const vfloat q = e.r + e.r * e.r * e.tail();
  // Half of the result, as 2^n may be beyond the range of exponents.
  const vfloat power = power_of_two(e.n - 1);
  const vfloat result = 2 * (power * q + (power - 0.5f));
  return magnitude(x) < 1e-5f ? with_sign(x + x * x * 0.5f, x) : result;
}

// log x = n log 2 + log m with m between sqrt(1/2) and sqrt(2).
struct LogParts {
  vfloat n, log_m;
  explicit LogParts(vfloat x) {
    const vint subnormal = x < 0x1p-126f;
    const vint bits = (vint)(subnormal ? x * 0x1p23f : x);
    const vint exponent = (bits - 0x3f3504f3) >> 23;
    n = __builtin_convertvector(subnormal ? exponent - 23 : exponent, vfloat);
    const vfloat f = (vfloat)(bits - (exponent << 23)) - 1;
    // log(1 + f) = 2 artanh s, by its series
    const vfloat s = f / (2 + f), z = s * s;
    const vfloat series = z * polynomial(z, 2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13);
    const vfloat half_square = 0.5f * f * f;
    log_m = f - (half_square - s * (half_square + series));
  }

  // n * (high + low) + log_m * factor at what is no positive number.
  vfloat scaled(vfloat x, float high, float low, float factor) const {
    const vfloat result = n * high + (n * low + log_m * factor);
    const vfloat limit = x < 0 ? splat(__builtin_nanf("")) : splat(-infinity);
    return x > 0 ? (x < infinity ? result : x) : (x == x ? limit : x);
  }
};

inline vfloat logarithm(vfloat x) {
  return LogParts(x).scaled(x, 0.693145752f, 1.42860677e-6f, 1);
}

inline vfloat logarithm2(vfloat x) {
  return LogParts(x).scaled(x, 1, 0, 1.44269504f);
}

inline vfloat logarithm10(vfloat x) {
  return LogParts(x).scaled(x, 0.301025391f, 4.60503907e-6f, 0.434294482f);
}

inline vfloat logarithm_plus_one(vfloat x) {
  const vfloat u = 1 + x;
  // What rounding of u has lost, to first order.
  const vfloat rest = (x - (u - 1)) / u;
  const vfloat result = logarithm(u) + (rest == rest ? rest : vfloat{});
  return magnitude(x) < 1e-5f ? x - x * x * 0.5f : (x < infinity ? result : x);
}

inline vfloat logistic(vfloat x) {
  const vfloat e = exponential(-magnitude(x));
  return (x < 0 ? e : splat(1)) / (1 + e);
}

inline vfloat hyperbolic_tangent(vfloat x) {
  const vfloat e = exponential_minus_one(2 * min(splat(10), magnitude(x)));
  return with_sign(e / (e + 2), x);
}

inline vfloat inverse_error_function(vfloat x) {
  // 1 - x^2 as a product, which does not cancel.
  const vfloat w = -logarithm((1 - x) * (1 + x));
  const vfloat near = polynomial(
      w - 2.5f,
      1.501409422,
      2.466407261e-01,
      -4.177707745e-03,
      -1.253707515e-03,
      2.186021940e-04,
      -4.396781251e-06,
      -3.528859549e-06,
      3.437270596e-07,
      2.853478993e-08);
  // Most numbers are near 0.
  if (all(w < 5)) {
    return x * near;
  }
  const vfloat far = polynomial(
      square_root(w) - 3,
      2.832977081,
      1.001674608,
      9.432078185e-03,
      -7.632510404e-03,
      5.783712267e-03,
      -3.634207531e-03,
      1.254001071e-03,
      6.124706775e-05,
      -1.323490429e-04);
  const vfloat result = x * (w < 5 ? near : far);
  return magnitude(x) == 1 ? x * infinity : result;
}

// x = quadrant * pi / 2 + r with |r| <= pi / 4, and the sine and cosine of r. For |x| < 8192.
struct Angle {
  vint quadrant;
  vfloat sine, cosine;
  explicit Angle(vfloat x) {
    const vfloat shift = splat(0x1.8p23f);
    const vfloat shifted = x * 0.636619772f + shift;
    const vfloat n = shifted - shift;
    // Parts of pi / 2 with so few bits that their products with n are exact.
    const vfloat r =
        ((x - n * 0x1.92p0f) - n * 0x1.fbp-12f) - n * 0x1.51p-22f - n * 0x1.0b4612p-34f;
    quadrant = (vint)shifted;
    const vfloat z = r * r;
    sine = r + r * z * polynomial(z, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880);
    cosine = 1 - z * polynomial(z, 1.0 / 2, -1.0 / 24, 1.0 / 720, -1.0 / 40320, 1.0 / 3628800);
  }
};

// Whether `Angle` does for all lanes: not beyond, nor at infinity and NaN.
inline bool has_angle(vfloat x) {
  return __builtin_expect(all(magnitude(x) < 8192.0f), true);
}

template <bool is_sine>
inline vfloat circular(vfloat x) {
  if (!has_angle(x)) {
    for (int i = 0; i < lanes; i++) {
      x[i] = is_sine ? __builtin_sinf(x[i]) : __builtin_cosf(x[i]);
    }
    return x;
  }
  const Angle angle(x);
  const vint quadrant = angle.quadrant + (is_sine ? 0 : 1);
  const vfloat value = (quadrant & 1) != 0 ? angle.cosine : angle.sine;
  const vfloat result = (vfloat)((vint)value ^ (quadrant & 2) << 30);
  return is_sine ? (x == 0 ? x : result) : result;  // The sign of zero is lost above.
}

inline vfloat tangent(vfloat x) {
  if (!has_angle(x)) {
    for (int i = 0; i < lanes; i++) {
      x[i] = __builtin_tanf(x[i]);
    }
    return x;
  }
  const Angle angle(x);
  const vfloat result =
      (angle.quadrant & 1) != 0 ? -angle.cosine / angle.sine : angle.sine / angle.cosine;
  return x == 0 ? x : result;
}

// x^y for finite positive x, and y * log2(x) in double precision, of which enough is left.
inline vdouble positive_power(vdouble x, vdouble y) {
  const vlong bits = (vlong)x;
  const vlong exponent = (bits - 0x3fe6a09e667f3bcd) >> 52;
  const vdouble m = (vdouble)(bits - (exponent << 52));
  const vdouble s = (m - 1) / (m + 1), z = s * s;
  const vdouble log_m = s *
      polynomial(z,
                 2.8853900817779268,
                 2.8853900817779268 / 3,
                 2.8853900817779268 / 5,
                 2.8853900817779268 / 7,
                 2.8853900817779268 / 9,
                 2.8853900817779268 / 11,
                 2.8853900817779268 / 13);
  vdouble t = y * (__builtin_convertvector(exponent, vdouble) + log_m);
  t = t < -200 ? -200 - vdouble{} : t;
  t = t > 200 ? 200 - vdouble{} : t;
  const vdouble shift = 0x1.8p52 - vdouble{};
  const vdouble shifted = t + shift;
  const vdouble r = (t - (shifted - shift)) * 0.69314718055994531;
  const vdouble p = polynomial(
      r,
      1,
      1,
      1.0 / 2,
      1.0 / 6,
      1.0 / 24,
      1.0 / 120,
      1.0 / 720,
      1.0 / 5040,
      1.0 / 40320,
      1.0 / 362880);
  return (vdouble)((vlong)p + (((vlong)shifted - (vlong)shift) << 52));
}

inline vfloat power_of(vfloat x, vfloat y) {
  if (all(y == 2)) {
    return x * x;
  }

  const vfloat size = magnitude(x);
  vfloat result;
  for (int part = 0; part < 2; part++) {
    vfloat_half some_x, some_y;
    std::memcpy(&some_x, (const char*)&size + part * sizeof some_x, sizeof some_x);
    std::memcpy(&some_y, (const char*)&y + part * sizeof some_y, sizeof some_y);
    const vfloat_half value = __builtin_convertvector(
        positive_power(
            __builtin_convertvector(some_x, vdouble), __builtin_convertvector(some_y, vdouble)),
        vfloat_half);
    std::memcpy((char*)&result + part * sizeof value, &value, sizeof value);
  }
  const vfloat nan = splat(__builtin_nanf(""));
  const vint falls = (size < 1) == (y > 0);
  result = (size == 0) | (size == infinity) | (magnitude(y) == infinity)
      ? (falls ? vfloat{} : splat(infinity))
      : result;
  result = size == 1 ? splat(1) : result;
  const vint integral = nearest(y) == y;
  const vint odd = integral & (nearest(y * 0.5f) != y * 0.5f);
  const vint negative = (vint)x < 0;
  result = negative & odd ? -result : result;
  result = negative & ~integral & (size != 0) & (size != infinity) ? nan : result;
  result = x != x ? x : (y != y ? y : result);
  return (x == 1) | (y == 0) ? splat(1) : result;
}

}  // namespace

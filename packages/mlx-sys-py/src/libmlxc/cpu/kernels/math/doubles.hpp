// Elementary functions of vectors of doubles, for functions whose intermediate results need more
// digits than a float has.
//
// Within about a unit in the last place, and right at zeros, infinities and NaN.
#pragma once

#include "cpu/kernels/math/math.hpp"

namespace {

constexpr double double_infinity = __builtin_inf();

inline vdouble with_sign(vdouble x, vdouble sign) {
  return (vdouble)((vlong)x | ((vlong)sign & (vlong)(-0.0 - vdouble{})));
}

// To the nearest integer, to even if there are two.
inline vdouble nearest(vdouble x) {
  const vdouble shift = 0x1p52 - vdouble{};
  const vdouble size = magnitude(x);
  const vdouble rounded = (size + shift) - shift;
  return size < 0x1p52 ? with_sign(rounded, x) : x;
}

inline vdouble round_down(vdouble x) {
  const vdouble rounded = nearest(x);
  return rounded > x ? rounded - 1 : rounded;
}

// e^x = 2^n e^r with |r| <= log(2) / 2, by the Taylor series of e^r. The power is multiplied by in
// two halves, as it may be beyond the range of exponents.
inline vdouble exponential(vdouble x) {
  vdouble bounded = x < -746 ? -746 - vdouble{} : x;
  bounded = bounded > 710 ? 710 - vdouble{} : bounded;
  const vdouble shift = 0x1.8p52 - vdouble{};
  const vdouble shifted = bounded * 1.4426950408889634 + shift;
  const vdouble n = shifted - shift;
  const vdouble r = bounded - n * 0x1.62e42fefa38p-1 - n * 0x1.ef35793c7673p-45;
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
      1.0 / 362880,
      1.0 / 3628800,
      1.0 / 39916800,
      1.0 / 479001600,
      1.0 / 6227020800);
  const vlong whole = (vlong)shifted - (vlong)shift, half = whole >> 1;
  return p * (vdouble)((half + 1023) << 52) * (vdouble)((whole - half + 1023) << 52);
}

// log x = n log 2 + log m with m between sqrt(1/2) and sqrt(2).
inline vdouble logarithm(vdouble x) {
  const vlong subnormal = x < 0x1p-1022;
  const vlong bits = (vlong)(subnormal ? x * 0x1p52 : x);
  const vlong exponent = (bits - 0x3fe6a09e667f3bcd) >> 52;
  const vdouble n = __builtin_convertvector(subnormal ? exponent - 52 : exponent, vdouble);
  const vdouble f = (vdouble)(bits - (exponent << 52)) - 1;
  // log(1 + f) = 2 artanh s, by its series
  const vdouble s = f / (2 + f), z = s * s;
  const vdouble series = z *
      polynomial(z,
                 2.0 / 3,
                 2.0 / 5,
                 2.0 / 7,
                 2.0 / 9,
                 2.0 / 11,
                 2.0 / 13,
                 2.0 / 15,
                 2.0 / 17,
                 2.0 / 19,
                 2.0 / 21);
  const vdouble half_square = 0.5 * f * f;
  const vdouble log_m = f - (half_square - s * (half_square + series));
  const vdouble result = n * 0x1.62e42fefa38p-1 + (n * 0x1.ef35793c7673p-45 + log_m);
  const vdouble limit = x < 0 ? __builtin_nan("") - vdouble{} : -double_infinity - vdouble{};
  return x > 0 ? (x < double_infinity ? result : x) : (x == x ? limit : x);
}

// Of comparisons of doubles, whose type is one of long or of long long, as the compiler has it.
template <class Mask>
  requires(sizeof(Mask{}[0]) == 8)
inline bool all(Mask mask) {
  return !any(~(vlong)mask);
}

// F of vectors of doubles, or of vectors of floats: of one half of the lanes as doubles, then of
// the other.
template <class F, class V, class... More>
inline V in_doubles(F function, V x, More... others) {
  if constexpr (sizeof x[0] == 8) {
    return function(x, others...);
  } else {
    V result;
    const auto half = [](V v, int part) {
      vfloat_half some;
      std::memcpy(&some, (const char*)&v + part * sizeof some, sizeof some);
      return __builtin_convertvector(some, vdouble);
    };
    for (int part = 0; part < 2; part++) {
      const vfloat_half value =
          __builtin_convertvector(function(half(x, part), half(others, part)...), vfloat_half);
      std::memcpy((char*)&result + part * sizeof value, &value, sizeof value);
    }
    return result;
  }
}

// What the special functions are written with (special/numbers.hpp).
inline vdouble constant(vdouble, double value) {
  return value - vdouble{};
}

inline vdouble choose(vlong mask, vdouble x, vdouble y) {
  return mask ? x : y;
}

// 2^x, by a series for the fraction.
inline vfloat power_of_two_to(vfloat x) {
  ExpParts e(vfloat{});
  const vfloat bounded = max(splat(-151), min(splat(129), x));
  e.n = nearest(bounded);
  e.r = (bounded - e.n) * 0.693147181f;
  return scaled((e.tail() * e.r + 1) * e.r + 1, e.n);
}

inline vdouble power_of_two_to(vdouble x) {
  vdouble bounded = x < -1080 ? -1080 - vdouble{} : x;
  bounded = bounded > 1030 ? 1030 - vdouble{} : bounded;
  const vdouble n = nearest(bounded);
  const vlong whole = __builtin_convertvector(n, vlong), half = whole >> 1;
  return exponential((bounded - n) * 0.69314718055994531) * (vdouble)((half + 1023) << 52) *
      (vdouble)((whole - half + 1023) << 52);
}

// The real cube root, by one step of Newton's method from x^(1/3) = e^(log(x) / 3).
inline vdouble cube_root(vdouble x) {
  const vdouble size = magnitude(x);
  const vdouble root = exponential(logarithm(size) * (1.0 / 3));
  const vdouble square = root * root;
  const vdouble better = root - (root - size / square) * (1.0 / 3);
  return (size > 0) & (size < double_infinity) ? with_sign(better, x) : x;
}

// The square root of x^2 + y^2, infinite if either is. Squares of floats are doubles; those of
// doubles may not be, so the larger is taken out.
inline vfloat hypotenuse(vfloat x, vfloat y) {
  const vfloat result =
      in_doubles([](vdouble a, vdouble b) { return square_root(a * a + b * b); }, x, y);
  const vint endless = (magnitude(x) == infinity) | (magnitude(y) == infinity);
  return endless ? splat(infinity) : result;
}

inline vdouble hypotenuse(vdouble x, vdouble y) {
  const vdouble a = magnitude(x), b = magnitude(y);
  const vdouble high = a > b ? a : b, low = a > b ? b : a;
  const vdouble ratio = low / high;
  const vdouble result = high == 0 ? high : high * square_root(1 + ratio * ratio);
  const vlong endless = (a == double_infinity) | (b == double_infinity);
  return endless ? double_infinity - vdouble{} : ((x == x) & (y == y) ? result : x + y);
}

}  // namespace

// Inverse and hyperbolic functions, and division with a remainder.
#pragma once

#include "cpu/kernels/math/math.hpp"

namespace {

constexpr float pi = 3.14159265f, half_pi = 1.57079633f;
// The rest of these, beyond single precision.
constexpr float pi_rest = -8.74227766e-8f, half_pi_rest = -4.37113883e-8f;

// For 0 <= x <= 1.
inline vfloat small_arctangent(vfloat x) {
  const vfloat z = x * x;
  return x +
      x * z *
      polynomial(
          z,
          -3.333333173e-01,
          1.999973933e-01,
          -1.427856875e-01,
          1.103376412e-01,
          -8.656880430e-02,
          6.250169445e-02,
          -3.587153898e-02,
          1.350777143e-02,
          -2.386997317e-03);
}

inline vfloat arctangent(vfloat x) {
  const vfloat size = magnitude(x);
  const vint large = size > 1;
  const vfloat angle = small_arctangent(large ? 1 / size : size);
  return with_sign(large ? (half_pi - angle) + half_pi_rest : angle, x);
}

// The angle of (x, y), with the sign of y.
inline vfloat arctangent(vfloat y, vfloat x) {
  const vfloat height = magnitude(y), width = magnitude(x);
  const vint steep = height > width;
  const vfloat low = steep ? width : height, high = steep ? height : width;
  // Two zeros are like (1, 0), two infinities like (1, 1).
  const vfloat ratio = low == high ? (low == 0 ? low : splat(1)) : low / high;
  vfloat angle = small_arctangent(ratio);
  angle = steep ? (half_pi - angle) + half_pi_rest : angle;
  angle = (vint)x < 0 ? (pi - angle) + pi_rest : angle;
  return (x == x) & (y == y) ? with_sign(angle, y) : x + y;
}

// For |x| <= 1/2, and others by arcsin x = pi / 2 - 2 arcsin sqrt((1 - x) / 2).
struct ArcsineParts {
  vint near;
  vfloat angle;
  explicit ArcsineParts(vfloat x) {
    const vfloat size = magnitude(x);
    near = size <= 0.5f;
    const vfloat z = near ? x * x : 0.5f - 0.5f * size;
    const vfloat root = near ? size : square_root(z);
    angle = root +
        root * z *
            polynomial(
                z,
                1.666667241e-01,
                7.498855073e-02,
                4.500138007e-02,
                2.655454221e-02,
                3.808502356e-02);
  }
};

inline vfloat arcsine(vfloat x) {
  const ArcsineParts parts(x);
  const vfloat far = (half_pi - 2 * parts.angle) + half_pi_rest;
  return with_sign(parts.near ? parts.angle : far, x);
}

inline vfloat arccosine(vfloat x) {
  const ArcsineParts parts(x);
  const vint negative = x < 0;
  const vfloat angle = with_sign(parts.angle, x);
  const vfloat far = 2 * parts.angle;
  return parts.near ? (half_pi - angle) + half_pi_rest : (negative ? (pi - far) + pi_rest : far);
}

constexpr float log_two = 0.693147181f;

inline vfloat hyperbolic_arcsine(vfloat x) {
  const vfloat size = magnitude(x), z = size * size;
  const vfloat near = logarithm_plus_one(size + z / (1 + square_root(1 + z)));
  return with_sign(size < 1e9f ? near : logarithm(size) + log_two, x);
}

inline vfloat hyperbolic_arccosine(vfloat x) {
  const vfloat t = x - 1;
  const vfloat near = logarithm_plus_one(t + square_root(t * (2 + t)));
  const vfloat result = x < 1e9f ? near : logarithm(x) + log_two;
  return x < 1 ? splat(__builtin_nanf("")) : result;
}

inline vfloat hyperbolic_arctangent(vfloat x) {
  const vfloat size = magnitude(x);
  return with_sign(0.5f * logarithm_plus_one(2 * size / (1 - size)), x);
}

// Where e^x may be beyond the range of floats and half of it is not.
inline vfloat half_exponential(vfloat x) {
  const vfloat root = exponential(0.5f * x);
  return 0.5f * root * root;
}

inline vfloat hyperbolic_sine(vfloat x) {
  const vfloat size = magnitude(x);
  const vfloat e = exponential_minus_one(size);
  return with_sign(size < 20 ? 0.5f * (e + e / (1 + e)) : half_exponential(size), x);
}

inline vfloat hyperbolic_cosine(vfloat x) {
  const vfloat size = magnitude(x);
  const vfloat e = exponential(size);
  return size < 20 ? 0.5f * (e + 1 / e) : half_exponential(size);
}

// x - n y with the integer n for which it lies between 0 and y; a zero has the sign of y. As
// doubles, all of it is exact.
inline vfloat remainder_of(vfloat x, vfloat y) {
  vfloat result;
  vint rare;
  for (int part = 0; part < 2; part++) {
    vfloat_half some_x, some_y;
    std::memcpy(&some_x, (const char*)&x + part * sizeof some_x, sizeof some_x);
    std::memcpy(&some_y, (const char*)&y + part * sizeof some_y, sizeof some_y);
    const vdouble a = __builtin_convertvector(some_x, vdouble);
    const vdouble b = __builtin_convertvector(some_y, vdouble);
    const vdouble shift = 0x1.8p52 - vdouble{}, quotient = a / b;
    const vdouble n = (quotient + shift) - shift;
    const vdouble rest = a - n * b;
    const vlong other_side = (rest != 0) & ((rest < 0) != (b < 0));
    const vfloat_half value = __builtin_convertvector(other_side ? rest + b : rest, vfloat_half);
    const auto exact = (quotient < 0x1p28) & (quotient > -0x1p28) & (b < (double)infinity) &
        (b > -(double)infinity);
    const auto inexact = __builtin_convertvector(~exact, Vec<std::int32_t, lanes / 2>);
    std::memcpy((char*)&result + part * sizeof value, &value, sizeof value);
    std::memcpy((char*)&rare + part * sizeof inexact, &inexact, sizeof inexact);
  }
  result = result == 0 ? with_sign(vfloat{}, y) : result;
  if (__builtin_expect(all(rare == 0), true)) {
    return result;
  }
  for (int i = 0; i < lanes; i++) {
    if (rare[i] == 0) {
      continue;
    }
    const float rest = __builtin_remainderf(x[i], y[i]);
    if (rest == 0) {
      result[i] = __builtin_copysignf(0, y[i]);
    } else {
      result[i] = (rest < 0) != (y[i] < 0) ? rest + y[i] : rest;
    }
  }
  return result;
}

}  // namespace

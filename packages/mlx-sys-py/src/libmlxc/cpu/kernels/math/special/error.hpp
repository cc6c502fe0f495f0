// The complementary error function and the normal distribution.
#pragma once

#include "cpu/kernels/math/special/numbers.hpp"

namespace {

// log(erfcx(x) / t) with t = 2 / (2 + x), in Chebyshev polynomials of 2 t - 1.
constexpr double log_erfcx_series[] = {
    -0.651326859890854717,    0.64196979235649026,       0.0194764732041858365,
    -0.00956151478680863179,  -0.000946595344482036801,  0.000366839497852761474,
    0.0000425233248069076657, -0.0000202785781125340647, -1.62429000464725708e-6,
    1.30365583558078266e-6,   1.56264417218069961e-8,    -8.52380959146958144e-8,
    6.52905443892150171e-9,   5.0593434956563429e-9,     -9.91364156514263644e-10,
    -2.27365122357635483e-10, 9.64679111630002806e-11,   2.39403787759991821e-12,
    -6.88602728102674573e-12, 8.9448766865263016e-13,    3.1309238358865445e-13,
    -1.12708425816736927e-13, 3.81229448095059148e-16,   7.10603681275307927e-15,
    -1.52305177904485597e-15, -9.44699699136975212e-17,  1.20849201659189132e-16,
    -2.79419745113099386e-17,
};

constexpr double half_root = 0.707106781186547524;  // sqrt(1/2)
constexpr double root_two_pi = 2.50662827463100050;
constexpr double log_root_two_pi = 0.918938533204672742;

// e^(x^2) erfc x for x >= 0, times e^shift.
template <class V>
inline V scaled_erfc(V x, V shift) {
  const V t = 2 / (x + 2);
  return t * exponential(shift + chebyshev(t * 2 - 1, log_erfcx_series));
}

// e^-x^2, whose exponent is split so that rounding it loses nothing.
template <class V>
inline V bell(V x) {
  const V size = magnitude(x), bounded = choose(size > 40, constant(x, 40), size);
  const V high = round_down(bounded * 16) * 0.0625;
  const V result = exponential(-high * high) * exponential((high - bounded) * (high + bounded));
  return choose(x == x, result, x);
}

// For x >= 0: e^-high^2 is exact to the last digit, and what is left of x^2 goes into the other
// exponent.
template <class V>
inline V positive_erfc(V x) {
  const V bounded = choose(x > 40, constant(x, 40), x);
  const V high = round_down(bounded * 16) * 0.0625;
  return exponential(-high * high) * scaled_erfc(bounded, (high - bounded) * (high + bounded));
}

template <class V>
inline V complementary_error(V x) {
  const V value = positive_erfc(magnitude(x));
  return choose(x < 0, 2 - value, choose(x == x, value, x));
}

// e^(x^2) erfc x.
template <class V>
inline V scaled_complementary_error(V x) {
  const V size = magnitude(x);
  const V value = scaled_erfc(size, constant(x, 0));
  const V positive = choose(size < endless, value, constant(x, 0));
  if (all(x >= 0)) {
    return positive;
  }
  return choose(x < 0, 2 / bell(size) - positive, choose(x == x, positive, x));
}

// The distribution function of the standard normal distribution.
template <class V>
inline V normal_below(V x) {
  return complementary_error(x * -half_root) * 0.5;
}

template <class V>
inline V log_normal_below(V x) {
  const V scaled = magnitude(x) * half_root;
  const V ratio = scaled_erfc(scaled, constant(x, 0)) * 0.5;
  const V left = logarithm(ratio) - x * x * 0.5;
  const V above = positive_erfc(scaled) * 0.5;
  // log(1 - p) with the digits of a small p.
  const V rest = 1 - above;
  const V right = choose(
      above < 1e-4,
      -above * (1 + above * (0.5 + above * (1.0 / 3 + above * 0.25))),
      logarithm(rest));
  return choose(
      x < -1,
      choose(x > -endless, left, x),
      choose(x < 0, logarithm(above), choose(x == x, right, x)));
}

// The inverse of normal_below: an approximation (Abramowitz and Stegun 26.2.23), and steps of
// Halley's method, each of which triples its three digits.
template <int steps, class V>
inline V normal_quantile(V p) {
  const auto upper = p > 0.5;
  const V q = choose(upper, 1 - p, p);
  const V log = logarithm(q);
  const V t = square_root(log * -2);
  V x = (t * (t * 0.010328 + 0.802853) + 2.515517) /
          (t * (t * (t * 0.001308 + 0.189269) + 1.432788) + 1) -
      t;
  for (int step = 0; step < steps; step++) {
    // (normal_below(x) - q) / density(x) for x <= 0. Above, x is so small that a series does for
    // the exponential.
    const V half_square = x * x * 0.5;
    const V mills = scaled_erfc(magnitude(x) * half_root, constant(x, 0)) * (root_two_pi * 0.5);
    const V whole = (half_square * (half_square * 0.5 + 1) + 1) * root_two_pi;
    const V error =
        choose(x > 0, whole - mills, mills) - exponential(half_square + log) * root_two_pi;
    x = x - error / (x * error * 0.5 + 1);
  }
  const V inside = choose(q == 0, constant(p, -endless), x);
  const V result = choose(upper, -inside, choose(p == 0.5, constant(p, 0), inside));
  return choose((p >= 0) & (p <= 1), result, constant(p, not_a_number));
}

}  // namespace

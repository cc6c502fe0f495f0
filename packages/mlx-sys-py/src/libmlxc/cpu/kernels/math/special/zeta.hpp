// The zeta function of Hurwitz.
#pragma once

#include "cpu/kernels/math/special/gamma.hpp"

namespace {

// B_2k / (2k)!
constexpr double zeta_tail[] = {
    0.0833333333333333333,
    -0.00138888888888888889,
    0.0000330687830687830688,
    -8.2671957671957672e-7,
    2.0876756987868099e-8,
    -5.28419013868749318e-10,
    1.33825365306846788e-11,
    -3.38968029632258287e-13,
    8.58606205627784456e-15,
    -2.17486869855806187e-16,
    5.50900282836022952e-18,
    -1.39544646858125233e-19,
};

// The sum of (q + k)^-s over k >= 0, for s > 1 and q > 0: nine terms, and the rest by the formula
// of Euler and Maclaurin.
template <class V>
inline V zeta_function(V s, V q) {
  V sum = constant(q, 0), base = q;
  for (int k = 0; k < 9; k++) {
    sum = sum + exponential(-s * logarithm(base));
    base = base + 1;
  }
  const V power = exponential(-s * logarithm(base));
  const V inverse = 1 / base, square = inverse * inverse;
  V factor = s * inverse, tail = constant(q, 0);
  V next = s;
  for (const double coefficient : zeta_tail) {
    tail = tail + factor * coefficient;
    factor = factor * (next + 1) * (next + 2) * square;
    next = next + 2;
  }
  // Where the powers vanish, so does what is multiplied by them.
  const V rest = choose(power == 0, power, power * (base / (s - 1) + 0.5 + tail));
  const V result = choose(q == 0, constant(q, endless), sum + rest);
  const auto pole = (s == 1) | ((q < 0) & (round_down(q) == q));
  const auto outside = (s < 1) | (q < 0) | (s != s) | (q != q);
  return choose(
      pole & ~(s < 1),
      constant(q, endless),
      choose(
          outside,
          constant(q, not_a_number),
          choose(
              s < endless,
              result,
              choose(
                  q < 1, constant(q, endless), choose(q == 1, constant(q, 1), constant(q, 0))))));
}

// The derivative of order n >= 1 of digamma.
template <class V>
inline V higher_polygamma(V n, V x) {
  const V size = gamma_function(n + 1) * zeta_function(n + 1, x);
  const V half = n * 0.5;
  return choose(nearest(half) == half, -size, size);
}

}  // namespace

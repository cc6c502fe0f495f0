// Incomplete gamma and beta functions, whose series end when all lanes have converged.
#pragma once

#include "cpu/kernels/math/special/gamma.hpp"

namespace {

constexpr double converged = 1e-16, tiny_number = 1e-300;
constexpr int most_terms = 200000;

// The regularised incomplete gamma function, or what is left of it to 1: a series below the peak of
// the integrand, else a continued fraction by Lentz's method.
template <bool upper, class V>
inline V incomplete_gamma(V a, V x) {
  const auto by_series = x < a + 1;
  const auto inside = (a > 0) & (x > 0) & (a < endless) & (x < endless);
  const V safe_a = choose(inside, a, constant(a, 1)), safe_x = choose(inside, x, constant(x, 1));
  const V scale = exponential(safe_a * logarithm(safe_x) - safe_x - log_gamma_positive(safe_a));
  V result = constant(x, 0);
  const auto uses_series = by_series & inside;
  if (!all(~uses_series)) {
    V term = 1 / safe_a, sum = term, base = safe_a;
    for (int i = 0; i < most_terms; i++) {
      base = base + 1;
      term = term * (safe_x / base);
      sum = sum + term;
      if (all(~uses_series | (term < sum * converged))) {
        break;
      }
    }
    result = upper ? 1 - scale * sum : scale * sum;
  }
  const auto uses_fraction = ~by_series & inside;
  if (!all(~uses_fraction)) {
    V b = safe_x + 1 - safe_a;
    V c = constant(x, 1 / tiny_number), d = 1 / b, h = d;
    V i = constant(x, 0);
    for (int k = 1; k < most_terms; k++) {
      i = i + 1;
      const V an = i * (safe_a - i);
      b = b + 2;
      d = an * d + b;
      d = choose(magnitude(d) < tiny_number, constant(x, tiny_number), d);
      c = b + an / c;
      c = choose(magnitude(c) < tiny_number, constant(x, tiny_number), c);
      d = 1 / d;
      const V change = d * c;
      h = h * change;
      if (all(~uses_fraction | (magnitude(change - 1) < 4 * converged))) {
        break;
      }
    }
    const V fraction = scale * h;
    result = choose(by_series, result, upper ? fraction : 1 - fraction);
  }
  const V zero = constant(x, upper ? 1 : 0), one = constant(x, upper ? 0 : 1);
  const auto valid =
      (a >= 0) & (x >= 0) & ~((a == 0) & (x == 0)) & ~((a == endless) & (x == endless));
  result = choose(inside, result, choose((a == 0) | ((x == endless)), one, zero));
  return choose(valid, result, constant(x, not_a_number));
}

// The regularised incomplete beta function by its continued fraction, on the side of the peak where
// that converges.
template <class V>
inline V incomplete_beta(V a, V b, V x) {
  const auto inside = (a > 0) & (b > 0) & (x > 0) & (x < 1) & (a < endless) & (b < endless);
  const auto swaps = x > (a + 1) / (a + b + 2);
  const V one = constant(x, 1);
  const V p = choose(inside, choose(swaps, b, a), one),
          q = choose(inside, choose(swaps, a, b), one);
  const V y = choose(inside, choose(swaps, 1 - x, x), constant(x, 0.5));
  const V z = choose(inside, choose(swaps, x, 1 - x), constant(x, 0.5));
  const V scale = exponential(p * logarithm(y) + q * logarithm(z) - log_beta(p, q)) / p;
  V c = one, d = 1 - (p + q) * y / (p + 1);
  d = 1 / choose(magnitude(d) < tiny_number, constant(x, tiny_number), d);
  V h = d, m = constant(x, 0);
  for (int k = 1; k < most_terms; k++) {
    m = m + 1;
    const V even = m * (q - m) * y / ((p + 2 * m - 1) * (p + 2 * m));
    const V odd = -(p + m) * (p + q + m) * y / ((p + 2 * m) * (p + 2 * m + 1));
    V change = one;
    for (const V& term : {even, odd}) {
      d = term * d + 1;
      d = 1 / choose(magnitude(d) < tiny_number, constant(x, tiny_number), d);
      c = term / c + 1;
      c = choose(magnitude(c) < tiny_number, constant(x, tiny_number), c);
      change = d * c;
      h = h * change;
    }
    if (all(~inside | (magnitude(change - 1) < 4 * converged))) {
      break;
    }
  }
  const V value = scale * h;
  const V edge = choose(x >= 1, one, constant(x, 0));
  const auto valid = (a > 0) & (b > 0) & (x >= 0) & (x <= 1);
  return choose(
      inside, choose(swaps, 1 - value, value), choose(valid, edge, constant(x, not_a_number)));
}

}  // namespace

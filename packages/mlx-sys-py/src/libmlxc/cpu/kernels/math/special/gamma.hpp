// The gamma function and its relatives.
#pragma once

#include "cpu/kernels/math/special/numbers.hpp"

namespace {

// log Gamma(2 + t) / t: 1 - gamma, then (-1)^k (zeta(k) - 1) / k.
constexpr double log_gamma_series[] = {
    0.422784335098467139,     0.322467033424113218,      -0.0673523010531980951,
    0.0205808084277845479,    -0.00738555102867398527,   0.00289051033074152329,
    -0.00119275391170326098,  0.000509669524743042422,   -0.00022315475845357938,
    0.0000994575127818085337, -0.0000449262367381331417, 0.0000205072127756706916,
    -9.4394882752683959e-6,   4.3748667899074878e-6,     -2.03921575380136624e-6,
    9.55141213040741983e-7,   -4.49246919876456604e-7,   2.12071848055546659e-7,
    -1.00432248239680996e-7,  4.76981016936398057e-8,    -2.27110946089431649e-8,
    1.08386592148969541e-8,   -5.18347504197004666e-9,   2.48367454380247832e-9,
    -1.19214014058609121e-9,  5.73136724167886201e-10,   -2.75952288512423315e-10,
};

// Of the asymptotic series, powers of 1 / x^2: Bernoulli numbers B_2k over 2k (2k - 1), over 2k,
// and as they are.
constexpr double log_gamma_tail[] = {
    0.0833333333333333333,
    -0.00277777777777777778,
    0.000793650793650793651,
    -0.000595238095238095238,
    0.000841750841750841751,
    -0.00191752691752691753,
    0.00641025641025641026,
    -0.0295506535947712418,
};
constexpr double digamma_tail[] = {
    0.0833333333333333333,
    -0.00833333333333333333,
    0.00396825396825396825,
    -0.00416666666666666667,
    0.00757575757575757576,
    -0.0210927960927960928,
    0.0833333333333333333,
    -0.443259803921568627,
    3.05395433027011974,
};
constexpr double trigamma_tail[] = {
    0.166666666666666667,
    -0.0333333333333333333,
    0.0238095238095238095,
    -0.0333333333333333333,
    0.0757575757575757576,
    -0.253113553113553114,
    1.16666666666666667,
    -7.09215686274509804,
    54.9711779448621554,
};

// log Gamma(x) for x >= 0.
//
// Below 8, Gamma(x) is Gamma(2 + t) with |t| <= 1/2 times or over a product: near the zeros at 1
// and 2, nothing cancels. From 8 on, it is Stirling's series.
template <class V>
inline V log_gamma_positive(V x) {
  V product = constant(x, 1), base = x;
  for (int i = 0; i < 6; i++) {
    const auto above = base >= 2.5;
    base = choose(above, base - 1, base);
    product = choose(above, product * base, product);
  }
  const auto tiny = x < 0.5, low = x < 1.5, large = x >= 8;
  const V t = choose(tiny, x, choose(low, x - 1, base - 2));
  const V factor = choose(tiny, x * (x + 1), choose(low, x, product));
  const V log = logarithm(choose(large, x, factor));
  const V near = t * series(t, log_gamma_series) + choose(low, -log, log);
  const V inverse = 1 / x;
  // The rest is log(2 pi) / 2 - 1/2.
  const V far = (x - 0.5) * (log - 1) + 0.41893853320467274 +
      inverse * series(inverse * inverse, log_gamma_tail);
  return choose(x < endless, choose(large, far, near), x);
}

// By Gamma(-x) Gamma(x) = -pi / (x sin(pi x)) for negative numbers. log |Gamma| has a zero in each
// interval between two poles, near which digits are lost.
template <class V>
inline V log_gamma(V x) {
  const V size = magnitude(x);
  const V positive = log_gamma_positive(size);
  const auto reflects = (x < 0) & (size > 1e-17) & (size < endless);
  if (all(~reflects)) {
    return positive;
  }
  const V sine = magnitude(small_sine_pi(size - nearest(size)));
  return choose(reflects, logarithm(circle_half / (size * sine)) - positive, positive);
}

// Gamma(x) for x >= 0, which is what log_gamma_positive is the logarithm of.
template <class V>
inline V gamma_positive(V x) {
  V product = constant(x, 1), base = x;
  for (int i = 0; i < 6; i++) {
    const auto above = base >= 2.5;
    base = choose(above, base - 1, base);
    product = choose(above, product * base, product);
  }
  const auto tiny = x < 0.5, low = x < 1.5, large = x >= 8;
  const V t = choose(tiny, x, choose(low, x - 1, base - 2));
  const V factor = choose(tiny, x * (x + 1), choose(low, x, product));
  const V near = exponential(t * series(t, log_gamma_series));
  const V inverse = 1 / x;
  // x^(x - 1/2) as the square of its root, which overflows no earlier than the result.
  const V root = exponential(
      (x - 0.5) * 0.5 * logarithm(x) - x * 0.5 +
      (0.45946926660233637 + 0.5 * inverse * series(inverse * inverse, log_gamma_tail)));
  const V far = choose(x < 172, root * root, constant(x, endless));
  return choose(large, far, choose(low, near / factor, near * factor));
}

template <class V>
inline V gamma_function(V x) {
  const V size = magnitude(x);
  const V positive = choose(x < endless, gamma_positive(size), x);
  if (all(x > 0)) {
    return positive;
  }
  const V whole = nearest(size), rest = size - whole;
  const V half = whole * 0.5;
  const auto odd = nearest(half) != half;
  const V sine = small_sine_pi(rest);
  const V reflected = -circle_half / (size * (choose(odd, -sine, sine) * positive));
  const V negative = choose(
      size < 1e-36,
      1 / x,
      choose((rest == 0) | ~(size < endless), constant(x, not_a_number), reflected));
  return choose(x < 0, negative, choose(x == 0, 1 / x, positive));
}

// Whether Gamma(x) is negative.
template <class V>
inline auto has_negative_gamma(V x) {
  const V half = round_down(x) * 0.5;
  return (x < 0) & (round_down(half) != half);
}

template <class V>
inline V log_beta(V a, V b) {
  return log_gamma(a) + log_gamma(b) - log_gamma(a + b);
}

template <class V>
inline V beta_function(V a, V b) {
  const V size = exponential(log_beta(a, b));
  const auto odd = (has_negative_gamma(a) ^ has_negative_gamma(b)) ^ has_negative_gamma(a + b);
  return choose(odd, -size, size);
}

// psi(x), the derivative of log Gamma: shifted to 8 and above, where its asymptotic series ends
// soon enough, and reflected for negative numbers. Sums of 1 / x are kept as one fraction.
template <class V>
inline V digamma(V x) {
  const auto negative = x < 0;
  V y = choose(negative, 1 - x, x);
  V over = constant(x, 0), under = constant(x, 1);
  for (int i = 0; i < 8; i++) {
    const auto small = y < 8;
    over = choose(small, over * y + under, over);
    under = choose(small, under * y, under);
    y = choose(small, y + 1, y);
  }
  const V inverse = 1 / y, square = inverse * inverse;
  const V positive =
      logarithm(y) - inverse * 0.5 - square * series(square, digamma_tail) - over / under;
  if (all(x > 0)) {
    return positive;
  }
  const V rest = x - nearest(x);
  const V sine = small_sine_pi(rest);
  const V reflected = choose(
      sine == 0, constant(x, not_a_number), positive - circle_half * small_cosine_pi(rest) / sine);
  return choose(negative, reflected, choose(x == 0, -1 / x, positive));
}

// The derivative of digamma.
template <class V>
inline V trigamma(V x) {
  const auto negative = x < 0;
  V y = choose(negative, 1 - x, x);
  V over = constant(x, 0), under = constant(x, 1);
  for (int i = 0; i < 8; i++) {
    const auto small = y < 8;
    const V square = y * y;
    over = choose(small, over * square + under, over);
    under = choose(small, under * square, under);
    y = choose(small, y + 1, y);
  }
  const V inverse = 1 / y, square = inverse * inverse;
  const V positive =
      inverse + square * 0.5 + square * inverse * series(square, trigamma_tail) + over / under;
  if (all(x > 0)) {
    return positive;
  }
  const V sine = small_sine_pi(x - nearest(x));
  const V ratio = circle_half / sine;
  return choose(negative, ratio * ratio - positive, choose(x == 0, constant(x, endless), positive));
}

}  // namespace

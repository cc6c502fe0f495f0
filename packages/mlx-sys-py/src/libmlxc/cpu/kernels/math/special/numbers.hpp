// What the special functions are written with.
//
// They are templates of the type of numbers V, which is a vector of doubles in kernels and a node
// of a graph where the function is built of MLX's operations, so that all devices compute the same
// formula. V has the operators of numbers, also with a double on the right; comparisons give masks,
// which have &, | and ~; and there are
//
//   choose(mask, x, y)  constant(x, value), a V like x
//   exponential  logarithm  square_root  magnitude  nearest  round_down
//   all(mask), whether loops may end: true only if the mask is known to hold everywhere
//
// The functions of vectors are included before, as lookup by argument does not find them.
#pragma once

#include <cstddef>

namespace {

// The polynomial with these coefficients, from the constant one up.
template <class V, std::size_t n>
inline V series(V x, const double (&coefficients)[n]) {
  V result = constant(x, coefficients[n - 1]);
#pragma GCC unroll 32
  for (std::size_t i = 2; i <= n; i++) {
    result = result * x + coefficients[n - i];
  }
  return result;
}

// The sum of these multiples of Chebyshev polynomials of x, |x| <= 1, by Clenshaw's recurrence.
template <class V, std::size_t n>
inline V chebyshev(V x, const double (&coefficients)[n]) {
  const V twice = x + x;
  V next = constant(x, 0), result = constant(x, coefficients[n - 1]);
#pragma GCC unroll 32
  for (std::size_t i = 2; i < n; i++) {
    const V before = twice * result - next + coefficients[n - i];
    next = result;
    result = before;
  }
  return x * result - next + coefficients[0];
}

constexpr double not_a_number = __builtin_nan("");
constexpr double endless = __builtin_inf();
constexpr double circle_half = 3.14159265358979324;

constexpr double sine_pi_series[] = {
    3.14159265358979324,
    -5.16771278004997003,
    2.55016403987734544,
    -0.599264529320792077,
    0.0821458866111282288,
    -0.00737043094571435078,
    0.000466302805767612564,
    -0.0000219153534478302158,
    7.95205400147551278e-7,
    -2.29484289972698731e-8,
    5.39266466260812849e-10,
};
constexpr double cosine_pi_series[] = {
    1.0,
    -4.93480220054467931,
    4.05871212641676822,
    -1.3352627688545895,
    0.235330630358893205,
    -0.02580689139001406,
    0.00192957430940392305,
    -0.000104638104924845707,
    4.30306958703294701e-6,
    -1.38789524622137721e-7,
    3.60473079746250093e-9,
    -7.70070713060135338e-11,
};

// sin(pi x) and cos(pi x) for |x| <= 1/2.
template <class V>
inline V small_sine_pi(V x) {
  return x * series(x * x, sine_pi_series);
}
template <class V>
inline V small_cosine_pi(V x) {
  return series(x * x, cosine_pi_series);
}

}  // namespace

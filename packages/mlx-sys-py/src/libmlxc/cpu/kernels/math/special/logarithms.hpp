// Products with logarithms that vanish with their other factor.
#pragma once

#include "cpu/kernels/math/special/numbers.hpp"

namespace {

// x log y, 0 for x = 0 unless y is NaN.
template <class V>
inline V x_log_y(V x, V y) {
  return choose((x == 0) & (y == y), constant(x, 0), x * logarithm(y));
}

// x log(1 + y).
template <class V>
inline V x_log_1_plus_y(V x, V y) {
  const V u = y + 1;
  // What rounding of u has lost, to first order.
  const V rest = (y - (u - 1)) / u;
  const V whole = logarithm(u);
  const V log = choose(
      magnitude(y) < 1e-9, y - y * y * 0.5, choose((u > 0) & (u < endless), whole + rest, whole));
  return choose((x == 0) & (y == y), constant(x, 0), x * log);
}

// log(x / y) for positive numbers, with the digits of their difference where that is small.
template <class V>
inline V log_ratio(V x, V y) {
  const V ratio = x / y, change = (x - y) / y;
  const V u = 1 + change;
  const V near = logarithm(u) + (change - (u - 1)) / u;
  return choose((ratio > 0.5) & (ratio < 2), near, logarithm(ratio));
}

// Where the relative entropy is not of two positive numbers: 0 of 0 and what is not negative, else
// infinite. NaN is taken for positive, and stays.
template <class V>
inline V relative_entropy_edge(V x, V y) {
  return choose((x == 0) & (y >= 0), constant(x, 0), constant(x, endless));
}

template <class V>
inline V relative_entropy(V x, V y) {
  const auto outside = (x <= 0) | (y <= 0);
  return choose(outside, relative_entropy_edge(x, y), x * log_ratio(x, y));
}

template <class V>
inline V kullback_leibler(V x, V y) {
  const auto outside = (x <= 0) | (y <= 0);
  const V inside = x * log_ratio(x, y) - (x - y);
  return choose(outside, relative_entropy_edge(x, y) + y, inside);
}

// -x log x, 0 at 0, minus infinity for what is no probability.
template <class V>
inline V entropy(V x) {
  const V value = -x * logarithm(x);
  return choose(x < 0, constant(x, -endless), choose(x == 0, constant(x, 0), value));
}

}  // namespace

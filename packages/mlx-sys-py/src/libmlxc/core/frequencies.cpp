#include "core/frequencies.hpp"

#include <sstream>
#include <stdexcept>

#include <mlx/ops.h>

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// Whole numbers over `n * d`. They are divided in a type that holds them.
mx::array over_length(
    const mx::array& numbers, int n, double d, mx::Dtype dtype, mx::StreamOrDevice s) {
  const auto wide = dtype == mx::float64 ? mx::float64 : mx::float32;
  const mx::array length(n * d, wide);
  return mx::astype(mx::divide(mx::astype(numbers, wide, s), length, s), dtype, s);
}

void check(int n, mx::Dtype dtype) {
  if (n <= 0) {
    throw std::invalid_argument("n must be positive, not " + std::to_string(n));
  }
  if (!mx::issubdtype(dtype, mx::floating)) {
    std::ostringstream message;
    message << "dtype must be floating-point, not " << dtype;
    throw std::invalid_argument(message.str());
  }
}

}  // namespace

mx::array frequencies(int n, double d, mx::Dtype dtype, mx::StreamOrDevice s) {
  check(n, dtype);
  const auto first = mx::arange(0, (n - 1) / 2 + 1, mx::int32, s);
  const auto negative = mx::arange(-(n / 2), 0, mx::int32, s);
  return over_length(mx::concatenate({first, negative}, 0, s), n, d, dtype, s);
}

mx::array half_frequencies(int n, double d, mx::Dtype dtype, mx::StreamOrDevice s) {
  check(n, dtype);
  return over_length(mx::arange(0, n / 2 + 1, mx::int32, s), n, d, dtype, s);
}

}  // namespace mlx_c

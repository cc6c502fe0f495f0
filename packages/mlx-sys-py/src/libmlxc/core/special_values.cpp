#include "core/special_values.hpp"

#include <limits>

#include <mlx/ops.h>

namespace mlx_c {

namespace mx = mlx::core;

mx::array nan_to_num(
    const mx::array& a,
    float nan,
    std::optional<float> posinf,
    std::optional<float> neginf,
    mx::StreamOrDevice s) {
  if (a.dtype() != mx::float64) {
    return mx::nan_to_num(a, nan, posinf, neginf, s);
  }
  auto replaced = [&](const mx::array& where, double value, const mx::array& rest) {
    return mx::where(where, mx::array(value, mx::float64), rest, s);
  };
  constexpr double largest = std::numeric_limits<double>::max();
  auto result = replaced(mx::isnan(a, s), nan, a);
  result = replaced(mx::isposinf(a, s), posinf ? *posinf : largest, result);
  return replaced(mx::isneginf(a, s), neginf ? *neginf : -largest, result);
}

}  // namespace mlx_c

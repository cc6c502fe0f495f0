#include "core/exponentials.hpp"

#include <numeric>

#include <mlx/ops.h>

namespace mlx_c {

namespace mx = mlx::core;

namespace {

std::vector<int> all_axes(const mx::array& a) {
  std::vector<int> axes(a.ndim());
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

}  // namespace

mx::array softmax(const mx::array& a, bool precise, mx::StreamOrDevice s) {
  return mlx_c::softmax(a, all_axes(a), precise, s);
}

mx::array softmax(const mx::array& a, int axis, bool precise, mx::StreamOrDevice s) {
  return mlx_c::softmax(a, std::vector<int>{axis}, precise, s);
}

mx::array softmax(
    const mx::array& a, const std::vector<int>& axes, bool precise, mx::StreamOrDevice s) {
  // Checks the axes.
  auto result = mx::softmax(a, axes, precise, s);
  if (a.dtype() != mx::float64 || a.size() == 0) {
    return result;
  }
  auto top = mx::stop_gradient(mx::max(a, axes, true, s), s);
  auto powers = mx::exp(mx::subtract(a, top, s), s);
  return mx::divide(powers, mx::sum(powers, axes, true, s), s);
}

mx::array logsumexp(const mx::array& a, bool keepdims, mx::StreamOrDevice s) {
  return mlx_c::logsumexp(a, all_axes(a), keepdims, s);
}

mx::array logsumexp(const mx::array& a, int axis, bool keepdims, mx::StreamOrDevice s) {
  return mlx_c::logsumexp(a, std::vector<int>{axis}, keepdims, s);
}

mx::array logsumexp(
    const mx::array& a, const std::vector<int>& axes, bool keepdims, mx::StreamOrDevice s) {
  if (a.size() == 0) {
    const auto dtype = mx::issubdtype(a.dtype(), mx::inexact) ? a.dtype() : mx::float32;
    auto sums = mx::sum(mx::astype(a, dtype, s), axes, keepdims, s);
    if (sums.size() == 0) {
      return sums;
    }
  }
  const bool one_kernel =
      axes.empty() || (axes.size() == 1 && (axes[0] == -1 || axes[0] + 1 == int(a.ndim())));
  if (!one_kernel && (a.dtype() == mx::float16 || a.dtype() == mx::bfloat16)) {
    auto wide = mx::logsumexp(mx::astype(a, mx::float32, s), axes, keepdims, s);
    return mx::astype(wide, a.dtype(), s);
  }
  // Checks the axes.
  auto result = mx::logsumexp(a, axes, keepdims, s);
  if (a.dtype() != mx::float64) {
    return result;
  }
  // Infinity is not subtracted from itself.
  auto top = mx::stop_gradient(mx::max(a, axes, true, s), s);
  top = mx::where(mx::isfinite(top, s), top, mx::array(0.0, mx::float64), s);
  auto sums = mx::sum(mx::exp(mx::subtract(a, top, s), s), axes, true, s);
  auto logs = mx::add(mx::log(sums, s), top, s);
  return keepdims ? logs : mx::squeeze(logs, axes, s);
}

}  // namespace mlx_c

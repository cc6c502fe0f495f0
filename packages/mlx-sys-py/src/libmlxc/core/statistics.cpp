#include "core/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// The result of argmin and argmax without an element; none if they need one.
std::optional<mx::array> no_indices(
    const mx::array& a, int axis, bool keepdims, mx::StreamOrDevice s) {
  const int ndim = static_cast<int>(a.ndim());
  const int place = axis < 0 ? axis + ndim : axis;
  if (a.size() > 0 || place < 0 || place >= ndim || a.shape(place) == 0) {
    return std::nullopt;
  }
  auto shape = a.shape();
  if (keepdims) {
    shape[place] = 1;
  } else {
    shape.erase(shape.begin() + place);
  }
  return mx::zeros(shape, mx::uint32, s);
}

mx::array var_of_sums(
    const mx::array& a,
    const std::vector<int>& axes,
    bool keepdims,
    double correction,
    mx::StreamOrDevice s) {
  if (correction == std::floor(correction) && std::abs(correction) <= 1e6) {
    return mx::var(a, axes, keepdims, static_cast<int>(correction), s);
  }
  auto whole = mx::var(a, axes, keepdims, 0, s);
  const double size = static_cast<double>(a.size()) / std::max<size_t>(whole.size(), 1);
  return mx::multiply(whole, mx::array(size / std::max(size - correction, 0.0), whole.dtype()), s);
}

// The type that MLX adds up and multiplies elements of small types in.
std::optional<mx::Dtype> wide_dtype(mx::Dtype dtype) {
  if (dtype == mx::bool_ || (mx::issubdtype(dtype, mx::integer) && mx::size_of(dtype) < 4)) {
    return mx::issubdtype(dtype, mx::unsignedinteger) ? mx::uint32 : mx::int32;
  }
  return std::nullopt;
}

// The same for scans; of booleans there are none.
std::optional<mx::Dtype> scan_dtype(const mx::array& a, std::optional<mx::Dtype> dtype) {
  return dtype || a.dtype() == mx::bool_ ? dtype : wide_dtype(a.dtype());
}

// A scan with one more element where it starts.
mx::array with_initial(
    const mx::array& scan, int axis, bool reverse, int initial, mx::StreamOrDevice s) {
  auto shape = scan.shape();
  shape[axis < 0 ? axis + static_cast<int>(shape.size()) : axis] = 1;
  auto first = mx::full(shape, mx::array(initial, scan.dtype()), s);
  return reverse ? mx::concatenate({scan, first}, axis, s)
                 : mx::concatenate({first, scan}, axis, s);
}

}  // namespace

mx::array widened(const mx::array& result, mx::Dtype dtype, mx::StreamOrDevice s) {
  const auto wide = result.dtype() == dtype ? wide_dtype(dtype) : std::nullopt;
  return wide ? mx::astype(result, *wide, s) : result;
}

mx::array for_sums(const mx::array& a, mx::StreamOrDevice s) {
  if (a.dtype() == mx::float16 || a.dtype() == mx::bfloat16) {
    return mx::astype(a, mx::float32, s);
  }
  if (mx::issubdtype(a.dtype(), mx::integer)) {
    const bool on_cpu = mx::to_stream(s).device == mx::Device::cpu;
    return mx::astype(a, on_cpu ? mx::float64 : mx::float32, s);
  }
  return a;
}

mx::Dtype statistic_dtype(mx::Dtype dtype) {
  return mx::issubdtype(dtype, mx::inexact) ? dtype : mx::float32;
}

mx::array root_of_squares(const mx::array& a, mx::StreamOrDevice s) {
  const mx::array zero(0, a.dtype()), one(1, a.dtype());
  // NaN is not 0, and stays.
  auto is_zero = mx::equal(a, zero, s);
  return mx::where(is_zero, zero, mx::sqrt(mx::where(is_zero, one, a, s), s), s);
}

mx::array root_of_sum(const mx::array& a, double exponent, mx::StreamOrDevice s) {
  const mx::array zero(0, a.dtype()), one(1, a.dtype());
  auto is_zero = mx::equal(a, zero, s);
  auto root = mx::power(mx::where(is_zero, one, a, s), mx::array(exponent, a.dtype()), s);
  return mx::where(is_zero, zero, root, s);
}

mx::array corrected_var(
    const mx::array& a,
    const std::vector<int>& axes,
    bool keepdims,
    double correction,
    mx::StreamOrDevice s) {
  const auto dtype = statistic_dtype(a.dtype());
  return mx::astype(var_of_sums(for_sums(a, s), axes, keepdims, correction, s), dtype, s);
}

mx::array corrected_std(
    const mx::array& a,
    const std::vector<int>& axes,
    bool keepdims,
    double correction,
    mx::StreamOrDevice s) {
  auto whole = var_of_sums(for_sums(a, s), axes, keepdims, correction, s);
  return mx::astype(root_of_squares(whole, s), statistic_dtype(a.dtype()), s);
}

mx::array argmin(const mx::array& a, int axis, bool keepdims, mx::StreamOrDevice s) {
  auto none = no_indices(a, axis, keepdims, s);
  return none ? *none : mx::argmin(a, axis, keepdims, s);
}

mx::array argmax(const mx::array& a, int axis, bool keepdims, mx::StreamOrDevice s) {
  auto none = no_indices(a, axis, keepdims, s);
  return none ? *none : mx::argmax(a, axis, keepdims, s);
}

mx::array argmin(const mx::array& a, bool keepdims, mx::StreamOrDevice s) {
  return mx::argmin(a, keepdims && a.ndim() > 0, s);
}

mx::array argmax(const mx::array& a, bool keepdims, mx::StreamOrDevice s) {
  return mx::argmax(a, keepdims && a.ndim() > 0, s);
}

mx::array cumsum(
    const mx::array& a,
    int axis,
    bool reverse,
    bool inclusive,
    std::optional<mx::Dtype> dtype,
    mx::StreamOrDevice s) {
  return mx::cumsum(a, axis, reverse, inclusive, scan_dtype(a, dtype), s);
}

mx::array cumprod(
    const mx::array& a,
    int axis,
    bool reverse,
    bool inclusive,
    std::optional<mx::Dtype> dtype,
    mx::StreamOrDevice s) {
  return mx::cumprod(a, axis, reverse, inclusive, scan_dtype(a, dtype), s);
}

mx::array cumulative_sum(
    const mx::array& a,
    int axis,
    bool reverse,
    bool inclusive,
    std::optional<mx::Dtype> dtype,
    mx::StreamOrDevice s) {
  return with_initial(mlx_c::cumsum(a, axis, reverse, inclusive, dtype, s), axis, reverse, 0, s);
}

mx::array cumulative_prod(
    const mx::array& a,
    int axis,
    bool reverse,
    bool inclusive,
    std::optional<mx::Dtype> dtype,
    mx::StreamOrDevice s) {
  return with_initial(mlx_c::cumprod(a, axis, reverse, inclusive, dtype, s), axis, reverse, 1, s);
}

}  // namespace mlx_c

namespace mlx_c::linalg {

mx::array norm(
    const mx::array& a,
    const std::optional<std::vector<int>>& axes,
    bool keepdims,
    mx::StreamOrDevice s) {
  if (!mx::issubdtype(a.dtype(), mx::floating) || (axes && (axes->empty() || axes->size() > 2))) {
    return mx::linalg::norm(a, axes, keepdims, s);
  }
  auto squares = mx::square(for_sums(a, s), s);
  auto sum = axes ? mx::sum(squares, *axes, keepdims, s) : mx::sum(squares, keepdims, s);
  return mx::astype(root_of_squares(sum, s), a.dtype(), s);
}

mx::array norm(
    const mx::array& a,
    double ord,
    const std::optional<std::vector<int>>& axes,
    bool keepdims,
    mx::StreamOrDevice s) {
  const bool of_vectors = axes ? axes->size() == 1 : a.ndim() == 1;
  const auto axis = axes ? axes : std::optional(std::vector<int>{-1});
  if (of_vectors && ord == 2) {
    return norm(a, axis, keepdims, s);
  }
  if (of_vectors && ord > 1 && std::isfinite(ord) && mx::issubdtype(a.dtype(), mx::inexact)) {
    const auto sizes = mx::abs(for_sums(a, s), s);
    const auto sum =
        mx::sum(mx::power(sizes, mx::array(ord, sizes.dtype()), s), *axis, keepdims, s);
    const auto type = mx::issubdtype(a.dtype(), mx::complexfloating) ? mx::float32 : a.dtype();
    return mx::astype(root_of_sum(sum, 1 / ord, s), type, s);
  }
  if (a.dtype() == mx::float16 || a.dtype() == mx::bfloat16) {
    auto wide = mx::linalg::norm(mx::astype(a, mx::float32, s), ord, axes, keepdims, s);
    return mx::astype(wide, a.dtype(), s);
  }
  auto result = mx::linalg::norm(a, ord, axes, keepdims, s);
  // MLX adds up absolute values as complex numbers.
  return mx::issubdtype(result.dtype(), mx::complexfloating) ? mx::real(result, s) : result;
}

}  // namespace mlx_c::linalg

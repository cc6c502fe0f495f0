// Reductions that are right where MLX's overflow, lose digits or have no gradient.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <mlx/array.h>
#include <mlx/linalg.h>
#include <mlx/ops.h>
#include <mlx/utils.h>

namespace mlx_c {

// `a` in the type to sum it in: float32 for half precision; for integers float64 where there is
// one, else float32.
mlx::core::array for_sums(const mlx::core::array& a, mlx::core::StreamOrDevice s);

// A square root with a gradient of 0 at 0: that of the sum of squares under it vanishes there, and
// the one that MLX multiplies it by is infinite.
mlx::core::array root_of_squares(const mlx::core::array& a, mlx::core::StreamOrDevice s);

// The same for the root of a sum of other powers.
mlx::core::array root_of_sum(
    const mlx::core::array& a, double exponent, mlx::core::StreamOrDevice s);

// The type of a mean or variance of elements of `dtype`.
mlx::core::Dtype statistic_dtype(mlx::core::Dtype dtype);

inline mlx::core::StreamOrDevice last_of(const mlx::core::StreamOrDevice& s) {
  return s;
}

template <class First, class... Rest>
mlx::core::StreamOrDevice last_of(const First&, const Rest&... rest) {
  return last_of(rest...);
}

// MLX's functions of these names, which take the axes in several ways and the stream as the last.
template <class... Args>
mlx::core::array mean(const mlx::core::array& a, const Args&... args) {
  const auto s = last_of(args...);
  return mlx::core::astype(mlx::core::mean(for_sums(a, s), args...), statistic_dtype(a.dtype()), s);
}

// `result`, of elements of `dtype`, in the type that MLX gives sums and products of several: it
// leaves one element, and many that are not added up, the type that they have.
mlx::core::array widened(
    const mlx::core::array& result, mlx::core::Dtype dtype, mlx::core::StreamOrDevice s);

template <class... Args>
mlx::core::array sum(const mlx::core::array& a, const Args&... args) {
  return widened(mlx::core::sum(a, args...), a.dtype(), last_of(args...));
}

template <class... Args>
mlx::core::array prod(const mlx::core::array& a, const Args&... args) {
  return widened(mlx::core::prod(a, args...), a.dtype(), last_of(args...));
}

template <class... Args>
mlx::core::array var(const mlx::core::array& a, const Args&... args) {
  const auto s = last_of(args...);
  return mlx::core::astype(mlx::core::var(for_sums(a, s), args...), statistic_dtype(a.dtype()), s);
}

template <class... Args>
mlx::core::array std(const mlx::core::array& a, const Args&... args) {
  const auto s = last_of(args...);
  return mlx::core::astype(
      root_of_squares(mlx::core::var(for_sums(a, s), args...), s), statistic_dtype(a.dtype()), s);
}

// With any number in place of the degrees of freedom that MLX takes off the number of elements.
mlx::core::array corrected_var(
    const mlx::core::array& a,
    const std::vector<int>& axes,
    bool keepdims,
    double correction,
    mlx::core::StreamOrDevice s);
mlx::core::array corrected_std(
    const mlx::core::array& a,
    const std::vector<int>& axes,
    bool keepdims,
    double correction,
    mlx::core::StreamOrDevice s);

// MLX's functions of these names, which refuse an empty array even where there is nothing to find.
mlx::core::array argmin(
    const mlx::core::array& a, int axis, bool keepdims, mlx::core::StreamOrDevice s);
mlx::core::array argmax(
    const mlx::core::array& a, int axis, bool keepdims, mlx::core::StreamOrDevice s);

// Of all elements; MLX does not keep the axes of an array that has none.
mlx::core::array argmin(const mlx::core::array& a, bool keepdims, mlx::core::StreamOrDevice s);
mlx::core::array argmax(const mlx::core::array& a, bool keepdims, mlx::core::StreamOrDevice s);

// MLX's functions of these names; results for small integers have the types that `sum` and `prod`
// give them.
mlx::core::array cumsum(
    const mlx::core::array& a,
    int axis,
    bool reverse,
    bool inclusive,
    std::optional<mlx::core::Dtype> dtype,
    mlx::core::StreamOrDevice s);
mlx::core::array cumprod(
    const mlx::core::array& a,
    int axis,
    bool reverse,
    bool inclusive,
    std::optional<mlx::core::Dtype> dtype,
    mlx::core::StreamOrDevice s);

// The same with the result for no elements where the scan starts.
mlx::core::array cumulative_sum(
    const mlx::core::array& a,
    int axis,
    bool reverse,
    bool inclusive,
    std::optional<mlx::core::Dtype> dtype,
    mlx::core::StreamOrDevice s);
mlx::core::array cumulative_prod(
    const mlx::core::array& a,
    int axis,
    bool reverse,
    bool inclusive,
    std::optional<mlx::core::Dtype> dtype,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c

namespace mlx_c::linalg {

// MLX's function of this name without an order: the root of the sum of squares.
mlx::core::array norm(
    const mlx::core::array& a,
    const std::optional<std::vector<int>>& axes,
    bool keepdims,
    mlx::core::StreamOrDevice s);

// With an order, which MLX computes in half precision, and without a gradient at 0.
mlx::core::array norm(
    const mlx::core::array& a,
    double ord,
    const std::optional<std::vector<int>>& axes,
    bool keepdims,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c::linalg

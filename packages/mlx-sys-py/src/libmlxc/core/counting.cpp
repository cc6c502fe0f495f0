#include "core/counting.hpp"

#include <limits>
#include <stdexcept>
#include <vector>

#include <mlx/ops.h>

#include "core/fixed_shape.hpp"
#include "core/statistics.hpp"
#include "cpu/ops/searching_ops.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// Sums of `weights` by `places`, both vectors; places from `length` on are not wanted.
mx::array sums(
    const mx::array& places, const mx::array& weights, int length, mx::StreamOrDevice s) {
  auto all = mx::zeros({length + 1}, weights.dtype(), s);
  if (places.size() > 0) {
    all = mx::scatter_add_axis(all, places, weights, 0, s);
  }
  return mx::slice(all, {0}, {length}, s);
}

mx::array counts_at(
    const mx::array& places,
    const std::optional<mx::array>& weights,
    int length,
    mx::StreamOrDevice s) {
  return sums(places, weights ? *weights : mx::ones(places.shape(), mx::int32, s), length, s);
}

// The weights as they are added up.
std::optional<mx::array> flat_weights(
    const std::optional<mx::array>& weights, mx::StreamOrDevice s) {
  if (!weights) {
    return std::nullopt;
  }
  const mx::Dtype type = statistic_dtype(weights->dtype());
  const bool half = mx::size_of(type) < 4;
  return mx::astype(mx::flatten(*weights, s), half ? mx::float32 : type, s);
}

mx::array in_weights_type(
    const mx::array& a, const std::optional<mx::array>& weights, mx::StreamOrDevice s) {
  return weights ? mx::astype(a, statistic_dtype(weights->dtype()), s) : a;
}

std::vector<mx::array> with_weights(
    std::vector<mx::array> inputs, const std::optional<mx::array>& weights) {
  if (weights) {
    inputs.push_back(*weights);
  }
  return inputs;
}

std::optional<mx::array> weights_among(const std::vector<mx::array>& inputs, std::size_t number) {
  return inputs.size() > number ? std::optional(inputs[number]) : std::nullopt;
}

mx::array bincount_of(
    const mx::array& x, const std::optional<mx::array>& weights, int length, mx::StreamOrDevice s) {
  const mx::array zero(0, x.dtype()), end(length, x.dtype());
  auto counted = mx::logical_and(mx::greater_equal(x, zero, s), mx::less(x, end, s), s);
  auto place = mx::astype(mx::where(counted, x, end, s), mx::int32, s);
  return counts_at(place, weights, length, s);
}

mx::array histogram_of(
    const mx::array& a,
    const mx::array& edges,
    const std::optional<mx::array>& weights,
    mx::StreamOrDevice s) {
  const auto bins = static_cast<int>(edges.size()) - 1;
  auto last = mx::slice(edges, {bins}, {bins + 1}, s);
  auto behind = mx::astype(mx::searchsorted(edges, a, "right", s), mx::int32, s);
  auto place = mx::subtract(behind, mx::array(1), s);
  place = mx::where(mx::equal(a, last, s), mx::array(bins - 1), place, s);
  auto outside = mx::logical_or(mx::less(place, mx::array(0), s), mx::greater(a, last, s), s);
  outside = mx::logical_or(outside, mx::isnan(a, s), s);
  return counts_at(mx::where(outside, mx::array(bins), place, s), weights, bins, s);
}

}  // namespace

mx::array bincount(
    const mx::array& x, const std::optional<mx::array>& weights, int length, mx::StreamOrDevice s) {
  if (length < 0 || length == std::numeric_limits<int>::max()) {
    throw std::invalid_argument("length must not be negative, and less than 2**31 - 1");
  }
  const bool wide = x.dtype() == mx::uint32 || mx::size_of(x.dtype()) == 8;
  const auto number =
      mx::astype(mx::flatten(fixed_shape(x, s), s), wide ? mx::int64 : mx::int32, s);
  const auto summands = flat_weights(weights, s);
  const mx::Stream stream = mx::to_stream(s);
  const auto definition = [=](const std::vector<mx::array>& inputs) {
    return std::vector<mx::array>{bincount_of(inputs[0], weights_among(inputs, 1), length, stream)};
  };
  const auto fused = cpu::bincount(number, summands, length, definition, s);
  auto result = fused ? *fused : definition(with_weights({number}, summands))[0];
  return in_weights_type(result, weights, s);
}

mx::array histogram_counts(
    const mx::array& a,
    const mx::array& edges,
    const std::optional<mx::array>& weights,
    bool uniform,
    mx::StreamOrDevice s) {
  if (edges.ndim() != 1 || edges.size() == 0) {
    throw std::invalid_argument("edges must be a vector that is not empty");
  }
  const auto flat = mx::flatten(fixed_shape(a, s), s);
  const auto bounds = fixed_shape(edges, s);
  const auto summands = flat_weights(weights, s);
  const mx::Stream stream = mx::to_stream(s);
  const auto definition = [=](const std::vector<mx::array>& inputs) {
    return std::vector<mx::array>{
        histogram_of(inputs[0], inputs[1], weights_among(inputs, 2), stream)};
  };
  const auto fused = cpu::histogram_counts(flat, bounds, summands, uniform, definition, s);
  auto result = fused ? *fused : definition(with_weights({flat, bounds}, summands))[0];
  return in_weights_type(result, weights, s);
}

}  // namespace mlx_c

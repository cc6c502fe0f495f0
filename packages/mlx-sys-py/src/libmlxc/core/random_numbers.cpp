#include "core/random_numbers.hpp"

#include <cmath>
#include <stdexcept>

#include <mlx/ops.h>
#include <mlx/random.h>

#include "core/known_value.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// Up to here float32 holds every integer.
constexpr double largest = 1 << 24;

bool fits_float(long double low, long double high) {
  return std::abs(low) <= largest && std::abs(high) <= largest && high - low <= largest;
}

mx::array fits_float(const mx::array& low, const mx::array& high, mx::StreamOrDevice s) {
  // What is too large stays so when it is rounded.
  auto from = mx::astype(low, mx::float32, s);
  auto to = mx::astype(high, mx::float32, s);
  auto within = [&](const mx::array& x) {
    return mx::less_equal(x, mx::array(static_cast<float>(largest)), s);
  };
  return mx::logical_and(
      mx::logical_and(within(mx::abs(from, s)), within(mx::abs(to, s)), s),
      within(mx::subtract(to, from, s)),
      s);
}

// Uniform integers from `low` up to `high`, of 64 bits.
//
// With 96 random bits X, read as a fraction, the number is the whole part of X * (high - low). Its
// probability is off by 2^-32 of itself at most. X comes in three words of 32 bits, least
// significant first: after each, `number` is the whole part of the product with those so far.
mx::array wide_integers(
    const mx::array& low,
    const mx::array& high,
    const mx::Shape& shape,
    const std::optional<mx::array>& key,
    mx::StreamOrDevice s) {
  const auto uint64 = mx::uint64;
  const mx::array half(32, uint64), mask(uint64_t{0xFFFFFFFF}, uint64);
  // Unsigned numbers wrap around, so this is right for negative bounds too.
  auto whole = [&](const mx::array& bound) {
    return mx::issubdtype(bound.dtype(), mx::floating)
        ? mx::astype(mx::astype(mx::floor(bound, s), mx::int64, s), uint64, s)
        : mx::astype(bound, uint64, s);
  };
  auto from = whole(low);
  auto width = mx::subtract(whole(high), from, s);
  auto upper = mx::right_shift(width, half, s), lower = mx::bitwise_and(width, mask, s);

  constexpr int words = 3;
  auto all = shape;
  all.insert(all.begin(), words);
  auto bits = mx::split(mx::astype(mx::random::bits(all, 4, key, s), uint64, s), words, 0, s);
  auto number = mx::zeros(shape, uint64, s);
  for (auto& word : bits) {
    auto x = mx::squeeze(word, 0, s);
    auto carry = mx::add(mx::multiply(x, lower, s), mx::bitwise_and(number, mask, s), s);
    number = mx::add(
        mx::multiply(x, upper, s),
        mx::add(mx::right_shift(number, half, s), mx::right_shift(carry, half, s), s),
        s);
  }
  return mx::add(from, number, s);
}

}  // namespace

mx::array next_key(mx::StreamOrDevice s) {
  return mx::random::bits({1}, 4, std::nullopt, s).inputs().at(0);
}

void check_probability(const mx::array& p) {
  const auto value = known_value(p);
  if (value && !(*value >= 0 && *value <= 1)) {
    throw std::invalid_argument("p must be between 0 and 1");
  }
}

}  // namespace mlx_c

namespace mlx_c::random {

mx::array randint(
    const mx::array& low,
    const mx::array& high,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const std::optional<mx::array>& key,
    mx::StreamOrDevice s) {
  const auto from = known_value(low), to = known_value(high);
  const bool known = from && to;
  if ((known && fits_float(*from, *to)) || !mx::issubdtype(dtype, mx::integer)) {
    return mx::random::randint(low, high, shape, dtype, key, s);
  }
  if (known) {
    return mx::astype(wide_integers(low, high, shape, key, s), dtype, s);
  }
  // Both from one key, so that a seed gives the same numbers as where the bounds are known.
  const auto same = key ? *key : next_key(s);
  return mx::where(
      fits_float(low, high, s),
      mx::random::randint(low, high, shape, dtype, same, s),
      mx::astype(wide_integers(low, high, shape, same, s), dtype, s),
      s);
}

}  // namespace mlx_c::random

#include "core/random_distributions.hpp"

#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <mlx/ops.h>
#include <mlx/random.h>

#include "core/known_value.hpp"
#include "core/random_numbers.hpp"
#include "core/random_proposals.hpp"
#include "core/special_functions.hpp"

namespace mlx_c::random {

namespace {

namespace mx = mlx::core;
using mx::array;
using mx::StreamOrDevice;
using Arrays = std::vector<array>;
using cpu::Rejection;

constexpr double pi = 3.14159265358979324;

// What a parameter may be.
struct Range {
  constexpr Range(double low, double high, bool open, const char* text)
      : low(low), high(high), open(open), text(text) {}

  double low, high;
  bool open;  // without `low` itself
  const char* text;
};

constexpr double infinity = __builtin_inf();
constexpr Range positive{0, infinity, true, "above 0"};
constexpr Range not_negative{0, infinity, false, "0 or more"};
constexpr Range probability{0, 1, false, "from 0 to 1"};
constexpr Range chance{0, 1, true, "above 0, and at most 1"};
// Counts are of int32, and those of trials are exact in float32.
constexpr Range mean_of_counts{0, 0x1.fffffep30, false, "0 or more, and below 2**31"};
constexpr Range trial_count{0, 0x1p24, false, "from 0 to 2**24"};

void check(const char* function, const char* name, const array& a, Range range) {
  if (mx::issubdtype(a.dtype(), mx::complexfloating)) {
    throw std::invalid_argument(
        "[" + std::string(function) + "] " + name + " is complex; give real numbers");
  }
  const auto value = known_value(a);
  const bool fits =
      !value || ((range.open ? *value > range.low : *value >= range.low) && *value <= range.high);
  if (!fits) {
    throw std::invalid_argument(
        "[" + std::string(function) + "] " + name + " is " +
        std::to_string(static_cast<double>(*value)) + "; it must be " + range.text);
  }
}

void check_float(const char* function, mx::Dtype dtype) {
  if (!mx::issubdtype(dtype, mx::floating)) {
    throw std::invalid_argument(
        "[" + std::string(function) + "] dtype must be a floating-point type");
  }
}

void check_number(const char* function, mx::Dtype dtype) {
  if (!mx::issubdtype(dtype, mx::integer) && !mx::issubdtype(dtype, mx::floating)) {
    throw std::invalid_argument(
        "[" + std::string(function) + "] dtype must be an integer or a floating-point type");
  }
}

// Draws are made in single precision.
Node parameter(const array& a, const mx::Shape& shape, StreamOrDevice s) {
  return {mx::broadcast_to(mx::astype(a, mx::float32, s), shape, s), mx::to_stream(s)};
}

array key_of(const OptionalKey& key, StreamOrDevice s) {
  return key ? *key : next_key(s);
}

// Independent keys from one.
Arrays keys_of(const OptionalKey& key, int count, StreamOrDevice s) {
  const auto all = mx::random::split(key_of(key, s), count, s);
  Arrays result;
  for (auto& one : mx::split(all, count, 0, s)) {
    result.push_back(mx::squeeze(one, 0, s));
  }
  return result;
}

// From 0 up to, not including, 1.
Node uniform(const mx::Shape& shape, const OptionalKey& key, StreamOrDevice s) {
  return {mx::random::uniform(shape, mx::float32, key, s), mx::to_stream(s)};
}

Node normal(const mx::Shape& shape, const OptionalKey& key, StreamOrDevice s) {
  return {mx::random::normal(shape, mx::float32, key, s), mx::to_stream(s)};
}

Node log1p(const Node& x) {
  return {mx::log1p(x.value, x.stream), x.stream};
}

Node tangent(const Node& x) {
  return {mx::tan(x.value, x.stream), x.stream};
}

// Exponentially distributed, with mean 1.
Node standard_exponential(const mx::Shape& shape, const OptionalKey& key, StreamOrDevice s) {
  return -log1p(-uniform(shape, key, s));
}

array as(mx::Dtype dtype, const Node& x) {
  return mx::astype(x.value, dtype, x.stream);
}

Node draw_gamma(const Node& a, const OptionalKey& key, StreamOrDevice s) {
  return {draw(Rejection::gamma, a, a, key_of(key, s), s), a.stream};
}

// The logarithm of a gamma variate of any shape, which itself may be too small for the type: one of
// shape a is one of shape a + 1 times u^(1/a).
Node log_gamma_variate(const Node& a, const OptionalKey& key, StreamOrDevice s) {
  const auto keys = keys_of(key, 2, s);
  const auto small = a < 1;
  const Node log = logarithm(draw_gamma(choose(small, a + 1, a), keys[0], s));
  const Node e = standard_exponential(a.value.shape(), keys[1], s);
  const Node result = choose(small, log - e / choose(small, a, constant(a, 1)), log);
  return choose(a > 0, result, a * 0 / 0);
}

Node gamma_variate(const Node& a, const OptionalKey& key, StreamOrDevice s) {
  const auto keys = keys_of(key, 2, s);
  const auto small = a < 1;
  const Node whole = draw_gamma(choose(small, a + 1, a), keys[0], s);
  const Node e = standard_exponential(a.value.shape(), keys[1], s);
  const Node factor = exponential(-e / choose(small, a, constant(a, 1)));
  return choose(a > 0, choose(small, whole * factor, whole), a * 0 / 0);
}

}  // namespace

array gamma(
    const array& a,
    const array& scale,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_float("gamma", dtype);
  check("gamma", "a", a, positive);
  check("gamma", "scale", scale, not_negative);
  const Node factor = parameter(scale, shape, s);
  const auto known = known_value(a);
  if (known && *known >= 1) {
    // The same numbers as where the parameter is not known.
    return as(dtype, draw_gamma(parameter(a, shape, s), keys_of(key, 2, s)[0], s) * factor);
  }
  return as(dtype, gamma_variate(parameter(a, shape, s), key, s) * factor);
}

array chisquare(
    const array& df,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_float("chisquare", dtype);
  check("chisquare", "df", df, positive);
  return gamma(
      mx::multiply(mx::astype(df, mx::float32, s), array(0.5f), s),
      array(2.0f),
      shape,
      dtype,
      key,
      s);
}

array f(
    const array& dfnum,
    const array& dfden,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_float("f", dtype);
  check("f", "dfnum", dfnum, positive);
  check("f", "dfden", dfden, positive);
  const auto keys = keys_of(key, 2, s);
  const Node a = parameter(dfnum, shape, s), b = parameter(dfden, shape, s);
  const Node above = log_gamma_variate(a * 0.5, keys[0], s);
  const Node below = log_gamma_variate(b * 0.5, keys[1], s);
  return as(dtype, exponential(above - below) * (b / a));
}

array standard_t(
    const array& df,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_float("standard_t", dtype);
  check("standard_t", "df", df, positive);
  const auto keys = keys_of(key, 2, s);
  const Node half = parameter(df, shape, s) * 0.5;
  const Node log = log_gamma_variate(half, keys[1], s);
  return as(dtype, normal(shape, keys[0], s) * exponential((logarithm(half) - log) * 0.5));
}

array beta(
    const array& a,
    const array& b,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_float("beta", dtype);
  check("beta", "a", a, positive);
  check("beta", "b", b, positive);
  const auto keys = keys_of(key, 2, s);
  const Node x = log_gamma_variate(parameter(a, shape, s), keys[0], s);
  const Node y = log_gamma_variate(parameter(b, shape, s), keys[1], s);
  return as(dtype, {mx::sigmoid((x - y).value, s), x.stream});
}

array dirichlet(
    const array& alpha,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_float("dirichlet", dtype);
  if (alpha.ndim() == 0) {
    throw std::invalid_argument(
        "[dirichlet] alpha is a number; its last axis holds the concentrations");
  }
  check("dirichlet", "alpha", alpha, positive);
  mx::Shape all = shape;
  all.push_back(alpha.shape(-1));
  const Node logs = log_gamma_variate(parameter(alpha, all, s), key, s);
  return as(dtype, {mx::softmax(logs.value, -1, true, s), logs.stream});
}

array exponential(
    const array& scale,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_float("exponential", dtype);
  check("exponential", "scale", scale, not_negative);
  return as(dtype, standard_exponential(shape, key, s) * parameter(scale, shape, s));
}

array weibull(
    const array& a,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_float("weibull", dtype);
  check("weibull", "a", a, positive);
  const Node power = 1 / parameter(a, shape, s);
  const Node e = standard_exponential(shape, key, s);
  return as(dtype, {mx::power(e.value, power.value, s), e.stream});
}

array pareto(
    const array& a,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_float("pareto", dtype);
  check("pareto", "a", a, positive);
  const Node x = standard_exponential(shape, key, s) / parameter(a, shape, s);
  return as(dtype, {mx::expm1(x.value, s), x.stream});
}

array rayleigh(
    const array& scale,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_float("rayleigh", dtype);
  check("rayleigh", "scale", scale, not_negative);
  return as(
      dtype, square_root(standard_exponential(shape, key, s) * 2) * parameter(scale, shape, s));
}

array logistic(
    const array& loc,
    const array& scale,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_float("logistic", dtype);
  check("logistic", "scale", scale, not_negative);
  const auto words = mx::random::bits(shape, 4, key_of(key, s), s);
  const Node x{special::logit(unit(words, s).value, s), mx::to_stream(s)};
  return as(dtype, x * parameter(scale, shape, s) + parameter(loc, shape, s));
}

array cauchy(
    const array& loc,
    const array& scale,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_float("cauchy", dtype);
  check("cauchy", "scale", scale, not_negative);
  const auto words = mx::random::bits(shape, 4, key_of(key, s), s);
  const Node x = tangent((unit(words, s) - 0.5) * pi);
  return as(dtype, x * parameter(scale, shape, s) + parameter(loc, shape, s));
}

array lognormal(
    const array& mean,
    const array& sigma,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_float("lognormal", dtype);
  check("lognormal", "sigma", sigma, not_negative);
  const Node x = normal(shape, key, s) * parameter(sigma, shape, s) + parameter(mean, shape, s);
  return as(dtype, mlx_c::exponential(x));
}

// By the method of Michael, Schucany and Haas, whose smaller root is computed without cancellation.
array wald(
    const array& mean,
    const array& scale,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_float("wald", dtype);
  check("wald", "mean", mean, positive);
  check("wald", "scale", scale, positive);
  const auto keys = keys_of(key, 2, s);
  const Node mu = parameter(mean, shape, s), lambda = parameter(scale, shape, s);
  const Node x = normal(shape, keys[0], s);
  const Node y = x * x * mu / (lambda * 2);
  const Node root = mu / (y + 1 + square_root(y * (y + 2)));
  const Node u = uniform(shape, keys[1], s);
  return as(dtype, choose(u * (mu + root) <= mu, root, mu * mu / root));
}

array triangular(
    const array& left,
    const array& mode,
    const array& right,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_float("triangular", dtype);
  const auto low = known_value(left), middle = known_value(mode), high = known_value(right);
  if (low && middle && high && !(*low <= *middle && *middle <= *high && *low < *high)) {
    throw std::invalid_argument("[triangular] left, mode and right must be in this order");
  }
  const Node a = parameter(left, shape, s), c = parameter(mode, shape, s);
  const Node b = parameter(right, shape, s), u = uniform(shape, key, s);
  const auto below = u * (b - a) < c - a;
  const Node up = a + square_root(u * (b - a) * (c - a));
  const Node down = b - square_root((1 - u) * (b - a) * (b - c));
  return as(dtype, choose(below, up, down));
}

array vonmises(
    const array& mu,
    const array& kappa,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_float("vonmises", dtype);
  check("vonmises", "kappa", kappa, not_negative);
  const Node concentration = parameter(kappa, shape, s);
  const Node around{
      draw(Rejection::vonmises, concentration, concentration, key_of(key, s), s),
      concentration.stream};
  const Node angle = around + parameter(mu, shape, s);
  return as(dtype, angle - nearest(angle * (0.5 / pi)) * (2 * pi));
}

array rademacher(
    const mx::Shape& shape, mx::Dtype dtype, const OptionalKey& key, StreamOrDevice s) {
  if (!mx::issubdtype(dtype, mx::signedinteger) && !mx::issubdtype(dtype, mx::inexact)) {
    throw std::invalid_argument("[rademacher] dtype must have negative numbers");
  }
  const auto heads = mx::random::bernoulli(array(0.5f), shape, key_of(key, s), s);
  return mx::where(heads, array(1, dtype), array(-1, dtype), s);
}

// The number of trials up to the first success.
array geometric(
    const array& p,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_number("geometric", dtype);
  check("geometric", "p", p, chance);
  const Node q = parameter(p, shape, s);
  const Node trials = round_down(standard_exponential(shape, key, s) / -log1p(-q)) + 1;
  const auto valid = (q > 0) & (q <= 1);
  const Node bounded = choose(trials < 0x1p31, trials, constant(q, 0x7fffff80));
  return as(dtype, choose(valid, choose(q == 1, constant(q, 1), bounded), constant(q, -1)));
}

array poisson(
    const array& lam,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_number("poisson", dtype);
  check("poisson", "lam", lam, mean_of_counts);
  const Node mean = parameter(lam, shape, s);
  return mx::astype(draw(Rejection::poisson, mean, mean, key_of(key, s), s), dtype, s);
}

array binomial(
    const array& n,
    const array& p,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_number("binomial", dtype);
  check("binomial", "n", n, trial_count);
  check("binomial", "p", p, probability);
  return mx::astype(
      draw(Rejection::binomial, parameter(n, shape, s), parameter(p, shape, s), key_of(key, s), s),
      dtype,
      s);
}

// The failures before the n-th success: Poisson, with a mean that is gamma-distributed.
array negative_binomial(
    const array& n,
    const array& p,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_number("negative_binomial", dtype);
  check("negative_binomial", "n", n, positive);
  check("negative_binomial", "p", p, chance);
  const auto keys = keys_of(key, 2, s);
  const Node q = parameter(p, shape, s);
  const Node mean = gamma_variate(parameter(n, shape, s), keys[0], s) * ((1 - q) / q);
  return mx::astype(draw(Rejection::poisson, mean, mean, keys[1], s), dtype, s);
}

array multinomial(
    const array& n,
    const array& pvals,
    const mx::Shape& shape,
    mx::Dtype dtype,
    const OptionalKey& key,
    StreamOrDevice s) {
  check_number("multinomial", dtype);
  check("multinomial", "n", n, trial_count);
  if (pvals.ndim() == 0 || pvals.shape(-1) == 0) {
    throw std::invalid_argument("[multinomial] pvals has no categories along its last axis");
  }
  const int categories = pvals.shape(-1);
  mx::Shape all = shape;
  all.push_back(categories);
  const Node p = parameter(pvals, all, s);
  // Each count is binomial among the trials and the probabilities that are left.
  const auto keys = keys_of(key, categories, s);
  const auto parts = mx::split(p.value, categories, -1, s);
  const auto sums = mx::split(mx::cumsum(p.value, -1, true, true, s), categories, -1, s);
  Node left = parameter(n, shape, s);
  Arrays counts;
  for (int i = 0; i < categories; i++) {
    const Node mine{mx::squeeze(parts[i], -1, s), p.stream},
        rest{mx::squeeze(sums[i], -1, s), p.stream};
    const Node share = mine / choose(rest > 0, rest, constant(rest, 1));
    const Node bounded{mx::minimum(share.value, array(1.0f), s), p.stream};
    counts.push_back(
        i + 1 == categories ? mx::astype(left.value, mx::int32, s)
                            : draw(Rejection::binomial, left, bounded, keys[i], s));
    left = left - Node{mx::astype(counts.back(), mx::float32, s), p.stream};
  }
  return mx::astype(mx::stack(counts, -1, s), dtype, s);
}

array choice(
    int count,
    const mx::Shape& shape,
    bool replace,
    const std::optional<array>& p,
    const OptionalKey& key,
    StreamOrDevice s) {
  const auto size = std::accumulate(
      shape.begin(), shape.end(), std::int64_t{1}, [](auto all, auto n) { return all * n; });
  if (p && p->shape() != mx::Shape{count}) {
    throw std::invalid_argument(
        "[choice] p must have one probability for each of what is chosen from");
  }
  if (count < 1 && size > 0) {
    throw std::invalid_argument("[choice] there is nothing to choose from");
  }
  if (!replace && size > count) {
    throw std::invalid_argument(
        "[choice] more is asked for than there is; pass replace=True or a smaller shape");
  }
  if (size == 0) {
    return mx::zeros(shape, mx::uint32, s);
  }
  if (replace && !p) {
    return mx::random::randint(array(0), array(count), shape, mx::uint32, key_of(key, s), s);
  }
  if (replace) {
    const auto sums = mx::cumsum(mx::astype(*p, mx::float32, s), 0, false, true, s);
    const auto total = mx::slice(sums, {count - 1}, {count}, s);
    const auto u = mx::random::uniform({static_cast<int>(size)}, mx::float32, key, s);
    const auto found = mx::searchsorted(sums, mx::multiply(u, total, s), "right", s);
    return mx::reshape(
        mx::minimum(mx::astype(found, mx::uint32, s), array(count - 1, mx::uint32), s), shape, s);
  }
  const int taken = static_cast<int>(size);
  if (!p) {
    const auto order = mx::random::permutation(count, key, s);
    return mx::reshape(mx::slice(order, {0}, {taken}, s), shape, s);
  }
  // The largest of logarithms of probabilities with Gumbel noise.
  const auto noisy = mx::add(
      mx::log(mx::astype(*p, mx::float32, s), s),
      mx::random::gumbel({count}, mx::float32, key, s),
      s);
  const auto order = mx::argsort(mx::negative(noisy, s), 0, s);
  return mx::reshape(mx::slice(order, {0}, {taken}, s), shape, s);
}

}  // namespace mlx_c::random

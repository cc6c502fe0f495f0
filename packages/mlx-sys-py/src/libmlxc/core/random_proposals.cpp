#include "core/random_proposals.hpp"

#include <cmath>
#include <stdexcept>
#include <vector>

#include <mlx/ops.h>
#include <mlx/random.h>
#include <mlx/transforms.h>

#include "core/special_functions.hpp"
#include "cpu/nodes/fused.hpp"

namespace mlx_c::random {

namespace mx = mlx::core;
using mx::array;
using mx::StreamOrDevice;
using Arrays = std::vector<array>;
using cpu::Rejection;

Node unit(const array& words, StreamOrDevice s) {
  const Node x{mx::astype(words, mx::float32, s), mx::to_stream(s)};
  const Node scaled = (x + 0.5) * 0x1p-32;
  return {mx::minimum(scaled.value, array(std::nextafter(1.0f, 0.0f)), s), scaled.stream};
}

namespace {

constexpr double pi = 3.14159265358979324;

Node log1p(const Node& x) {
  return {mx::log1p(x.value, x.stream), x.stream};
}

Node log_gamma(const Node& x) {
  return {special::gammaln(x.value, x.stream), x.stream};
}

// As MLX makes them of words.
Node normal_of(const array& words, StreamOrDevice s) {
  const Node x{mx::astype(words, mx::float32, s), mx::to_stream(s)};
  const float least = std::nextafter(-1.0f, 0.0f), most = std::nextafter(1.0f, 0.0f);
  const auto u = mx::add(mx::minimum((x * 0x1p-31).value, array(2 * most), s), array(least), s);
  return Node{mx::erfinv(u, s), x.stream} * std::sqrt(2.0);
}

struct Proposals {
  Node value, accepted;
};

// Sums of masses until they reach u.
template <class Next>
Node invert(const Node& u, Node mass, Next next) {
  Node sum = mass, count = constant(u, 0);
  for (int k = 0; k < 64; k++) {
    const auto goes_on = u > sum;
    mass = next(mass, k);
    count = choose(goes_on, count + 1, count);
    sum = sum + mass;
  }
  return count;
}

Proposals propose(
    Rejection kind, const Node& a, const Node& p, const array& first, const array& second) {
  const mx::Stream s = a.stream;
  const Node v = unit(second, s);
  switch (kind) {
    case Rejection::gamma: {
      const Node d = a - 1.0 / 3, c = 1 / square_root(d * 9), x = normal_of(first, s);
      const Node root = c * x + 1, cube = root * root * root;
      const auto inside = cube > 0;
      const Node log = logarithm(choose(inside, cube, constant(a, 1)));
      return {d * cube, inside & (logarithm(v) < x * x * 0.5 + d * (1 - cube + log))};
    }
    case Rejection::poisson: {
      const auto few = a < 10;
      const Node u = unit(first, s), low = choose(few, a, constant(a, 1));
      const Node count = invert(u, exponential(-low), [&](const Node& mass, int k) {
        return mass * low * (1.0 / (k + 1));
      });
      const Node mean = choose(few, constant(a, 10), a);
      const Node b = square_root(mean) * 2.53 + 0.931, c = b * 0.02483 - 0.059;
      const Node half = u - 0.5, us = 0.5 - magnitude(half);
      const Node k = round_down((c * 2 / us + b) * half + mean + 0.43);
      const Node safe = choose(k < 0, constant(a, 0), k);
      const Node ratio = v * (1.1328 / (b - 3.4) + 1.1239) / (c / (us * us) + b);
      const auto quick = (us >= 0.07) & (v <= 0.9277 - 3.6224 / (b - 2));
      const auto far = (k < 0) | ((us < 0.013) & (v > us));
      const auto fits = logarithm(ratio) <= safe * logarithm(mean) - mean - log_gamma(safe + 1);
      const auto valid = (a >= 0) & (a < 0x1p31);
      return {
          choose(valid, choose(few, count, safe), constant(a, -1)),
          few | ~valid | quick | (~far & fits)};
    }
    case Rejection::binomial: {
      const Node half_p = choose(p > 0.5, 1 - p, p);
      const auto few = a * half_p < 10;
      const Node u = unit(first, s), n = a;
      const Node low = choose(few, half_p, constant(a, 0)), odds = low / (1 - low);
      const Node count = invert(u, exponential(n * log1p(-low)), [&](const Node& mass, int k) {
        return mass * odds * (n - k) * (1.0 / (k + 1));
      });
      const Node q = choose(few, constant(a, 0.5), half_p);
      const Node m = choose(few, constant(a, 40), n);
      const Node deviation = square_root(m * q * (1 - q)), b = deviation * 2.53 + 1.15;
      const Node c = b * 0.0248 - 0.0873 + q * 0.01;
      const Node half = u - 0.5, us = 0.5 - magnitude(half);
      const Node k = round_down((c * 2 / us + b) * half + m * q + 0.5);
      const auto inside = (k >= 0) & (k <= m);
      const Node safe = choose(inside, k, constant(a, 0));
      const Node mode = round_down((m + 1) * q);
      const Node ratio = v * ((5.1 / b + 2.83) * deviation) / (c / (us * us) + b);
      const auto quick = (us >= 0.07) & (v <= 0.92 - 4.2 / b);
      const auto fits = logarithm(ratio) <= log_gamma(mode + 1) + log_gamma(m - mode + 1) -
              log_gamma(safe + 1) - log_gamma(m - safe + 1) +
              (safe - mode) * logarithm(q / (1 - q));
      const auto valid = (a >= 0) & (round_down(a) == a) & (p >= 0) & (p <= 1);
      const Node drawn = choose(few, choose(count > n, n, count), safe);
      return {
          choose(valid, choose(p > 0.5, n - drawn, drawn), constant(a, -1)),
          few | ~valid | (inside & (quick | fits))};
    }
    case Rejection::vonmises: {
      const Node u = unit(first, s);
      const auto flat = a < 1e-5;
      const Node kappa = choose(flat, constant(a, 1), a);
      const Node root = square_root(kappa * kappa * 4 + 1), part = square_root((root + 1) * 2);
      const Node scale = root + 1 + part, rho = kappa * 2 / scale;
      const Node gap = (part + 1 + 1 / (root + kappa * 2)) / scale;
      const Node excess = gap * gap / (rho * 2);
      const Node sine{mx::sin((u * (pi / 2)).value, s), s}, rest = sine * sine * 2;
      const Node below = excess * rest / (excess + 2 - rest), c = kappa * (excess + below);
      const Node bounded{mx::minimum((below * 0.5).value, array(1.0f), s), s};
      const Node angle = Node{mx::arcsin(square_root(bounded).value, s), s} * 2;
      const Node odd{
          mx::not_equal(
              mx::bitwise_and(second, array(1u, mx::uint32), s), array(0u, mx::uint32), s),
          s};
      const Node drawn = choose(odd, -angle, angle);
      return {
          choose(flat, (u * 2 - 1) * pi, choose(a >= 0, drawn, a * 0 / 0)),
          flat | ~(a >= 0) | (c * (2 - c) > v) | (logarithm(c / v) + 1 >= c)};
    }
  }
  throw std::logic_error("an unknown distribution");
}

array first_accepted(Rejection kind, const Arrays& inputs, StreamOrDevice s) {
  const auto &a = inputs[0], &b = inputs[1], &keys = inputs[2];
  const int count = cpu::proposals(kind);
  mx::Shape both = a.shape();
  both.insert(both.begin(), 2);
  Arrays words;
  for (auto& key : mx::split(keys, count, 0, s)) {
    words.push_back(mx::random::bits(both, 4, mx::squeeze(key, 0, s), s));
  }
  const auto pairs = mx::split(mx::stack(words, 0, s), 2, 1, s);
  const mx::Stream stream = mx::to_stream(s);
  const auto drawn = propose(
      kind,
      {mx::expand_dims(a, 0, s), stream},
      {mx::expand_dims(b, 0, s), stream},
      mx::squeeze(pairs[0], 1, s),
      mx::squeeze(pairs[1], 1, s));
  mx::Shape column(a.ndim() + 1, 1);
  column[0] = count;
  const auto is_last =
      mx::reshape(mx::equal(mx::arange(count, mx::int32, s), array(count - 1), s), column, s);
  const auto accepted = mx::logical_or(drawn.accepted.value, is_last, s);
  const auto index = mx::argmax(mx::astype(accepted, mx::int32, s), 0, true, s);
  const auto value = mx::squeeze(
      mx::take_along_axis(mx::broadcast_to(drawn.value.value, accepted.shape(), s), index, 0, s),
      0,
      s);
  const bool counts = kind == Rejection::poisson || kind == Rejection::binomial;
  return counts ? mx::astype(value, mx::int32, s) : value;
}

}  // namespace

array draw(Rejection kind, const Node& a, const Node& b, const array& key, StreamOrDevice s) {
  const mx::Stream stream = mx::to_stream(s);
  const auto keys = mx::random::split(key, cpu::proposals(kind), s);
  const cpu::Function definition = [kind, stream](const Arrays& inputs) {
    return Arrays{first_accepted(kind, inputs, stream)};
  };
  const Arrays inputs{a.value, b.value, keys};
  if (cpu::can_fuse(s)) {
    return cpu::rejection(kind, a.value, b.value, keys, definition, s);
  }
  if (cpu::is_unfused()) {
    return definition(inputs)[0];
  }
  const auto refuse = [](const Arrays&, const Arrays&, const auto&) -> Arrays {
    throw std::invalid_argument(
        "random numbers drawn by rejection have no gradient with respect to their parameters");
  };
  return mx::custom_function(definition, refuse, refuse)(inputs)[0];
}

}  // namespace mlx_c::random

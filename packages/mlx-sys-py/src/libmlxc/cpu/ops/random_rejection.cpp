#include "cpu/ops/random_rejection.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/strided.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/random.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

constexpr std::size_t block_size = 1024;
constexpr double pi = 3.14159265358979324;

// In (0, 1).
double unit(std::uint32_t word) {
  return (word + 0.5) * 0x1p-32;
}

double log_factorial(double k) {
  static const auto table = [] {
    std::vector<double> values(256);
    for (std::size_t i = 2; i < values.size(); i++) {
      values[i] = values[i - 1] + std::log(static_cast<double>(i));
    }
    return values;
  }();
  if (k < 256) {
    return table[static_cast<std::size_t>(k)];
  }
  // Stirling's series.
  const double x = k + 1, z = 1 / x;
  return (x - 0.5) * std::log(x) - x + 0.91893853320467274 + z * (1.0 / 12 - z * z / 360);
}

// Each has what it computes of the parameters, and says whether it accepts a proposal.
struct GammaDraw {
  using Result = float;
  static constexpr bool takes_normals = true;
  double d, c;

  GammaDraw(double a, double) : d(a - 1.0 / 3), c(1 / std::sqrt(9 * d)) {}

  bool operator()(std::uint32_t, float x, std::uint32_t word, float& y) const {
    const double root = 1 + c * x, v = root * root * root;
    y = static_cast<float>(d * v);
    if (!(v > 0)) {
      return std::isnan(d);
    }
    const double u = unit(word), square = static_cast<double>(x) * x;
    // Most are accepted without a logarithm.
    return u < 1 - 0.0331 * square * square ||
        std::log(u) < 0.5 * square + d * (1 - v + std::log(v));
  }
};

// The rest of a draw whose result is a count; -1 for parameters that are none.
constexpr int no_count = -1;

struct PoissonDraw {
  using Result = std::int32_t;
  static constexpr bool takes_normals = false;
  double mean, log_mean, a, b, inverse, limit;

  PoissonDraw(double mean, double)
      : mean(mean),
        log_mean(std::log(mean)),
        b(0.931 + 2.53 * std::sqrt(mean)),
        inverse(1.1239 + 1.1328 / (b - 3.4)),
        limit(0.9277 - 3.6224 / (b - 2)) {
    a = -0.059 + 0.02483 * b;
  }

  bool operator()(std::uint32_t first, float, std::uint32_t second, std::int32_t& y) const {
    if (!(mean >= 0 && mean < 0x1p31)) {
      y = no_count;
      return true;
    }
    if (mean < 10) {
      const double u = unit(first);
      double p = std::exp(-mean), sum = p;
      y = 0;
      while (u > sum && y < 64) {
        y++;
        p *= mean / y;
        sum += p;
      }
      return true;
    }
    const double u = unit(first) - 0.5, v = unit(second), us = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / us + b) * u + mean + 0.43);
    y = static_cast<std::int32_t>(std::clamp(k, 0.0, 0x1p31 - 1));
    if (us >= 0.07 && v <= limit) {
      return true;
    }
    if (k < 0 || (us < 0.013 && v > us)) {
      return false;
    }
    return std::log(v * inverse / (a / (us * us) + b)) <= k * log_mean - mean - log_factorial(k);
  }
};

struct BinomialDraw {
  using Result = std::int32_t;
  static constexpr bool takes_normals = false;
  double n, p, q, a = 0, b = 0, c = 0, limit = 0, alpha = 0, mode = 0, height = 0, log_odds = 0;
  bool valid;

  BinomialDraw(double n, double p)
      : n(n), p(p), q(std::min(p, 1 - p)), valid(n >= 0 && n == std::floor(n) && p >= 0 && p <= 1) {
    if (valid && n * q >= 10) {
      const double deviation = std::sqrt(n * q * (1 - q));
      b = 1.15 + 2.53 * deviation;
      a = -0.0873 + 0.0248 * b + 0.01 * q;
      c = n * q + 0.5;
      limit = 0.92 - 4.2 / b;
      alpha = (2.83 + 5.1 / b) * deviation;
      mode = std::floor((n + 1) * q);
      height = log_factorial(mode) + log_factorial(n - mode);
      log_odds = std::log(q / (1 - q));
    }
  }

  bool operator()(std::uint32_t first, float, std::uint32_t second, std::int32_t& y) const {
    if (!valid) {
      y = no_count;
      return true;
    }
    double k = 0;
    const bool accepted = n * q < 10 ? invert(unit(first), k) : propose(first, second, k);
    k = std::clamp(k, 0.0, n);
    y = static_cast<std::int32_t>(p > 0.5 ? n - k : k);
    return accepted;
  }

 private:
  bool invert(double u, double& k) const {
    const double odds = q / (1 - q);
    double mass = std::exp(n * std::log1p(-q)), sum = mass;
    while (u > sum && k < n && k < 64) {
      mass *= odds * (n - k) / (k + 1);
      sum += mass;
      k++;
    }
    return true;
  }

  bool propose(std::uint32_t first, std::uint32_t second, double& k) const {
    const double u = unit(first) - 0.5, v = unit(second), us = 0.5 - std::abs(u);
    k = std::floor((2 * a / us + b) * u + c);
    if (k < 0 || k > n) {
      return false;
    }
    return (us >= 0.07 && v <= limit) ||
        std::log(v * alpha / (a / (us * us) + b)) <=
        height - log_factorial(k) - log_factorial(n - k) + (k - mode) * log_odds;
  }
};

// The paper's r is 1 + excess, its f 1 - below: with these, nothing cancels where numbers lie close
// to the peak.
struct VonMisesDraw {
  using Result = float;
  static constexpr bool takes_normals = false;
  double kappa, excess;

  VonMisesDraw(double kappa, double) : kappa(kappa) {
    const double root = std::sqrt(1 + 4 * kappa * kappa), part = std::sqrt(2 * (1 + root));
    const double scale = 1 + root + part, rho = 2 * kappa / scale;
    const double gap = (1 + part + 1 / (root + 2 * kappa)) / scale;  // 1 - rho
    excess = gap * gap / (2 * rho);
  }

  bool operator()(std::uint32_t first, float, std::uint32_t second, float& y) const {
    if (!(kappa >= 0)) {
      y = std::numeric_limits<float>::quiet_NaN();
      return true;
    }
    const double u = unit(first), v = unit(second);
    if (kappa < 1e-5) {
      y = static_cast<float>((2 * u - 1) * pi);
      return true;
    }
    const double sine = std::sin(pi / 2 * u), rest = 2 * sine * sine;  // 1 - cos(pi u)
    const double below = excess * rest / (2 + excess - rest), c = kappa * (excess + below);
    const double angle = 2 * std::asin(std::sqrt(std::min(1.0, below / 2)));
    // The sign is the lowest bit of the second word.
    y = static_cast<float>(second & 1 ? -angle : angle);
    return c * (2 - c) > v || std::log(c / v) + 1 >= c;
  }
};

template <class Draw>
struct Drawing {
  const float *a, *b;
  const std::uint32_t* key;
  Walk walk_a, walk_b, walk_keys;
  typename Draw::Result* target;
  std::size_t size;
  int attempts;

  void operator()() const {
    const Buffer<std::uint32_t> keys(2 * static_cast<std::size_t>(attempts));
    walk_keys.copy(key, sizeof *key, 0, 2 * static_cast<std::size_t>(attempts), keys.data());
    parallel_for(static_cast<int>((size + block_size - 1) / block_size), [&](int task) {
      const std::size_t begin = task * block_size;
      draw(keys.data(), begin, std::min(block_size, size - begin));
    });
  }

 private:
  static std::uint32_t number(std::size_t i) {
    return static_cast<std::uint32_t>(i);
  }

  void draw(const std::uint32_t* keys, std::size_t begin, std::size_t count) const {
    float first_parameters[block_size], second_parameters[block_size];
    walk_a.copy(a, sizeof *a, begin, count, first_parameters);
    walk_b.copy(b, sizeof *b, begin, count, second_parameters);
    std::uint32_t first[block_size], second[block_size], normal[block_size];
    std::uint16_t open[block_size];
    kernels()->random.threefry(keys, number(begin), number(size + begin), count, first, second);
    std::size_t left = count;
    for (std::size_t i = 0; i < count; i++) {
      open[i] = static_cast<std::uint16_t>(i);
    }
    for (int attempt = 0;; attempt++) {
      if (Draw::takes_normals) {
        std::copy(first, first + left, normal);
        make_normal(normal, left);
      }
      std::size_t rejected = 0;
      for (std::size_t j = 0; j < left; j++) {
        const std::size_t i = open[j];
        float x = 0;
        if (Draw::takes_normals) {
          std::memcpy(&x, normal + j, sizeof x);
        }
        const Draw propose(first_parameters[i], second_parameters[i]);
        if (!propose(first[j], x, second[j], target[begin + i])) {
          open[rejected++] = open[j];
        }
      }
      left = rejected;
      if (left == 0 || attempt + 1 == attempts) {
        return;
      }
      for (std::size_t j = 0; j < left; j++) {
        const std::size_t i = begin + open[j];
        kernels()->random.threefry(
            keys + 2 * (attempt + 1), number(i), number(size + i), 1, first + j, second + j);
      }
    }
  }
};

class RandomRejection : public Fused {
 public:
  RandomRejection(mx::Stream stream, Rejection kind, Function definition)
      : Fused(stream, std::move(definition)), kind_(kind) {}

  std::vector<array> vjp(
      const std::vector<array>&,
      const std::vector<array>&,
      const std::vector<int>&,
      const std::vector<array>&) override {
    throw std::invalid_argument(
        "random numbers drawn by rejection have no gradient with respect to their parameters");
  }

  std::vector<array> jvp(
      const std::vector<array>& primals,
      const std::vector<array>& tangents,
      const std::vector<int>& argnums) override {
    return vjp(primals, tangents, argnums, {});
  }

  const char* name() const override {
    return "RandomRejection";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    switch (kind_) {
      case Rejection::gamma:
        return start<GammaDraw>(inputs, outputs[0]);
      case Rejection::poisson:
        return start<PoissonDraw>(inputs, outputs[0]);
      case Rejection::binomial:
        return start<BinomialDraw>(inputs, outputs[0]);
      case Rejection::vonmises:
        return start<VonMisesDraw>(inputs, outputs[0]);
    }
  }

 private:
  template <class Draw>
  void start(const std::vector<array>& inputs, array& y) {
    const auto &a = inputs[0], &b = inputs[1], &keys = inputs[2];
    allocate_for(y);
    dispatch(
        stream(),
        Drawing<Draw>{
            a.data<float>(),
            b.data<float>(),
            keys.data<std::uint32_t>(),
            Walk(a, a.shape()),
            Walk(b, b.shape()),
            Walk(keys, keys.shape()),
            y.data<typename Draw::Result>(),
            y.size(),
            proposals(kind_)});
  }

  const Rejection kind_;
};

}  // namespace

int proposals(Rejection kind) {
  switch (kind) {
    case Rejection::gamma:
      return 6;
    case Rejection::poisson:
    case Rejection::binomial:
      return 14;
    case Rejection::vonmises:
      return 16;
  }
  return 0;
}

array rejection(
    Rejection kind,
    const array& a,
    const array& b,
    const array& keys,
    Function definition,
    mx::StreamOrDevice s) {
  const bool counts = kind == Rejection::poisson || kind == Rejection::binomial;
  return array(
      a.shape(),
      counts ? mx::int32 : mx::float32,
      std::make_shared<RandomRejection>(mx::to_stream(s), kind, std::move(definition)),
      {a, b, keys});
}

}  // namespace mlx_c::cpu

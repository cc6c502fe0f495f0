#include "core/numeric_functions.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

#include <mlx/ops.h>

#include "core/elementwise_function.hpp"
#include "core/integer_division.hpp"
#include "cpu/nodes/fused.hpp"

namespace mlx_c {

namespace {

namespace mx = mlx::core;
using mx::array;
using mx::StreamOrDevice;
using Arrays = std::vector<array>;

array constant(double value, const array& like) {
  return array(value, like.dtype());
}

bool is_floating(const array& x) {
  return mx::issubdtype(x.dtype(), mx::floating);
}

void check_integers(const char* name, const Arrays& x) {
  for (auto& operand : x) {
    if (!mx::issubdtype(operand.dtype(), mx::integer)) {
      throw std::invalid_argument("[" + std::string(name) + "] takes integers only");
    }
  }
}

void check_real(const char* name, const Arrays& x) {
  for (auto& operand : x) {
    if (mx::issubdtype(operand.dtype(), mx::complexfloating)) {
      throw std::invalid_argument(
          "[" + std::string(name) + "] complex numbers are not supported; give real ones");
    }
  }
}

// The format of a floating type: its bits as a signed integer, how many of them are the fraction's
// and the exponent's, and the bias of exponents.
struct Format {
  mx::Dtype bits;
  int fraction, exponent, bias;

  explicit Format(mx::Dtype dtype)
      : bits(dtype.size() == 8 ? mx::int64 : (dtype.size() == 4 ? mx::int32 : mx::int16)),
        fraction(7),
        exponent(8),
        bias(127) {
    if (dtype == mx::float64) {
      fraction = 52, exponent = 11, bias = 1023;
    } else if (dtype == mx::float32) {
      fraction = 23;
    } else if (dtype == mx::float16) {
      fraction = 10, exponent = 5, bias = 15;
    }
  }
};

array bits_of(const array& x, StreamOrDevice s) {
  return mx::view(mx::stop_gradient(x, s), Format(x.dtype()).bits, s);
}

// 2^n in the type of `like`, for n in the range of its normal numbers.
array power_of_two(const array& n, const array& like, StreamOrDevice s) {
  const Format format(like.dtype());
  const auto biased = mx::add(n, array(format.bias, format.bits), s);
  return mx::view(mx::left_shift(biased, array(format.fraction, format.bits), s), like.dtype(), s);
}

const ElementwiseFunction signbit_of{
    "signbit",
    "SignBit",
    [](const Arrays& x, StreamOrDevice s) {
      const auto bits = bits_of(x[0], s);
      return mx::less(bits, array(0, bits.dtype()), s);
    },
    nullptr,
    true};

const ElementwiseFunction copysign_of{
    "copysign",
    "CopySign",
    [](const Arrays& x, StreamOrDevice s) {
      const auto size = mx::abs(x[0], s);
      return mx::where(apply(signbit_of, {x[1]}, s), mx::negative(size, s), size, s);
    },
    [](const Arrays& x, const array&, int argnum, StreamOrDevice s) -> array {
      if (argnum == 1) {
        return mx::zeros_like(x[1], s);
      }
      const auto differs =
          mx::not_equal(apply(signbit_of, {x[0]}, s), apply(signbit_of, {x[1]}, s), s);
      return mx::where(differs, constant(-1, x[0]), constant(1, x[0]), s);
    }};

// 1 for the operand that is the result; the second where both are, as in MLX's maximum.
array is_chosen(const Arrays& x, const array& y, int argnum, StreamOrDevice s) {
  auto second = mx::equal(x[1], y, s);
  return mx::astype(
      argnum == 1 ? second : mx::logical_and(mx::equal(x[0], y, s), mx::logical_not(second, s), s),
      y.dtype(),
      s);
}

array other_if_nan(
    const Arrays& x,
    array (*choose)(const array&, const array&, StreamOrDevice),
    StreamOrDevice s) {
  return mx::where(
      mx::isnan(x[0], s), x[1], mx::where(mx::isnan(x[1], s), x[0], choose(x[0], x[1], s), s), s);
}

const ElementwiseFunction fmax_of{
    "fmax",
    "FloatMaximum",
    [](const Arrays& x, StreamOrDevice s) { return other_if_nan(x, mx::maximum, s); },
    is_chosen};

const ElementwiseFunction fmin_of{
    "fmin",
    "FloatMinimum",
    [](const Arrays& x, StreamOrDevice s) { return other_if_nan(x, mx::minimum, s); },
    is_chosen};

const ElementwiseFunction hypot_of{
    "hypot",
    "Hypot",
    [](const Arrays& x, StreamOrDevice s) {
      const auto a = mx::abs(x[0], s), b = mx::abs(x[1], s);
      const auto high = mx::maximum(a, b, s), low = mx::minimum(a, b, s);
      const auto is_zero = mx::equal(high, constant(0, high), s);
      const auto ratio = mx::divide(low, mx::where(is_zero, constant(1, high), high, s), s);
      const auto root = mx::sqrt(mx::add(mx::square(ratio, s), constant(1, high), s), s);
      const auto infinite = mx::logical_or(mx::isinf(a, s), mx::isinf(b, s), s);
      const double infinity = std::numeric_limits<double>::infinity();
      return mx::where(infinite, constant(infinity, high), mx::multiply(high, root, s), s);
    },
    // 0 where both are 0.
    [](const Arrays& x, const array& y, int argnum, StreamOrDevice s) {
      const auto is_zero = mx::equal(y, constant(0, y), s);
      return mx::divide(x[argnum], mx::where(is_zero, constant(1, y), y, s), s);
    }};

const ElementwiseFunction cbrt_of{
    "cbrt",
    "CubeRoot",
    [](const Arrays& x, StreamOrDevice s) {
      const auto size = mx::abs(x[0], s);
      const auto third = constant(1.0 / 3, size);
      const auto root = mx::exp(mx::multiply(mx::log(size, s), third, s), s);
      // A step of Newton's method.
      const auto excess = mx::subtract(root, mx::divide(size, mx::square(root, s), s), s);
      const auto better = mx::subtract(root, mx::multiply(excess, third, s), s);
      const auto normal =
          mx::logical_and(mx::greater(size, constant(0, size), s), mx::isfinite(size, s), s);
      return mx::where(normal, mx::multiply(mx::sign(x[0], s), better, s), x[0], s);
    },
    [](const Arrays&, const array& y, int, StreamOrDevice s) {
      return mx::divide(constant(1.0 / 3, y), mx::square(y, s), s);
    }};

const ElementwiseFunction exp2_of{
    "exp2",
    "Exp2",
    [](const Arrays& x, StreamOrDevice s) { return mx::power(constant(2, x[0]), x[0], s); },
    [](const Arrays&, const array& y, int, StreamOrDevice s) {
      return mx::multiply(y, constant(std::numbers::ln2, y), s);
    }};

const ElementwiseFunction logaddexp2_of{
    "logaddexp2",
    "LogAddExp2",
    [](const Arrays& x, StreamOrDevice s) {
      const auto &a = x[0], &b = x[1];
      // Infinity is not subtracted from itself.
      const auto same = mx::equal(a, b, s);
      const auto apart = mx::where(same, constant(0, a), mx::abs(mx::subtract(a, b, s), s), s);
      const auto sum = mx::log1p(apply(exp2_of, {mx::negative(apart, s)}, s), s);
      return mx::add(
          mx::maximum(a, b, s), mx::multiply(sum, constant(std::numbers::log2e, a), s), s);
    },
    // Its share of the sum of powers.
    [](const Arrays& x, const array& y, int argnum, StreamOrDevice s) {
      const auto& mine = x[argnum];
      const auto share = apply(exp2_of, {mx::subtract(mine, y, s)}, s);
      return mx::where(mx::equal(mine, y, s), constant(1, y), share, s);
    }};

// Of two parts that arithmetic would mix, as infinities and NaN.
array complex_of(const array& real, const array& imaginary, StreamOrDevice s) {
  return mx::squeeze(mx::view(mx::stack({real, imaginary}, -1, s), mx::complex64, s), -1, s);
}

const ElementwiseFunction complex_expm1_of{
    "expm1",
    "ComplexExpm1",
    [](const Arrays& x, StreamOrDevice s) {
      const auto a = mx::real(x[0], s), b = mx::imag(x[0], s);
      const auto half = mx::sin(mx::multiply(b, constant(0.5, b), s), s);
      const auto near = mx::subtract(
          mx::multiply(mx::expm1(a, s), mx::cos(b, s), s),
          mx::multiply(constant(2, a), mx::square(half, s), s),
          s);
      const auto is_real = mx::equal(b, constant(0, b), s);
      const auto power = mx::exp(x[0], s);
      const auto finite = mx::logical_and(mx::isfinite(a, s), mx::isfinite(b, s), s);
      const auto far = mx::subtract(mx::real(power, s), constant(1, a), s);
      return complex_of(
          mx::where(is_real, mx::expm1(a, s), mx::where(finite, near, far, s), s),
          mx::where(is_real, b, mx::imag(power, s), s),
          s);
    },
    [](const Arrays&, const array& y, int, StreamOrDevice s) {
      return mx::add(y, constant(1, y), s);
    }};

const ElementwiseFunction gcd_of{
    "gcd",
    "Gcd",
    // Euclid's algorithm, of which Fibonacci numbers take the most steps.
    [](const Arrays& x, StreamOrDevice s) {
      auto a = x[0], b = x[1];
      const auto zero = constant(0, a);
      const int steps = 12 * static_cast<int>(a.itemsize());
      for (int i = 0; i < steps; i++) {
        const auto done = mx::equal(b, zero, s);
        auto rest = mx::where(done, zero, mlx_c::remainder(a, b, s), s);
        a = mx::where(done, a, b, s);
        b = rest;
      }
      return mx::abs(a, s);
    },
    nullptr};

array call(const ElementwiseFunction& function, const Arrays& x, StreamOrDevice s) {
  return apply(function, floating_operands(function.name, x, s), s);
}

}  // namespace

array cbrt(const array& x, StreamOrDevice s) {
  return call(cbrt_of, {x}, s);
}

array exp2(const array& x, StreamOrDevice s) {
  return call(exp2_of, {x}, s);
}

array expm1(const array& x, StreamOrDevice s) {
  return x.dtype() == mx::complex64 ? apply(complex_expm1_of, {x}, s) : mx::expm1(x, s);
}

array rint(const array& x, StreamOrDevice s) {
  return mx::round(x, 0, s);
}

array sign(const array& x, StreamOrDevice s) {
  auto result = mx::sign(x, s);
  // The kernels of this library do that themselves.
  return cpu::can_fuse(s) || !is_floating(x) ? result : mx::where(mx::isnan(x, s), x, result, s);
}

array signbit(const array& x, StreamOrDevice s) {
  check_real("signbit", {x});
  return is_floating(x) ? apply(signbit_of, {x}, s) : mx::less(x, constant(0, x), s);
}

array sinc(const array& x, StreamOrDevice s) {
  const auto v = floating_operands("sinc", {x}, s)[0];
  // sin(pi x) has the period 2, and what is subtracted is exact.
  const auto turns = mx::round(mx::multiply(v, constant(0.5, v), s), 0, s);
  const auto whole = mx::stop_gradient(mx::multiply(turns, constant(2, v), s), s);
  const auto pi = constant(std::numbers::pi, v);
  const auto angle = mx::multiply(mx::subtract(v, whole, s), pi, s);
  const auto y = mx::multiply(v, pi, s);
  // Near 0, by the series: the gradient of the quotient loses its digits there.
  const auto small = mx::less(mx::abs(v, s), constant(1e-3, v), s);
  const auto square = mx::square(mx::where(small, y, constant(0, y), s), s);
  const auto tail =
      mx::subtract(constant(1.0 / 6, y), mx::multiply(square, constant(1.0 / 120, y), s), s);
  const auto near = mx::subtract(constant(1, y), mx::multiply(square, tail, s), s);
  const auto far = mx::divide(mx::sin(angle, s), mx::where(small, constant(1, y), y, s), s);
  return mx::where(mx::isinf(v, s), constant(0, v), mx::where(small, near, far, s), s);
}

array spacing(const array& x, StreamOrDevice s) {
  const auto v = floating_operands("spacing", {x}, s)[0];
  const auto size = mx::abs(v, s);
  const auto infinity = constant(std::numeric_limits<double>::infinity(), v);
  const auto step = mx::subtract(nextafter(size, infinity, s), size, s);
  const auto nan = constant(std::numeric_limits<double>::quiet_NaN(), v);
  // That of both zeros is positive, as in NumPy.
  const auto below = mx::less(v, constant(0, v), s);
  return mx::where(mx::isfinite(v, s), mx::where(below, mx::negative(step, s), step, s), nan, s);
}

array copysign(const array& x, const array& y, StreamOrDevice s) {
  return call(copysign_of, {x, y}, s);
}

array float_power(const array& x, const array& y, StreamOrDevice s) {
  const auto both = common_operands({x, y}, s);
  if (mx::issubdtype(both[0].dtype(), mx::inexact)) {
    return mx::power(both[0], both[1], s);
  }
  return mx::power(mx::astype(both[0], mx::float32, s), mx::astype(both[1], mx::float32, s), s);
}

array fmax(const array& x, const array& y, StreamOrDevice s) {
  check_real("fmax", {x, y});
  const auto both = common_operands({x, y}, s);
  return is_floating(both[0]) ? apply(fmax_of, both, s) : mx::maximum(both[0], both[1], s);
}

array fmin(const array& x, const array& y, StreamOrDevice s) {
  check_real("fmin", {x, y});
  const auto both = common_operands({x, y}, s);
  return is_floating(both[0]) ? apply(fmin_of, both, s) : mx::minimum(both[0], both[1], s);
}

array fmod(const array& x, const array& y, StreamOrDevice s) {
  check_real("fmod", {x, y});
  const auto both = common_operands({x, y}, s);
  const auto &a = both[0], &b = both[1];
  if (is_floating(a)) {
    return copysign(mx::remainder(mx::abs(a, s), mx::abs(b, s), s), a, s);
  }
  if (!mx::issubdtype(a.dtype(), mx::integer)) {
    return mx::remainder(a, b, s);
  }
  const auto rest = mlx_c::remainder(a, b, s);
  const auto zero = constant(0, a);
  const auto differs = mx::not_equal(mx::less(a, zero, s), mx::less(b, zero, s), s);
  const auto corrects = mx::logical_and(
      differs, mx::logical_and(mx::not_equal(rest, zero, s), mx::not_equal(b, zero, s), s), s);
  return mx::where(corrects, mx::subtract(rest, b, s), rest, s);
}

array gcd(const array& x, const array& y, StreamOrDevice s) {
  check_integers("gcd", {x, y});
  return apply(gcd_of, common_operands({x, y}, s), s);
}

array lcm(const array& x, const array& y, StreamOrDevice s) {
  check_integers("lcm", {x, y});
  const auto both = common_operands({x, y}, s);
  const auto divisor = apply(gcd_of, both, s);
  const auto safe =
      mx::where(mx::equal(divisor, constant(0, divisor), s), constant(1, divisor), divisor, s);
  return mx::abs(mx::multiply(mlx_c::floor_divide(both[0], safe, s), both[1], s), s);
}

array heaviside(const array& x, const array& y, StreamOrDevice s) {
  const auto both = floating_operands("heaviside", {x, y}, s);
  const auto &a = both[0], &b = both[1];
  const auto zero = constant(0, a);
  const auto step = mx::where(mx::less(a, zero, s), zero, constant(1, a), s);
  return mx::where(mx::isnan(a, s), a, mx::where(mx::equal(a, zero, s), b, step, s), s);
}

array hypot(const array& x, const array& y, StreamOrDevice s) {
  return call(hypot_of, {x, y}, s);
}

array ldexp(const array& x, const array& exponent, StreamOrDevice s) {
  check_integers("ldexp", {exponent});
  auto v = floating_operands("ldexp", {x}, s)[0];
  const mx::Dtype dtype = v.dtype();
  if (dtype == mx::float16 || dtype == mx::bfloat16) {
    v = mx::astype(v, mx::float32, s);
  }
  // The power itself may be beyond the range of exponents, so there are three factors. The largest
  // comes last: only it can reach subnormal numbers, and so results are rounded once.
  const Format format(v.dtype());
  const int most = format.bias - 1;
  const auto within = [&](const array& n, int limit) {
    return mx::clip(n, array(-limit, n.dtype()), array(limit, n.dtype()), s);
  };
  const auto all = mx::astype(within(mx::astype(exponent, mx::int64, s), 3 * most), format.bits, s);
  const auto last = within(all, most);
  const auto rest = mx::subtract(all, last, s), second = within(rest, most);
  for (auto& part : {mx::subtract(rest, second, s), second, last}) {
    v = mx::multiply(v, power_of_two(part, v, s), s);
  }
  return mx::astype(v, dtype, s);
}

array logaddexp2(const array& x, const array& y, StreamOrDevice s) {
  return call(logaddexp2_of, {x, y}, s);
}

array nextafter(const array& x, const array& y, StreamOrDevice s) {
  const auto both = floating_operands("nextafter", {x, y}, s);
  const auto &a = both[0], &b = both[1];
  const auto bits = bits_of(a, s);
  const auto one = array(1, bits.dtype()), zero = array(0, bits.dtype());
  // As integers, numbers of one sign are ordered by their size.
  const auto grows = mx::equal(mx::greater(b, a, s), mx::greater_equal(bits, zero, s), s);
  const auto moved = mx::view(
      mx::where(grows, mx::add(bits, one, s), mx::subtract(bits, one, s), s), a.dtype(), s);
  const auto least = copysign(mx::view(mx::full_like(bits, one, s), a.dtype(), s), b, s);
  const auto next = mx::where(mx::equal(a, constant(0, a), s), least, moved, s);
  const auto no_number = mx::logical_or(mx::isnan(a, s), mx::isnan(b, s), s);
  return mx::where(no_number, mx::add(a, b, s), mx::where(mx::equal(a, b, s), b, next, s), s);
}

array like_divisor(const array& rest, const array& divisor, StreamOrDevice s) {
  // The kernels of this library do that themselves.
  if (cpu::can_fuse(s) || !is_floating(rest)) {
    return rest;
  }
  const auto zero = constant(0, rest);
  const auto sign = mx::astype(divisor, rest.dtype(), s);
  return mx::where(mx::equal(rest, zero, s), copysign(zero, sign, s), rest, s);
}

std::tuple<array, array> modf(const array& x, StreamOrDevice s) {
  const auto v = floating_operands("modf", {x}, s)[0];
  const auto zero = constant(0, v);
  const auto whole =
      mx::stop_gradient(mx::where(mx::less(v, zero, s), mx::ceil(v, s), mx::floor(v, s), s), s);
  const auto rest = mx::where(mx::isinf(v, s), zero, mx::subtract(v, whole, s), s);
  return {copysign(rest, v, s), copysign(whole, v, s)};
}

std::tuple<array, array> frexp(const array& x, StreamOrDevice s) {
  const auto v = floating_operands("frexp", {x}, s)[0];
  const Format format(v.dtype());
  const auto in_bits = [&](std::int64_t value) { return array(value, format.bits); };
  // Subnormal numbers become normal ones.
  const int shift = format.fraction + 1;
  const auto limit = constant(std::ldexp(1.0, 1 - format.bias), v);
  const auto subnormal = mx::less(mx::abs(v, s), limit, s);
  const auto normal =
      mx::where(subnormal, mx::multiply(v, constant(std::ldexp(1.0, shift), v), s), v, s);
  const auto bits = bits_of(normal, s);
  const auto biased = mx::bitwise_and(
      mx::right_shift(bits, in_bits(format.fraction), s), in_bits((1 << format.exponent) - 1), s);
  const auto fixed =
      mx::logical_or(mx::equal(v, constant(0, v), s), mx::logical_not(mx::isfinite(v, s), s), s);
  const auto offset =
      mx::where(subnormal, array(format.bias - 1 + shift), array(format.bias - 1), s);
  const auto exponent = mx::subtract(mx::astype(biased, mx::int32, s), offset, s);
  // The same fraction with the exponent of 1/2.
  const auto half = mx::bitwise_or(
      mx::subtract(bits, mx::left_shift(biased, in_bits(format.fraction), s), s),
      mx::left_shift(in_bits(format.bias - 1), in_bits(format.fraction), s),
      s);
  return {
      mx::where(fixed, v, mx::view(half, v.dtype(), s), s),
      mx::where(fixed, array(0), exponent, s)};
}

array round(const array& x, int decimals, StreamOrDevice s) {
  auto result = mx::round(x, decimals, s);
  if (decimals <= 0 || !is_floating(x)) {
    return result;
  }
  return mx::where(mx::isinf(result, s), x, result, s);
}

array clip(
    const array& x,
    const std::optional<array>& low,
    const std::optional<array>& high,
    StreamOrDevice s) {
  return low || high ? mx::clip(x, low, high, s) : x;
}

}  // namespace mlx_c

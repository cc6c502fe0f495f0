#include "cpu/ops/scalar_elementwise.hpp"

#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <numeric>
#include <type_traits>
#include <utility>

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using Complex = std::complex<float>;

template <class F, class Out, class... In>
void loop(const void* const* operands, void* result, std::size_t size) {
  static_assert(std::is_empty_v<F>, "a pointer to a function is lost with its type");
  [&]<std::size_t... k>(std::index_sequence<k...>) {
    for (std::size_t i = 0; i < size; i++) {
      static_cast<Out*>(result)[i] = F{}(static_cast<const In*>(operands[k])[i]...);
    }
  }(std::index_sequence_for<In...>{});
}

// A loop over elements that calls a captureless lambda.
template <class Out, class T, class F>
Elementwise unary(F) {
  return loop<F, Out, T>;
}
template <class Out, class T, class F>
Elementwise binary(F) {
  return loop<F, Out, T, T>;
}

// Integer division by zero: the quotient is 0, the remainder the dividend.
template <class T>
T floor_divide(T x, T y) {
  if (y == 0) {
    return 0;
  }
  if constexpr (std::is_signed_v<T>) {
    // The minimum divided by -1 wraps around.
    if (y == -1) {
      return static_cast<T>(-static_cast<std::make_unsigned_t<T>>(x));
    }
    return static_cast<T>(x / y - (x % y != 0 && (x < 0) != (y < 0)));
  }
  return static_cast<T>(x / y);
}

template <class T>
T remainder(T x, T y) {
  if (y == 0) {
    return x;
  }
  if constexpr (std::is_signed_v<T>) {
    if (y == -1) {
      return 0;
    }
    const T rest = static_cast<T>(x % y);
    return rest != 0 && (rest < 0) != (y < 0) ? static_cast<T>(rest + y) : rest;
  }
  return static_cast<T>(x % y);
}

// A zero has the sign of the divisor, as everything else.
template <>
double remainder(double x, double y) {
  const double rest = std::fmod(x, y);
  if (rest == 0) {
    return std::copysign(rest, y);
  }
  return (rest < 0) != (y < 0) ? rest + y : rest;
}

template <class T>
T power(T base, T exponent) {
  using Wide = std::common_type_t<std::make_unsigned_t<T>, unsigned>;
  if constexpr (std::is_signed_v<T>) {
    if (exponent < 0) {
      return 0;
    }
  }
  Wide result = 1, factor = static_cast<Wide>(base);
  for (; exponent != 0; exponent = static_cast<T>(exponent >> 1), factor *= factor) {
    if (exponent & 1) {
      result *= factor;
    }
  }
  return static_cast<T>(result);
}

// That of two numbers whose only common divisor with a sign is the smallest one wraps round.
template <class T>
T gcd(T x, T y) {
  using Size = std::make_unsigned_t<T>;
  const auto size = [](T n) { return n < 0 ? static_cast<Size>(-static_cast<Size>(n)) : Size(n); };
  return static_cast<T>(std::gcd(size(x), size(y)));
}

template <class T>
Elementwise of_integers(Op op) {
  switch (op) {
    case Op::floor_divide:
      return binary<T, T>([](T x, T y) { return floor_divide(x, y); });
    case Op::remainder:
      return binary<T, T>([](T x, T y) { return remainder(x, y); });
    case Op::power:
      return binary<T, T>([](T x, T y) { return power(x, y); });
    case Op::gcd:
      return binary<T, T>([](T x, T y) { return gcd(x, y); });
    default:
      return nullptr;
  }
}

// Operations of all real and complex floats, by the C++ library.
template <class T>
Elementwise of_floats(Op op) {
  switch (op) {
    case Op::arccos:
      return unary<T, T>([](T x) { return std::acos(x); });
    case Op::arccosh:
      return unary<T, T>([](T x) { return std::acosh(x); });
    case Op::arcsin:
      return unary<T, T>([](T x) { return std::asin(x); });
    case Op::arcsinh:
      return unary<T, T>([](T x) { return std::asinh(x); });
    case Op::arctan:
      return unary<T, T>([](T x) { return std::atan(x); });
    case Op::arctanh:
      return unary<T, T>([](T x) { return std::atanh(x); });
    case Op::cos:
      return unary<T, T>([](T x) { return std::cos(x); });
    case Op::cosh:
      return unary<T, T>([](T x) { return std::cosh(x); });
    case Op::exp:
      return unary<T, T>([](T x) { return std::exp(x); });
    case Op::log:
      return unary<T, T>([](T x) { return std::log(x); });
    case Op::log10:
      return unary<T, T>([](T x) { return std::log10(x); });
    case Op::sin:
      return unary<T, T>([](T x) { return std::sin(x); });
    case Op::sinh:
      return unary<T, T>([](T x) { return std::sinh(x); });
    case Op::tan:
      return unary<T, T>([](T x) { return std::tan(x); });
    case Op::tanh:
      return unary<T, T>([](T x) { return std::tanh(x); });
    case Op::power:
      return binary<T, T>([](T x, T y) { return std::pow(x, y); });
    default:
      return nullptr;
  }
}

double logaddexp(double x, double y) {
  if (std::isinf(x) && x == y) {
    return x;
  }
  return std::fmax(x, y) + std::log1p(std::exp(-std::abs(x - y)));
}

double logaddexp2(double x, double y) {
  if (std::isinf(x) && x == y) {
    return x;
  }
  const double rest = std::log1p(std::exp2(-std::abs(x - y))) * 1.4426950408889634;
  return std::isnan(x) || std::isnan(y) ? x + y : std::fmax(x, y) + rest;
}

Elementwise of_doubles(Op op) {
  using T = double;
  switch (op) {
    case Op::ceil:
      return unary<T, T>([](T x) { return std::ceil(x); });
    case Op::erf:
      return unary<T, T>([](T x) { return std::erf(x); });
    case Op::expm1:
      return unary<T, T>([](T x) { return std::expm1(x); });
    case Op::floor:
      return unary<T, T>([](T x) { return std::floor(x); });
    case Op::log1p:
      return unary<T, T>([](T x) { return std::log1p(x); });
    case Op::log2:
      return unary<T, T>([](T x) { return std::log2(x); });
    case Op::round:
      return unary<T, T>([](T x) { return std::nearbyint(x); });
    case Op::sigmoid:
      return unary<T, T>([](T x) { return 1 / (1 + std::exp(-x)); });
    case Op::arctan2:
      return binary<T, T>([](T x, T y) { return std::atan2(x, y); });
    case Op::floor_divide:
      return binary<T, T>([](T x, T y) { return std::floor(x / y); });
    case Op::logaddexp:
      return binary<T, T>([](T x, T y) { return logaddexp(x, y); });
    case Op::logaddexp2:
      return binary<T, T>([](T x, T y) { return logaddexp2(x, y); });
    case Op::remainder:
      return binary<T, T>([](T x, T y) { return remainder(x, y); });
    default:
      return of_floats<T>(op);
  }
}

bool is_nan(Complex x) {
  return std::isnan(x.real()) || std::isnan(x.imag());
}

// Complex numbers are ordered lexicographically: by real part, then by imaginary part.
bool greater(Complex x, Complex y) {
  return x.real() > y.real() || (x.real() == y.real() && x.imag() > y.imag());
}

Complex maximum(Complex x, Complex y) {
  return is_nan(x) || greater(x, y) ? x : y;
}

Complex minimum(Complex x, Complex y) {
  return is_nan(x) || greater(y, x) ? x : y;
}

// log |1 + x| without cancellation near 0.
Complex log1p(Complex x) {
  const float a = x.real(), b = x.imag();
  const float square = a * (2 + a) + b * b;
  const float real = std::abs(x) < 0.5f ? (square == 0 ? a : std::log1p(square) / 2)
                                        : std::log(std::hypot(1 + a, b));
  return {real, std::atan2(b, 1 + a)};
}

// Of a number with one infinite part, the direction is that part's; of NaN there is none.
Complex sign(Complex x) {
  if (x == Complex(0)) {
    return 0;
  }
  if (std::isnan(x.real()) || std::isnan(x.imag())) {
    return {NAN, NAN};
  }
  const bool across = std::isinf(x.real()), along = std::isinf(x.imag());
  if (across != along) {
    return across ? Complex(std::copysign(1.0f, x.real()))
                  : Complex(0, std::copysign(1.0f, x.imag()));
  }
  return x / std::abs(x);
}

// e^x - 1 without cancellation near 0. For infinities and NaN, it is what e^x says it is.
Complex expm1(Complex x) {
  const double a = x.real(), b = x.imag();
  if (!std::isfinite(a) || !std::isfinite(b)) {
    return b == 0 ? Complex(std::expm1(x.real()), x.imag()) : std::exp(x) - 1.0f;
  }
  const double half = std::sin(b / 2);
  const double real = std::expm1(a) * std::cos(b) - 2 * half * half;
  return {
      static_cast<float>(real), b == 0 ? x.imag() : static_cast<float>(std::exp(a) * std::sin(b))};
}

Complex logaddexp(Complex x, Complex y) {
  const Complex high = maximum(x, y), low = minimum(x, y);
  const float infinity = std::numeric_limits<float>::infinity();
  if (low == -infinity || high == infinity) {
    return high;
  }
  return high + log1p(std::exp(low - high));
}

Elementwise of_complex(Op op) {
  using T = Complex;
  switch (op) {
    case Op::abs:
      return unary<T, T>([](T x) { return T(std::abs(x)); });
    case Op::real:
      return unary<float, T>([](T x) { return x.real(); });
    case Op::imag:
      return unary<float, T>([](T x) { return x.imag(); });
    case Op::logical_not:
      return unary<bool, T>([](T x) { return x == T(0); });
    case Op::conjugate:
      return unary<T, T>([](T x) { return std::conj(x); });
    case Op::log1p:
      return unary<T, T>([](T x) { return log1p(x); });
    case Op::log2:
      return unary<T, T>([](T x) { return std::log(x) / 0.693147181f; });
    case Op::logaddexp:
      return binary<T, T>([](T x, T y) { return logaddexp(x, y); });
    case Op::negative:
      return unary<T, T>([](T x) { return -x; });
    case Op::round:
      return unary<T, T>([](T x) { return T(std::nearbyint(x.real()), std::nearbyint(x.imag())); });
    case Op::rsqrt:
      return unary<T, T>([](T x) { return 1.0f / std::sqrt(x); });
    case Op::sign:
      return unary<T, T>([](T x) { return sign(x); });
    case Op::complex_expm1:
      return unary<T, T>([](T x) { return expm1(x); });
    case Op::sqrt:
      return unary<T, T>([](T x) { return std::sqrt(x); });
    case Op::square:
      return unary<T, T>([](T x) { return x * x; });
    case Op::add:
      return binary<T, T>([](T x, T y) { return x + y; });
    case Op::divide:
    case Op::floor_divide:
      return binary<T, T>([](T x, T y) { return x / y; });
    case Op::maximum:
      return binary<T, T>([](T x, T y) { return maximum(x, y); });
    case Op::minimum:
      return binary<T, T>([](T x, T y) { return minimum(x, y); });
    case Op::multiply:
      return binary<T, T>([](T x, T y) { return x * y; });
    case Op::subtract:
      return binary<T, T>([](T x, T y) { return x - y; });
    case Op::equal:
      return binary<bool, T>([](T x, T y) { return x == y; });
    case Op::nan_equal:
      return binary<bool, T>([](T x, T y) { return x == y || (is_nan(x) && is_nan(y)); });
    case Op::not_equal:
      return binary<bool, T>([](T x, T y) { return x != y; });
    case Op::greater:
      return binary<bool, T>([](T x, T y) { return greater(x, y); });
    case Op::greater_equal:
      return binary<bool, T>([](T x, T y) { return greater(x, y) || x == y; });
    case Op::less:
      return binary<bool, T>([](T x, T y) { return greater(y, x); });
    case Op::less_equal:
      return binary<bool, T>([](T x, T y) { return greater(y, x) || x == y; });
    case Op::select: {
      auto choose = [](bool condition, T x, T y) { return condition ? x : y; };
      return loop<decltype(choose), T, bool, T, T>;
    }
    default:
      return of_floats<T>(op);
  }
}

// Casting a complex number keeps the real part.
Elementwise conversion(mx::Dtype from, mx::Dtype to) {
  if (from == mx::complex64 && to == mx::bool_) {
    return unary<bool, Complex>([](Complex x) { return x != 0.0f; });
  }
  if (from == mx::complex64 && to == mx::float32) {
    return unary<float, Complex>([](Complex x) { return x.real(); });
  }
  if (to != mx::complex64) {
    return nullptr;
  }
  switch (from) {
    case mx::bool_:
      return unary<Complex, bool>([](bool x) { return Complex(x); });
    case mx::int32:
      return unary<Complex, std::int32_t>([](std::int32_t x) { return Complex(x); });
    case mx::int64:
      return unary<Complex, std::int64_t>([](std::int64_t x) { return Complex(x); });
    case mx::float32:
      return unary<Complex, float>([](float x) { return Complex(x); });
    case mx::float64:
      return unary<Complex, double>([](double x) { return Complex(x); });
    default:
      return nullptr;
  }
}

}  // namespace

Elementwise scalar_elementwise(Op op, mx::Dtype operands, mx::Dtype result) {
  if (op == Op::cast) {
    return conversion(operands, result);
  }
  switch (operands) {
    case mx::uint8:
      return of_integers<std::uint8_t>(op);
    case mx::uint16:
      return of_integers<std::uint16_t>(op);
    case mx::uint32:
      return of_integers<std::uint32_t>(op);
    case mx::uint64:
      return of_integers<std::uint64_t>(op);
    case mx::int8:
      return of_integers<std::int8_t>(op);
    case mx::int16:
      return of_integers<std::int16_t>(op);
    case mx::int32:
      return of_integers<std::int32_t>(op);
    case mx::int64:
      return of_integers<std::int64_t>(op);
    case mx::float64:
      return of_doubles(op);
    case mx::complex64:
      return of_complex(op);
    default:
      return nullptr;
  }
}

}  // namespace mlx_c::cpu

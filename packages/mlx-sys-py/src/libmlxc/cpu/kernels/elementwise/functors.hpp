// What the operations do to vectors of elements.
#pragma once

#include "cpu/kernels/math/error_function.hpp"
#include "cpu/kernels/math/inverse.hpp"
#include "cpu/kernels/simd/elements.hpp"

namespace {

#define MLX_C_UNARY(name, expression) \
  struct name {                       \
    template <class V>                \
    V operator()(V x) const {         \
      return expression;              \
    }                                 \
  };
#define MLX_C_BINARY(name, expression) \
  struct name {                        \
    template <class V>                 \
    V operator()(V x, V y) const {     \
      return expression;               \
    }                                  \
  };
#define MLX_C_COMPARISON(name, expression)      \
  struct name {                                 \
    template <class V>                          \
    auto operator()(V x, V y) const {           \
      return to_bools<lanes_in<V>>(expression); \
    }                                           \
  };

MLX_C_UNARY(Arccos, arccosine(x))
MLX_C_UNARY(Arccosh, hyperbolic_arccosine(x))
MLX_C_UNARY(Arcsin, arcsine(x))
MLX_C_UNARY(Arcsinh, hyperbolic_arcsine(x))
MLX_C_UNARY(Arctan, arctangent(x))
MLX_C_UNARY(Arctanh, hyperbolic_arctangent(x))
MLX_C_UNARY(BitwiseInvert, ~x)
MLX_C_UNARY(Ceil, round_up(x))
MLX_C_UNARY(Cos, circular<false>(x))
MLX_C_UNARY(Cosh, hyperbolic_cosine(x))
MLX_C_UNARY(Erf, error_function(x))
MLX_C_UNARY(Erfinv, inverse_error_function(x))
MLX_C_UNARY(Exp, exponential(x))
MLX_C_UNARY(Expm1, exponential_minus_one(x))
MLX_C_UNARY(Floor, round_down(x))
MLX_C_UNARY(Log, logarithm(x))
MLX_C_UNARY(Log10, logarithm10(x))
MLX_C_UNARY(Log1p, logarithm_plus_one(x))
MLX_C_UNARY(Log2, logarithm2(x))
MLX_C_UNARY(LogicalNot, x ^ 1)
MLX_C_UNARY(Negative, -x)
MLX_C_UNARY(Round, nearest(x))
MLX_C_UNARY(Rsqrt, 1 / square_root(x))
MLX_C_UNARY(Sigmoid, logistic(x))
MLX_C_UNARY(Sign, x > 0 ? V{} + 1 : (x < 0 ? V{} - 1 : V{}))
MLX_C_UNARY(Sin, circular<true>(x))
MLX_C_UNARY(Sinh, hyperbolic_sine(x))
MLX_C_UNARY(Sqrt, square_root(x))
MLX_C_UNARY(Square, x* x)
MLX_C_UNARY(Tan, tangent(x))
MLX_C_UNARY(Tanh, hyperbolic_tangent(x))

MLX_C_BINARY(Add, x + y)
MLX_C_BINARY(Arctan2, arctangent(x, y))
MLX_C_BINARY(BitwiseAnd, x& y)
MLX_C_BINARY(BitwiseOr, x | y)
MLX_C_BINARY(BitwiseXor, x ^ y)
MLX_C_BINARY(Divide, x / y)
MLX_C_BINARY(FloorDivide, round_down(x / y))
MLX_C_BINARY(Multiply, x* y)
MLX_C_BINARY(Power, power_of(x, y))
MLX_C_BINARY(Remainder, remainder_of(x, y))
MLX_C_BINARY(Subtract, x - y)
MLX_C_BINARY(Maximum, max_or_nan(x, y))
MLX_C_BINARY(Minimum, min_or_nan(x, y))

MLX_C_COMPARISON(Equal, x == y)
MLX_C_COMPARISON(NanEqual, (x == y) | ((x != x) & (y != y)))
MLX_C_COMPARISON(NotEqual, x != y)
MLX_C_COMPARISON(Greater, x > y)
MLX_C_COMPARISON(GreaterEqual, x >= y)
MLX_C_COMPARISON(Less, x < y)
MLX_C_COMPARISON(LessEqual, x <= y)

#undef MLX_C_UNARY
#undef MLX_C_BINARY
#undef MLX_C_COMPARISON

struct Abs {
  template <class V>
  V operator()(V x) const {
    if constexpr (std::is_same_v<V, vfloat>) {
      return magnitude(x);
    }
    if constexpr (std::is_same_v<V, vdouble>) {
      return (V)((vlong)x & 0x7fffffffffffffff);
    }
    return x < 0 ? -x : x;
  }
};

// By as many bits as there are, or more, or less than none, nothing remains but the sign.
template <bool left>
struct Shift {
  template <class V>
  V operator()(V x, V y) const {
    constexpr int bits = 8 * (int)sizeof x[0];
    const V few = y & (bits - 1);
    const auto in_range = few == y;
    if constexpr (left) {
      return in_range ? x << few : V{};
    }
    return x >> (in_range ? few : V{} + (bits - 1)) & (V)(in_range | (x < 0));
  }
};

struct LogAddExp {
  vfloat operator()(vfloat x, vfloat y) const {
    const vfloat high = Maximum{}(x, y), low = Minimum{}(x, y);
    const vfloat sum = high + logarithm_plus_one(exponential(low - high));
    return (low == -infinity) | (high == infinity) ? high : sum;
  }
};

struct Select {
  template <class Condition, class V>
  V operator()(Condition condition, V x, V y) const {
    using Mask = Vec<IntegerLike<decltype(x[0] + 0 ? x[0] : x[0])>, lanes_in<V>>;
    return widen_bytes<Mask>(condition) != 0 ? x : y;
  }
};

// Out of range, and for NaN, integers become what MLX makes of them: the low bits of the conversion
// to 32 bits, or to 64 for types that those do not suffice for.
template <class From, class To>
struct Cast {
  template <class V>
  auto operator()(V x) const {
    constexpr int n = lanes_in<V>;
    using Result = Vec<Computed<To>, n>;
    if constexpr (std::is_same_v<From, To>) {
      return x;
    } else if constexpr (std::is_same_v<To, Bool>) {
      return to_bools<n>(x != 0);
    } else if constexpr (sizeof(From) == 1 && sizeof(Computed<To>) > 1) {
      using Whole = Vec<IntegerLike<Computed<To>>, n>;
      return __builtin_convertvector(widen_bytes<Whole>(x), Result);
    } else if constexpr (!is_float<From> || is_float<To>) {
      return __builtin_convertvector(x, Result);
    } else if constexpr (std::is_same_v<To, std::uint64_t>) {
      const V limit = (decltype(x[0] + x[0]))0x1p63f - V{};
      using Long = Vec<std::int64_t, n>;
      const auto low = __builtin_convertvector(x, Long);
      const auto high = __builtin_convertvector(x - limit, Long) ^ ((std::int64_t)1 << 63);
      const auto above = __builtin_convertvector(x >= limit, Long);
      return (Result)(above ? high : low);
    } else if constexpr (sizeof(To) == 8 || std::is_same_v<To, std::uint32_t>) {
      return __builtin_convertvector(__builtin_convertvector(x, Vec<std::int64_t, n>), Result);
    } else {
      return __builtin_convertvector(__builtin_convertvector(x, Vec<std::int32_t, n>), Result);
    }
  }
};

}  // namespace

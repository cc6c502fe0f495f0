// What the operations compute of vectors of elements, for the types that they take.
//
// A row gives Function<op, c>, for each class c of types, what it computes.
#pragma once

#include "cpu/kernels/elementwise/ops.hpp"
#include "cpu/kernels/math/doubles.hpp"
#include "cpu/kernels/math/error_function.hpp"
#include "cpu/kernels/math/inverse.hpp"
#include "cpu/kernels/math/special/bessel.hpp"
#include "cpu/kernels/math/special/error.hpp"
#include "cpu/kernels/math/special/gamma.hpp"
#include "cpu/kernels/math/special/incomplete.hpp"
#include "cpu/kernels/math/special/logarithms.hpp"
#include "cpu/kernels/math/special/zeta.hpp"
#include "cpu/kernels/simd/elements.hpp"

namespace {

using mlx_c::cpu::Op;

// Classes of types, to be combined; floats are what is computed with as float.
constexpr int bools = 1, integers = 2, floats = 4, doubles = 8;
constexpr int inexact = floats | doubles, numbers = integers | inexact, all_types = numbers | bools;

template <class T>
constexpr int class_of = std::is_same_v<T, Bool> ? bools
    : std::is_same_v<T, double>                  ? doubles
    : is_float<T>                                ? floats
                                                 : integers;

// The base of the functions, and all that there is for types that an operation does not take.
template <Op op, int types>
struct Function {};

struct Unary {
  template <class T>
  using Signature = T(T);
};
struct Binary {
  template <class T>
  using Signature = T(T, T);
};
struct Ternary {
  template <class T>
  using Signature = T(T, T, T);
};
struct Predicate {
  template <class T>
  using Signature = Bool(T);
};
struct Comparison {
  template <class T>
  using Signature = Bool(T, T);
};
struct Selection {
  template <class T>
  using Signature = T(Bool, T, T);
};

#define MLX_C_FUNCTION(name, types, kind) \
  template <int type>                     \
    requires((type & (types)) != 0)       \
  struct Function<Op::name, type> : kind

#define MLX_C_UNARY(name, types, expression)                                             \
  MLX_C_FUNCTION(                                                                        \
      name, types, Unary){template <class V> V operator()(V x) const {return expression; \
  }                                                                                      \
  }                                                                                      \
  ;
#define MLX_C_BINARY(name, types, expression)                                                  \
  MLX_C_FUNCTION(                                                                              \
      name, types, Binary){template <class V> V operator()(V x, V y) const {return expression; \
  }                                                                                            \
  }                                                                                            \
  ;
#define MLX_C_COMPARISON(name, types, expression)                                              \
  MLX_C_FUNCTION(name, types, Comparison){template <class V> auto operator()(V x, V y)         \
                                              const {return to_bools<lanes_in<V>>(expression); \
  }                                                                                            \
  }                                                                                            \
  ;

// Shifting by as many bits as there are or more, or by a negative number, leaves only the sign.
template <bool left, class V>
inline V shift(V x, V y) {
  constexpr int bits = 8 * (int)sizeof x[0];
  const V few = y & (bits - 1);
  const auto in_range = few == y;
  if constexpr (left) {
    return in_range ? x << few : V{};
  }
  return x >> (in_range ? few : V{} + (bits - 1)) & (V)(in_range | (x < 0));
}

inline vfloat log_add_exp(vfloat x, vfloat y) {
  const vfloat high = max_or_nan(x, y), low = min_or_nan(x, y);
  const vfloat sum = high + logarithm_plus_one(exponential(low - high));
  return (low == -infinity) | (high == infinity) ? high : sum;
}

inline vfloat log_add_exp2(vfloat x, vfloat y) {
  const vfloat high = max_or_nan(x, y), low = min_or_nan(x, y);
  const vfloat sum = high + logarithm_plus_one(power_of_two_to(low - high)) * 1.44269504f;
  return (low == -infinity) | (high == infinity) ? high : sum;
}

MLX_C_UNARY(abs, integers, x < 0 ? -x : x)
MLX_C_UNARY(abs, inexact, magnitude(x))
MLX_C_UNARY(arccos, floats, arccosine(x))
MLX_C_UNARY(arccosh, floats, hyperbolic_arccosine(x))
MLX_C_UNARY(arcsin, floats, arcsine(x))
MLX_C_UNARY(arcsinh, floats, hyperbolic_arcsine(x))
MLX_C_UNARY(arctan, floats, arctangent(x))
MLX_C_UNARY(arctanh, floats, hyperbolic_arctangent(x))
MLX_C_UNARY(bitwise_invert, integers, ~x)
MLX_C_UNARY(ceil, floats, round_up(x))
MLX_C_UNARY(cos, floats, circular<false>(x))
MLX_C_UNARY(cosh, floats, hyperbolic_cosine(x))
MLX_C_UNARY(erf, floats, error_function(x))
MLX_C_UNARY(erfinv, floats, inverse_error_function(x))
MLX_C_UNARY(exp, floats, exponential(x))
MLX_C_UNARY(expm1, floats, exponential_minus_one(x))
MLX_C_UNARY(floor, floats, round_down(x))
MLX_C_UNARY(log, floats, logarithm(x))
MLX_C_UNARY(log10, floats, logarithm10(x))
MLX_C_UNARY(log1p, floats, logarithm_plus_one(x))
MLX_C_UNARY(log2, floats, logarithm2(x))
MLX_C_UNARY(logical_not, bools, x ^ 1)
MLX_C_UNARY(negative, numbers, -x)
MLX_C_UNARY(round, floats, nearest(x))
MLX_C_UNARY(rsqrt, inexact, 1 / square_root(x))
MLX_C_UNARY(sigmoid, floats, logistic(x))
MLX_C_UNARY(sign, integers, x > 0 ? V{} + 1 : (x < 0 ? V{} - 1 : V{}))
MLX_C_UNARY(sign, inexact, x > 0 ? V{} + 1 : (x < 0 ? V{} - 1 : (x == 0 ? V{} : x)))
MLX_C_UNARY(sin, floats, circular<true>(x))
MLX_C_UNARY(sinh, floats, hyperbolic_sine(x))
MLX_C_UNARY(sqrt, inexact, square_root(x))
MLX_C_UNARY(square, numbers, (x * x))
MLX_C_UNARY(tan, floats, tangent(x))
MLX_C_UNARY(tanh, floats, hyperbolic_tangent(x))

MLX_C_BINARY(add, bools, x | y)
MLX_C_BINARY(add, numbers, x + y)
MLX_C_BINARY(arctan2, floats, arctangent(x, y))
MLX_C_BINARY(bitwise_and, integers | bools, (x & y))
MLX_C_BINARY(bitwise_or, integers | bools, x | y)
MLX_C_BINARY(bitwise_xor, integers | bools, x ^ y)
MLX_C_BINARY(divide, inexact, x / y)
MLX_C_BINARY(floor_divide, floats, round_down(x / y))
MLX_C_BINARY(left_shift, integers, shift<true>(x, y))
MLX_C_BINARY(logaddexp, floats, log_add_exp(x, y))
MLX_C_BINARY(logaddexp2, floats, log_add_exp2(x, y))
MLX_C_BINARY(logical_and, bools, (x & y))
MLX_C_BINARY(logical_or, bools, x | y)
MLX_C_BINARY(maximum, bools, x | y)
MLX_C_BINARY(maximum, numbers, max_or_nan(x, y))
MLX_C_BINARY(minimum, bools, (x & y))
MLX_C_BINARY(minimum, numbers, min_or_nan(x, y))
MLX_C_BINARY(multiply, bools, (x & y))
MLX_C_BINARY(multiply, numbers, (x * y))
MLX_C_BINARY(power, floats, power_of(x, y))
MLX_C_BINARY(remainder, floats, remainder_of(x, y))
MLX_C_BINARY(right_shift, integers, shift<false>(x, y))
MLX_C_BINARY(subtract, numbers, x - y)

MLX_C_COMPARISON(equal, all_types, x == y)
MLX_C_COMPARISON(greater, all_types, x > y)
MLX_C_COMPARISON(greater_equal, all_types, x >= y)
MLX_C_COMPARISON(less, all_types, x < y)
MLX_C_COMPARISON(less_equal, all_types, x <= y)
MLX_C_COMPARISON(nan_equal, all_types, (x == y) | ((x != x) & (y != y)))
MLX_C_COMPARISON(not_equal, all_types, x != y)

// A template of vectors of doubles, of which floats are made as well. Not inlined: it is long, and
// there are loops for each type.
#define MLX_C_SPECIAL_OF(name, types, kind, function)                                            \
  MLX_C_FUNCTION(                                                                                \
      name, types, kind){template <class... V>                                                   \
                         [[gnu::noinline]] static vdouble compute(V... x){return function(x...); \
  }                                                                                              \
  template <class V, class... More>                                                              \
  V operator()(V x, More... others) const {                                                      \
    return in_doubles([](auto... values) { return compute(values...); }, x, others...);          \
  }                                                                                              \
  }                                                                                              \
  ;
#define MLX_C_SPECIAL(name, kind, function) MLX_C_SPECIAL_OF(name, inexact, kind, function)

MLX_C_SPECIAL(bessel_i0, Unary, bessel_i0)
MLX_C_SPECIAL(bessel_i0e, Unary, bessel_i0e)
MLX_C_SPECIAL(bessel_i1, Unary, bessel_i1)
MLX_C_SPECIAL(bessel_i1e, Unary, bessel_i1e)
MLX_C_SPECIAL(beta, Binary, beta_function)
MLX_C_SPECIAL(betainc, Ternary, incomplete_beta)
MLX_C_SPECIAL(betaln, Binary, log_beta)
MLX_C_SPECIAL(cbrt, Unary, cube_root)
MLX_C_SPECIAL(digamma, Unary, digamma)
MLX_C_SPECIAL(entr, Unary, entropy)
MLX_C_SPECIAL(erfc, Unary, complementary_error)
MLX_C_SPECIAL(erfcx, Unary, scaled_complementary_error)
MLX_C_SPECIAL(gamma, Unary, gamma_function)
MLX_C_SPECIAL(gammainc, Binary, incomplete_gamma<false>)
MLX_C_SPECIAL(gammaincc, Binary, incomplete_gamma<true>)
MLX_C_SPECIAL(kl_div, Binary, kullback_leibler)
MLX_C_SPECIAL(lgamma, Unary, log_gamma)
MLX_C_SPECIAL(log_ndtr, Unary, log_normal_below)
MLX_C_SPECIAL(ndtr, Unary, normal_below)
MLX_C_SPECIAL_OF(ndtri, doubles, Unary, normal_quantile<2>)
MLX_C_SPECIAL_OF(ndtri, floats, Unary, normal_quantile<1>)
MLX_C_SPECIAL(polygamma, Binary, higher_polygamma)
MLX_C_SPECIAL(rel_entr, Binary, relative_entropy)
MLX_C_SPECIAL(trigamma, Unary, trigamma)
MLX_C_SPECIAL(xlog1py, Binary, x_log_1_plus_y)
MLX_C_SPECIAL(xlogy, Binary, x_log_y)
MLX_C_SPECIAL(zeta, Binary, zeta_function)

MLX_C_UNARY(exp2, inexact, power_of_two_to(x))

MLX_C_BINARY(copysign, inexact, with_sign(magnitude(x), y))
MLX_C_BINARY(fmax, bools, x | y)
MLX_C_BINARY(fmax, integers, max(x, y))
MLX_C_BINARY(fmax, inexact, y == y ? max(x, y) : x)
MLX_C_BINARY(fmin, bools, (x & y))
MLX_C_BINARY(fmin, integers, min(x, y))
MLX_C_BINARY(fmin, inexact, y == y ? min(x, y) : x)
MLX_C_BINARY(hypot, inexact, hypotenuse(x, y))

MLX_C_FUNCTION(signbit, inexact, Predicate){template <class V> auto operator()(V x) const {
    using Bits = Vec<IntegerLike<std::remove_reference_t<decltype(x[0])>>, lanes_in<V>>;
return to_bools<lanes_in<V>>((Bits)x < 0);
}  // namespace
}
;

MLX_C_FUNCTION(select, all_types, Selection){
    template <class Condition, class V> V operator()(Condition condition, V x, V y)
        const {using Mask = Vec<IntegerLike<decltype(x[0] + 0 ? x[0] : x[0])>, lanes_in<V>>;
return widen_bytes<Mask>(condition) != 0 ? x : y;
}  // namespace
}
;

#undef MLX_C_FUNCTION
#undef MLX_C_UNARY
#undef MLX_C_BINARY
#undef MLX_C_COMPARISON
#undef MLX_C_SPECIAL
#undef MLX_C_SPECIAL_OF

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

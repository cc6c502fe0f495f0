#include "core/special_functions.hpp"

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include <mlx/ops.h>

#include "core/elementwise_function.hpp"
#include "core/graph_numbers.hpp"
#include "core/known_value.hpp"
#include "cpu/kernels/math/special/bessel.hpp"
#include "cpu/kernels/math/special/error.hpp"
#include "cpu/kernels/math/special/gamma.hpp"
#include "cpu/kernels/math/special/logarithms.hpp"
#include "cpu/kernels/math/special/zeta.hpp"

namespace mlx_c {

namespace {

namespace mx = mlx::core;
using Arrays = std::vector<mx::array>;

constexpr double two_over_root_pi = 1.12837916709551257;

#define MLX_C_DERIVATIVE                  \
  []([[maybe_unused]] const Arrays& x,    \
     [[maybe_unused]] const mx::array& y, \
     [[maybe_unused]] int argnum,         \
     mx::StreamOrDevice s)                \
      ->mx::array
#define MLX_C_UNARY_DEFINITION(function)                   \
  [](const Arrays& x, mx::StreamOrDevice s) {              \
    return ::function(Node{x[0], mx::to_stream(s)}).value; \
  }
#define MLX_C_BINARY_DEFINITION(function)                            \
  [](const Arrays& x, mx::StreamOrDevice s) {                        \
    const mx::Stream stream = mx::to_stream(s);                      \
    return ::function(Node{x[0], stream}, Node{x[1], stream}).value; \
  }

[[noreturn]] void no_derivative(const char* function, const char* argument) {
  throw std::invalid_argument(
      "[" + std::string(function) + "] has no derivative with respect to " + argument);
}

// Their derivatives have to do with themselves or each other.
extern const ElementwiseFunction zeta_of, polygamma_of, i0_of, i0e_of;

const ElementwiseFunction zeta_of{
    "zeta",
    "Zeta",
    MLX_C_BINARY_DEFINITION(zeta_function),
    MLX_C_DERIVATIVE{if (argnum == 0){no_derivative("zeta", "x");
}  // namespace
const Node order{x[0], mx::to_stream(s)};
return (-order * Node{apply(zeta_of, {(order + 1).value, x[1]}, s), order.stream}).value;
}  // namespace mlx_c
}
;

const ElementwiseFunction trigamma_of{
    "polygamma",
    "Trigamma",
    MLX_C_UNARY_DEFINITION(trigamma),
    MLX_C_DERIVATIVE{const auto order = mx::full_like(x[0], mx::array(3, x[0].dtype()), s);
return (Node{apply(zeta_of, {order, x[0]}, s), mx::to_stream(s)} * -2).value;
}
}
;

const ElementwiseFunction digamma_of{
    "digamma",
    "Digamma",
    MLX_C_UNARY_DEFINITION(digamma),
    MLX_C_DERIVATIVE{return apply(trigamma_of, x, s);
}
}
;

const ElementwiseFunction log_gamma_of{
    "gammaln",
    "LogGamma",
    MLX_C_UNARY_DEFINITION(log_gamma),
    MLX_C_DERIVATIVE{return apply(digamma_of, x, s);
}
}
;

const ElementwiseFunction gamma_of{
    "gamma",
    "Gamma",
    MLX_C_UNARY_DEFINITION(gamma_function),
    MLX_C_DERIVATIVE{return mx::multiply(y, apply(digamma_of, x, s), s);
}
}
;

mx::array log_beta_derivative(const Arrays& x, int argnum, mx::StreamOrDevice s) {
  return mx::subtract(
      apply(digamma_of, {x[argnum]}, s), apply(digamma_of, {mx::add(x[0], x[1], s)}, s), s);
}

const ElementwiseFunction log_beta_of{
    "betaln",
    "LogBeta",
    MLX_C_BINARY_DEFINITION(log_beta),
    MLX_C_DERIVATIVE{return log_beta_derivative(x, argnum, s);
}
}
;

const ElementwiseFunction beta_of{
    "beta",
    "Beta",
    MLX_C_BINARY_DEFINITION(beta_function),
    MLX_C_DERIVATIVE{return mx::multiply(y, log_beta_derivative(x, argnum, s), s);
}
}
;

const ElementwiseFunction erfc_of{
    "erfc",
    "ErfC",
    MLX_C_UNARY_DEFINITION(complementary_error),
    MLX_C_DERIVATIVE{return (bell(Node{x[0], mx::to_stream(s)}) * -two_over_root_pi).value;
}
}
;

const ElementwiseFunction erfcx_of{
    "erfcx",
    "ErfCX",
    MLX_C_UNARY_DEFINITION(scaled_complementary_error),
    MLX_C_DERIVATIVE{const Node v{x[0], mx::to_stream(s)};
return (v * Node{y, v.stream} * 2 - two_over_root_pi).value;
}
}
;

const ElementwiseFunction ndtr_of{
    "ndtr",
    "NormalBelow",
    MLX_C_UNARY_DEFINITION(normal_below),
    MLX_C_DERIVATIVE{
        return (bell(Node{x[0], mx::to_stream(s)} * half_root) * (1 / root_two_pi)).value;
}
}
;

const ElementwiseFunction log_ndtr_of{
    "log_ndtr",
    "LogNormalBelow",
    MLX_C_UNARY_DEFINITION(log_normal_below),
    MLX_C_DERIVATIVE{
        // The density over the probability, which for negative numbers is one over Mills' ratio.
        const Node v{x[0], mx::to_stream(s)};
const Node left = choose(v < 0, v, constant(v, 0)), right = choose(v < 0, constant(v, 0), v);
const Node ratio{apply(erfcx_of, {(left * -half_root).value}, s), v.stream};
const Node density = exponential(right * right * -0.5 - Node{y, v.stream});
return choose(v < 0, 2 / (ratio * root_two_pi), density * (1 / root_two_pi)).value;
}
}
;

const ElementwiseFunction ndtri_of{
    "ndtri",
    "NormalQuantile",
    MLX_C_UNARY_DEFINITION(normal_quantile<1>),
    MLX_C_DERIVATIVE{const Node v{y, mx::to_stream(s)};
return (exponential(v * v * 0.5) * root_two_pi).value;
}
}
;

// I_0 - I_1 / x, whose limit at 0 is 1/2.
Node bessel_derivative(const Node& x, const Node& i0, const Node& i1) {
  const auto is_zero = x == 0;
  return choose(is_zero, constant(x, 0.5), i0 - i1 / choose(is_zero, constant(x, 1), x));
}

const ElementwiseFunction i1_of{
    "i1",
    "BesselI1",
    MLX_C_UNARY_DEFINITION(bessel_i1),
    MLX_C_DERIVATIVE{const Node v{x[0], mx::to_stream(s)};
return bessel_derivative(v, {apply(i0_of, x, s), v.stream}, {y, v.stream}).value;
}
}
;

const ElementwiseFunction i1e_of{
    "i1e",
    "BesselI1e",
    MLX_C_UNARY_DEFINITION(bessel_i1e),
    MLX_C_DERIVATIVE{const Node v{x[0], mx::to_stream(s)}, i1e{y, v.stream};
const Node sign{mx::sign(x[0], s), v.stream};
return (bessel_derivative(v, {apply(i0e_of, x, s), v.stream}, i1e) - sign * i1e).value;
}
}
;

const ElementwiseFunction i0_of{
    "i0", "BesselI0", MLX_C_UNARY_DEFINITION(bessel_i0), MLX_C_DERIVATIVE{return apply(i1_of, x, s);
}
}
;

const ElementwiseFunction i0e_of{
    "i0e",
    "BesselI0e",
    MLX_C_UNARY_DEFINITION(bessel_i0e),
    MLX_C_DERIVATIVE{const Node sign{mx::sign(x[0], s), mx::to_stream(s)};
return (Node{apply(i1e_of, x, s), sign.stream} - sign * Node{y, sign.stream}).value;
}
}
;

const ElementwiseFunction xlogy_of{
    "xlogy",
    "XLogY",
    MLX_C_BINARY_DEFINITION(x_log_y),
    MLX_C_DERIVATIVE{const Node a{x[0], mx::to_stream(s)}, b{x[1], a.stream};
return argnum == 0 ? logarithm(b).value : choose(a == 0, constant(a, 0), a / b).value;
}
}
;

const ElementwiseFunction xlog1py_of{
    "xlog1py",
    "XLog1PY",
    MLX_C_BINARY_DEFINITION(x_log_1_plus_y),
    MLX_C_DERIVATIVE{const Node a{x[0], mx::to_stream(s)}, b{x[1], a.stream};
return argnum == 0 ? mx::log1p(x[1], s) : choose(a == 0, constant(a, 0), a / (b + 1)).value;
}
}
;

const ElementwiseFunction entropy_of{
    "entr",
    "Entropy",
    MLX_C_UNARY_DEFINITION(entropy),
    MLX_C_DERIVATIVE{return (-logarithm(Node{x[0], mx::to_stream(s)}) - 1).value;
}
}
;

const ElementwiseFunction relative_entropy_of{
    "rel_entr",
    "RelativeEntropy",
    MLX_C_BINARY_DEFINITION(relative_entropy),
    MLX_C_DERIVATIVE{const Node a{x[0], mx::to_stream(s)}, b{x[1], a.stream};
return argnum == 0 ? (log_ratio(a, b) + 1).value : (-(a / b)).value;
}
}
;

const ElementwiseFunction kullback_leibler_of{
    "kl_div",
    "KullbackLeibler",
    MLX_C_BINARY_DEFINITION(kullback_leibler),
    MLX_C_DERIVATIVE{const Node a{x[0], mx::to_stream(s)}, b{x[1], a.stream};
return argnum == 0 ? log_ratio(a, b).value : (1 - a / b).value;
}
}
;

const ElementwiseFunction polygamma_of{
    "polygamma",
    "Polygamma",
    MLX_C_BINARY_DEFINITION(higher_polygamma),
    MLX_C_DERIVATIVE{if (argnum == 0){no_derivative("polygamma", "n");
}
return apply(polygamma_of, {mx::add(x[0], mx::array(1, x[0].dtype()), s), x[1]}, s);
}
}
;

// The density of the gamma distribution.
mx::array incomplete_gamma_derivative(
    const char* name, const Arrays& x, int argnum, mx::StreamOrDevice s) {
  if (argnum == 0) {
    no_derivative(name, "a");
  }
  const auto power = apply(xlogy_of, {mx::subtract(x[0], mx::array(1, x[0].dtype()), s), x[1]}, s);
  return mx::exp(mx::subtract(mx::subtract(power, x[1], s), apply(log_gamma_of, {x[0]}, s), s), s);
}

const ElementwiseFunction gammainc_of{
    "gammainc",
    "GammaInc",
    nullptr,
    MLX_C_DERIVATIVE{return incomplete_gamma_derivative("gammainc", x, argnum, s);
}
}
;

const ElementwiseFunction gammaincc_of{
    "gammaincc",
    "GammaIncC",
    nullptr,
    MLX_C_DERIVATIVE{return mx::negative(incomplete_gamma_derivative("gammaincc", x, argnum, s), s);
}
}
;

const ElementwiseFunction betainc_of{
    "betainc",
    "BetaInc",
    nullptr,
    MLX_C_DERIVATIVE{if (argnum != 2){no_derivative("betainc", argnum == 0 ? "a" : "b");
}
const auto minus_one = [&](const mx::array& a) {
  return mx::subtract(a, mx::array(1, a.dtype()), s);
};
const auto logs = mx::add(
    apply(xlogy_of, {minus_one(x[0]), x[2]}, s),
    apply(xlog1py_of, {minus_one(x[1]), mx::negative(x[2], s)}, s),
    s);
return mx::exp(mx::subtract(logs, apply(log_beta_of, {x[0], x[1]}, s), s), s);
}
}
;

#undef MLX_C_DERIVATIVE
#undef MLX_C_UNARY_DEFINITION
#undef MLX_C_BINARY_DEFINITION

mx::array call(const ElementwiseFunction& function, const Arrays& x, mx::StreamOrDevice s) {
  return apply(function, floating_operands(function.name, x, s), s);
}

}  // namespace

namespace special {

mx::array digamma(const mx::array& x, mx::StreamOrDevice s) {
  return call(digamma_of, {x}, s);
}

mx::array entr(const mx::array& x, mx::StreamOrDevice s) {
  return call(entropy_of, {x}, s);
}

mx::array erfc(const mx::array& x, mx::StreamOrDevice s) {
  return call(erfc_of, {x}, s);
}

mx::array erfcx(const mx::array& x, mx::StreamOrDevice s) {
  return call(erfcx_of, {x}, s);
}

mx::array gamma(const mx::array& x, mx::StreamOrDevice s) {
  return call(gamma_of, {x}, s);
}

mx::array gammaln(const mx::array& x, mx::StreamOrDevice s) {
  return call(log_gamma_of, {x}, s);
}

mx::array i0(const mx::array& x, mx::StreamOrDevice s) {
  return call(i0_of, {x}, s);
}

mx::array i0e(const mx::array& x, mx::StreamOrDevice s) {
  return call(i0e_of, {x}, s);
}

mx::array i1(const mx::array& x, mx::StreamOrDevice s) {
  return call(i1_of, {x}, s);
}

mx::array i1e(const mx::array& x, mx::StreamOrDevice s) {
  return call(i1e_of, {x}, s);
}

mx::array log_ndtr(const mx::array& x, mx::StreamOrDevice s) {
  return call(log_ndtr_of, {x}, s);
}

mx::array ndtr(const mx::array& x, mx::StreamOrDevice s) {
  return call(ndtr_of, {x}, s);
}

mx::array ndtri(const mx::array& x, mx::StreamOrDevice s) {
  return call(ndtri_of, {x}, s);
}

mx::array beta(const mx::array& x, const mx::array& y, mx::StreamOrDevice s) {
  return call(beta_of, {x, y}, s);
}

mx::array betaln(const mx::array& x, const mx::array& y, mx::StreamOrDevice s) {
  return call(log_beta_of, {x, y}, s);
}

mx::array gammainc(const mx::array& x, const mx::array& y, mx::StreamOrDevice s) {
  return call(gammainc_of, {x, y}, s);
}

mx::array gammaincc(const mx::array& x, const mx::array& y, mx::StreamOrDevice s) {
  return call(gammaincc_of, {x, y}, s);
}

mx::array xlog1py(const mx::array& x, const mx::array& y, mx::StreamOrDevice s) {
  return call(xlog1py_of, {x, y}, s);
}

mx::array xlogy(const mx::array& x, const mx::array& y, mx::StreamOrDevice s) {
  return call(xlogy_of, {x, y}, s);
}

mx::array zeta(const mx::array& x, const mx::array& y, mx::StreamOrDevice s) {
  return call(zeta_of, {x, y}, s);
}

mx::array betainc(
    const mx::array& a, const mx::array& b, const mx::array& x, mx::StreamOrDevice s) {
  return call(betainc_of, {a, b, x}, s);
}

// log(p / (1 - p)). Near 1/2, where that is small, the digits are those of 2 p - 1.
mx::array logit(const mx::array& x, mx::StreamOrDevice s) {
  const Node p{floating_operands("logit", {x}, s)[0], mx::to_stream(s)};
  const auto low = p < 0.3;
  const Node below = choose(low, p, constant(p, 0.3)), above = choose(low, constant(p, 0.3), p);
  const Node near{mx::log1p(((above * 2 - 1) / (1 - above)).value, s), p.stream};
  const Node far = logarithm(below) - Node{mx::log1p((-below).value, s), p.stream};
  return choose(low, far, near).value;
}

mx::array rel_entr(const mx::array& x, const mx::array& y, mx::StreamOrDevice s) {
  return call(relative_entropy_of, {x, y}, s);
}

mx::array kl_div(const mx::array& x, const mx::array& y, mx::StreamOrDevice s) {
  return call(kullback_leibler_of, {x, y}, s);
}

mx::array polygamma(const mx::array& n, const mx::array& x, mx::StreamOrDevice s) {
  const auto order = known_value(n);
  if (order && (*order < 0 || *order != std::floor(*order))) {
    throw std::invalid_argument("[polygamma] n must be an integer of 0 or more");
  }
  if (order && *order <= 1) {
    return call(*order == 0 ? digamma_of : trigamma_of, {x}, s);
  }
  const auto both = floating_operands("polygamma", {n, x}, s);
  const Node m{mx::stop_gradient(both[0], s), mx::to_stream(s)};
  const Node result{apply(polygamma_of, {m.value, both[1]}, s), m.stream};
  if (order) {
    return result.value;
  }
  const Node first{apply(digamma_of, {both[1]}, s), m.stream};
  const Node second{apply(trigamma_of, {both[1]}, s), m.stream};
  const auto is_order = (m >= 0) & (round_down(m) == m);
  return choose(
             is_order,
             choose(m == 0, first, choose(m == 1, second, result)),
             constant(m, not_a_number))
      .value;
}

mx::array multigammaln(const mx::array& a, int d, mx::StreamOrDevice s) {
  // A node for each dimension.
  if (d < 1 || d > 1000) {
    throw std::invalid_argument("[multigammaln] d must be from 1 to 1000");
  }
  const Node x{floating_operands("multigammaln", {a}, s)[0], mx::to_stream(s)};
  Node sum = constant(x, d * (d - 1) * 0.25 * std::log(circle_half));
  for (int i = 0; i < d; i++) {
    sum = sum + Node{apply(log_gamma_of, {(x - i * 0.5).value}, s), x.stream};
  }
  return sum.value;
}

}  // namespace special

}  // namespace mlx_c

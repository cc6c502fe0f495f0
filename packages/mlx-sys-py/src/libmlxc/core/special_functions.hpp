// Special functions. What they compute is in cpu/kernels/math/special.
#pragma once

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c::special {

#define MLX_C_UNARY(name) \
  mlx::core::array name(const mlx::core::array& x, mlx::core::StreamOrDevice s)
#define MLX_C_BINARY(name) \
  mlx::core::array name(   \
      const mlx::core::array& x, const mlx::core::array& y, mlx::core::StreamOrDevice s)

MLX_C_UNARY(digamma);
MLX_C_UNARY(entr);
MLX_C_UNARY(erfc);
MLX_C_UNARY(erfcx);
MLX_C_UNARY(gamma);
MLX_C_UNARY(gammaln);
MLX_C_UNARY(i0);
MLX_C_UNARY(i0e);
MLX_C_UNARY(i1);
MLX_C_UNARY(i1e);
MLX_C_UNARY(log_ndtr);
MLX_C_UNARY(logit);
MLX_C_UNARY(ndtr);
MLX_C_UNARY(ndtri);
MLX_C_BINARY(beta);
MLX_C_BINARY(betaln);
MLX_C_BINARY(gammainc);
MLX_C_BINARY(gammaincc);
MLX_C_BINARY(kl_div);
MLX_C_BINARY(rel_entr);
MLX_C_BINARY(xlog1py);
MLX_C_BINARY(xlogy);
// Of Hurwitz.
MLX_C_BINARY(zeta);

#undef MLX_C_UNARY
#undef MLX_C_BINARY

mlx::core::array betainc(
    const mlx::core::array& a,
    const mlx::core::array& b,
    const mlx::core::array& x,
    mlx::core::StreamOrDevice s);

// The order is an integer that is known, or every element's own.
mlx::core::array polygamma(
    const mlx::core::array& n, const mlx::core::array& x, mlx::core::StreamOrDevice s);

mlx::core::array multigammaln(const mlx::core::array& a, int d, mlx::core::StreamOrDevice s);

}  // namespace mlx_c::special

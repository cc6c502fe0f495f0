// Functions of numbers that NumPy and the array API have and MLX lacks, and those of MLX that are
// wrong at special values.
#pragma once

#include <optional>
#include <tuple>

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

#define MLX_C_UNARY(name) \
  mlx::core::array name(const mlx::core::array& x, mlx::core::StreamOrDevice s)
#define MLX_C_BINARY(name) \
  mlx::core::array name(   \
      const mlx::core::array& x, const mlx::core::array& y, mlx::core::StreamOrDevice s)

MLX_C_UNARY(cbrt);
MLX_C_UNARY(exp2);
MLX_C_UNARY(expm1);
MLX_C_UNARY(rint);
MLX_C_UNARY(sign);
MLX_C_UNARY(signbit);
MLX_C_UNARY(sinc);
MLX_C_UNARY(spacing);
MLX_C_BINARY(copysign);
MLX_C_BINARY(float_power);
MLX_C_BINARY(fmax);
MLX_C_BINARY(fmin);
MLX_C_BINARY(fmod);
MLX_C_BINARY(gcd);
MLX_C_BINARY(heaviside);
MLX_C_BINARY(hypot);
MLX_C_BINARY(lcm);
MLX_C_BINARY(ldexp);
MLX_C_BINARY(logaddexp2);
MLX_C_BINARY(nextafter);

#undef MLX_C_UNARY
#undef MLX_C_BINARY

// MLX's remainder, where a zero has the sign of the divisor.
mlx::core::array like_divisor(
    const mlx::core::array& rest, const mlx::core::array& divisor, mlx::core::StreamOrDevice s);

// The fractional and the integral part.
std::tuple<mlx::core::array, mlx::core::array> modf(
    const mlx::core::array& x, mlx::core::StreamOrDevice s);

// A mantissa from 1/2 up to 1, and the exponent.
std::tuple<mlx::core::array, mlx::core::array> frexp(
    const mlx::core::array& x, mlx::core::StreamOrDevice s);

// What is too large for the power of ten has no decimals.
mlx::core::array round(const mlx::core::array& x, int decimals, mlx::core::StreamOrDevice s);

// Without bounds, `x` itself.
mlx::core::array clip(
    const mlx::core::array& x,
    const std::optional<mlx::core::array>& low,
    const std::optional<mlx::core::array>& high,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c

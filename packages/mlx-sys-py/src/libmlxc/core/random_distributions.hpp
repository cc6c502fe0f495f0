// Distributions that MLX lacks, by keys.
//
// Those that are functions of uniform or normal numbers are built of MLX's operations; those drawn
// by rejection are one node on the CPU (cpu/ops/random_rejection.hpp). `shape` is that of the
// result, to which parameters broadcast.
#pragma once

#include <optional>

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c::random {

using OptionalKey = std::optional<mlx::core::array>;

#define MLX_C_OF_ONE(name)           \
  mlx::core::array name(             \
      const mlx::core::array& a,     \
      const mlx::core::Shape& shape, \
      mlx::core::Dtype dtype,        \
      const OptionalKey& key,        \
      mlx::core::StreamOrDevice s)
#define MLX_C_OF_TWO(name)           \
  mlx::core::array name(             \
      const mlx::core::array& a,     \
      const mlx::core::array& b,     \
      const mlx::core::Shape& shape, \
      mlx::core::Dtype dtype,        \
      const OptionalKey& key,        \
      mlx::core::StreamOrDevice s)

MLX_C_OF_ONE(chisquare);
MLX_C_OF_ONE(exponential);
MLX_C_OF_ONE(geometric);
MLX_C_OF_ONE(pareto);
MLX_C_OF_ONE(poisson);
MLX_C_OF_ONE(rayleigh);
MLX_C_OF_ONE(standard_t);
MLX_C_OF_ONE(weibull);
// The concentrations lie along the last axis; `shape` is that of the axes before it.
MLX_C_OF_ONE(dirichlet);
MLX_C_OF_TWO(beta);
MLX_C_OF_TWO(binomial);
MLX_C_OF_TWO(cauchy);
MLX_C_OF_TWO(f);
MLX_C_OF_TWO(gamma);
MLX_C_OF_TWO(logistic);
MLX_C_OF_TWO(lognormal);
MLX_C_OF_TWO(negative_binomial);
MLX_C_OF_TWO(vonmises);
MLX_C_OF_TWO(wald);
// The probabilities `b` lie along the last axis, as the counts do.
MLX_C_OF_TWO(multinomial);

#undef MLX_C_OF_ONE
#undef MLX_C_OF_TWO

mlx::core::array triangular(
    const mlx::core::array& left,
    const mlx::core::array& mode,
    const mlx::core::array& right,
    const mlx::core::Shape& shape,
    mlx::core::Dtype dtype,
    const OptionalKey& key,
    mlx::core::StreamOrDevice s);

mlx::core::array rademacher(
    const mlx::core::Shape& shape,
    mlx::core::Dtype dtype,
    const OptionalKey& key,
    mlx::core::StreamOrDevice s);

// Indices below `count`, with these probabilities; uniform without. Without replacement, they are
// all different.
mlx::core::array choice(
    int count,
    const mlx::core::Shape& shape,
    bool replace,
    const std::optional<mlx::core::array>& p,
    const OptionalKey& key,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c::random

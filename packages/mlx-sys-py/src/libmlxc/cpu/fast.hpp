// MLX's functions of the namespace fast, and random normal, as one step each. On the CPU, MLX
// builds them of a dozen operations, each of which costs more than its arithmetic when a language
// model makes one token.
//
// fuses_x says whether x takes these arguments.
#pragma once

#include <optional>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace mlx_c::cpu {

bool fuses_rms_norm(
    const mlx::core::array& x,
    const std::optional<mlx::core::array>& weight,
    mlx::core::StreamOrDevice s);

mlx::core::array rms_norm(
    const mlx::core::array& x,
    const std::optional<mlx::core::array>& weight,
    float eps,
    mlx::core::StreamOrDevice s);

bool fuses_layer_norm(
    const mlx::core::array& x,
    const std::optional<mlx::core::array>& weight,
    const std::optional<mlx::core::array>& bias,
    mlx::core::StreamOrDevice s);

mlx::core::array layer_norm(
    const mlx::core::array& x,
    const std::optional<mlx::core::array>& weight,
    const std::optional<mlx::core::array>& bias,
    float eps,
    mlx::core::StreamOrDevice s);

// Keys and values may have fewer heads; there is no mask, or "causal" as mask.
bool fuses_attention(
    const mlx::core::array& queries,
    const mlx::core::array& keys,
    const mlx::core::array& values,
    const std::string& mask_mode,
    const std::optional<mlx::core::array>& mask,
    const std::optional<mlx::core::array>& sinks,
    mlx::core::StreamOrDevice s);

mlx::core::array attention(
    const mlx::core::array& queries,
    const mlx::core::array& keys,
    const mlx::core::array& values,
    float scale,
    const std::string& mask_mode,
    mlx::core::StreamOrDevice s);

bool fuses_rope(
    const mlx::core::array& x,
    int dims,
    std::optional<float> base,
    const std::optional<mlx::core::array>& freqs,
    mlx::core::StreamOrDevice s);

mlx::core::array rope(
    const mlx::core::array& x,
    int dims,
    bool traditional,
    float base,
    float scale,
    int offset,
    mlx::core::StreamOrDevice s);

bool fuses_random_normal(
    const mlx::core::Shape& shape,
    mlx::core::Dtype type,
    const std::optional<mlx::core::array>& loc,
    const std::optional<mlx::core::array>& scale,
    const std::optional<mlx::core::array>& key,
    mlx::core::StreamOrDevice s);

mlx::core::array random_normal(
    const mlx::core::Shape& shape,
    const std::optional<mlx::core::array>& key,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c::cpu

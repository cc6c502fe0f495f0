// MLX's functions of the namespace fast, and random normal, as one step each. On the CPU, MLX
// builds them of a dozen operations, each of which costs more than its arithmetic when a language
// model makes one token.
//
// fuses_x says whether x takes these arguments.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <mlx/array.h>
#include <mlx/utils.h>

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

// Whether `cross_entropy` takes these, on whatever stream; what it does not, MLX refuses.
bool fuses_cross_entropy(
    const mlx::core::array& logits, const mlx::core::array& targets, mlx::core::StreamOrDevice s);

mlx::core::array cross_entropy(
    const mlx::core::array& logits, const mlx::core::array& targets, mlx::core::StreamOrDevice s);

// The offset is one for all, or there is one for each batch.
bool fuses_rope(
    const mlx::core::array& x,
    int dims,
    std::optional<float> base,
    const std::variant<int, mlx::core::array>& offset,
    const std::optional<mlx::core::array>& freqs,
    mlx::core::StreamOrDevice s);

mlx::core::array rope(
    const mlx::core::array& x,
    int dims,
    bool traditional,
    std::optional<float> base,
    float scale,
    const std::variant<int, mlx::core::array>& offset,
    const std::optional<mlx::core::array>& freqs,
    mlx::core::StreamOrDevice s);

// The offset of a fused rope that has one for all rows.
std::optional<int> rope_offset(mlx::core::Primitive& primitive);

// That rope for other offsets, which are given as the only element.
std::function<std::shared_ptr<mlx::core::Primitive>(const std::vector<std::int64_t>&)> rope_at(
    mlx::core::Primitive& primitive);

// The recurrent part of layers: `inputs` are projected, of shape (..., steps, gates * size), the
// weight is that of the states, of shape (gates * size, size). The states after each step, of shape
// (..., steps, size), and the cells of the LSTM. A graph of MLX's operations where there is no
// kernel.
mlx::core::array rnn_scan(
    const mlx::core::array& inputs,
    const mlx::core::array& weight,
    const mlx::core::array& hidden,
    const std::string& nonlinearity,
    mlx::core::StreamOrDevice s);

mlx::core::array gru_scan(
    const mlx::core::array& inputs,
    const mlx::core::array& weight,
    const mlx::core::array& hidden,
    const std::optional<mlx::core::array>& bias,
    mlx::core::StreamOrDevice s);

std::pair<mlx::core::array, mlx::core::array> lstm_scan(
    const mlx::core::array& inputs,
    const mlx::core::array& weight,
    const mlx::core::array& hidden,
    const mlx::core::array& cell,
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

namespace mlx_c::fast {

// MLX's function of this name, as one step where it fits. A query that sees no key gives zeros.
// Keys and values may have fewer heads.
mlx::core::array scaled_dot_product_attention(
    const mlx::core::array& queries,
    const mlx::core::array& keys,
    const mlx::core::array& values,
    float scale,
    const std::string& mask_mode,
    const std::optional<mlx::core::array>& mask,
    const std::optional<mlx::core::array>& sinks,
    bool force_fused,
    mlx::core::StreamOrDevice s);

}  // namespace mlx_c::fast

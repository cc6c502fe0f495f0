// The primitives of `mlx.core.fast`, which functions that were exported on a GPU consist of; on the
// CPU, MLX writes the ops that they are made of.
#include <optional>

#include <mlx/fast.h>
#include <mlx/transforms.h>

#include "export/import_table.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

using Function = std::function<Arrays(const Arrays&)>;

// MLX writes a scalar for a weight or bias that is absent.
std::optional<mx::array> vector_or_none(const mx::array& a) {
  return a.ndim() > 0 ? std::optional(a) : std::nullopt;
}

mx::array rms_norm(const Operands& in, float eps) {
  return mx::fast::rms_norm(in[0], vector_or_none(in[1]), eps, in.s);
}

mx::array layer_norm(const Operands& in, float eps) {
  return mx::fast::layer_norm(in[0], vector_or_none(in[1]), vector_or_none(in[2]), eps, in.s);
}

// The gradients of a norm for all its inputs; the last operand is the cotangent of its result.
template <mx::array norm(const Operands&, float)>
Arrays gradients(const Operands& in, float eps) {
  const Function function = [&](const Arrays& inputs) {
    return Arrays{norm({inputs, in.outputs, in.s}, eps)};
  };
  const size_t last = in.inputs.size() - 1;
  return mx::vjp(function, in.range(0, last), {in[last]}).second;
}

mx::array rope(
    const Operands& in, int dims, bool traditional, float base, float scale, bool forward) {
  std::optional<mx::array> frequencies;
  std::optional<float> given_base = base;
  if (in.inputs.size() == 3) {
    frequencies = in[2];
    given_base = std::nullopt;
  }
  const Function turn = [&](const Arrays& x) {
    return Arrays{
        mx::fast::rope(x[0], dims, traditional, given_base, scale, in[1], frequencies, in.s)};
  };
  // The other direction is the gradient: the rotation is linear, and orthogonal.
  return forward ? turn({in[0]})[0] : mx::vjp(turn, {in[0]}, {in[0]}).second[0];
}

// Whether it has to be fused is not taken from the file: the device may be another one.
mx::array attention(
    const Operands& in, float scale, bool causal, bool has_sinks, bool with_logsumexp, bool) {
  if (with_logsumexp) {
    throw std::invalid_argument(
        "attention that was exported on a GPU with its gradients cannot be loaded");
  }
  const size_t count = in.inputs.size() - has_sinks;
  if (count < 3 || count > 4) {
    throw std::invalid_argument("attention has another number of inputs");
  }
  std::optional<mx::array> mask, sinks;
  if (has_sinks) {
    sinks = in.inputs.back();
  }
  if (count == 4) {
    mask = in[3];
  }
  return mx::fast::scaled_dot_product_attention(
      in[0],
      in[1],
      in[2],
      scale,
      causal     ? "causal"
          : mask ? "array"
                 : "",
      mask,
      sinks,
      false,
      in.s);
}

}  // namespace

void add_fused_ops(ImportTable& table) {
  table.add("LayerNorm", 3, 3, layer_norm);
  table.add("LayerNormVJP", 4, 4, gradients<layer_norm>);
  table.add("RMSNorm", 2, 2, rms_norm);
  table.add("RMSNormVJP", 3, 3, gradients<rms_norm>);
  table.add("RoPE", 2, 3, rope);
  table.add("ScaledDotProductAttention", 3, 5, attention);
}

}  // namespace mlx_c

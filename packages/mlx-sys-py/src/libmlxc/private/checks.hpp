// Arguments that MLX takes on trust and reads whatever they are.
#pragma once

#include <optional>
#include <stdexcept>

#include <mlx/array.h>

namespace mlx_c {

// The scales of `w`, which packed weights cannot do without.
inline std::optional<mlx::core::array> scales_of(
    const mlx::core::array& w, std::optional<mlx::core::array> scales) {
  if (w.dtype() == mlx::core::uint32 && !scales) {
    throw std::invalid_argument("[gather_qqmm] scales must be given for quantized weights w");
  }
  return scales;
}

}  // namespace mlx_c

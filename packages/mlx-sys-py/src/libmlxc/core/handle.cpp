#include "core/handle.hpp"

namespace mlx_c {

const mlx::core::StreamOrDevice unnamed_stream;

}  // namespace mlx_c

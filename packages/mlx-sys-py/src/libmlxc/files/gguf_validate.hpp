// A check of GGUF files before MLX reads them.
#pragma once

#include "files/gguf_header.hpp"

namespace mlx_c {

// Throws IoError unless all of a file is of a kind that MLX's reader knows: it would end the
// process.
void check_loadable(const GgufHeader& header);

}  // namespace mlx_c

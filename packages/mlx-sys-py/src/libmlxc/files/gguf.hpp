// The arrays and the metadata of GGUF files.
#pragma once

#include <string>

#include <mlx/io.h>

#include "mlx/c/gguf.h"

namespace mlx_c {

// All of a file, or of all the files that a model is split into, whichever of them is named.
// Tensors are read when they are needed, or are the memory of the file where that can be and
// `mapped` is true. Throws IoError as `read_gguf_header` does.
mlx::core::GGUFLoad load_gguf(const std::string& file, mlx_gguf_form form, bool mapped);

}  // namespace mlx_c

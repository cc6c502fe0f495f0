// Readers, writers and GGUF contents behind handles.
#pragma once

#include <memory>

#include <mlx/io.h>

#include "handle.hpp"
#include "mlx/c/io_types.h"

namespace mlx_c {

// A reader or writer keeps the user's descriptor beside the C++ object made over it.
template <class Stream>
struct callback_stream {
  void* descriptor;
  std::shared_ptr<Stream> stream;
};

using reader = callback_stream<mlx::core::io::Reader>;
using writer = callback_stream<mlx::core::io::Writer>;

MLX_C_HANDLE(mlx_io_reader, reader, "io_reader")
MLX_C_HANDLE(mlx_io_writer, writer, "io_writer")
MLX_C_HANDLE(mlx_io_gguf, mlx::core::GGUFLoad, "io_gguf")

}  // namespace mlx_c

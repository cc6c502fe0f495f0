// Readers, writers and GGUF contents behind handles.
#pragma once

#include <memory>

#include <mlx/io.h>

#include "core/handle.hpp"
#include "mlx/c/io_types.h"

namespace mlx_c {

// A reader or writer keeps the user's descriptor beside the C++ object made over it.
template <class Stream>
struct CallbackStream {
  void* descriptor;
  std::shared_ptr<Stream> stream;
};

using Reader = CallbackStream<mlx::core::io::Reader>;
using Writer = CallbackStream<mlx::core::io::Writer>;

MLX_C_HANDLE(mlx_io_reader, Reader, "io_reader")
MLX_C_HANDLE(mlx_io_writer, Writer, "io_writer")
MLX_C_HANDLE(mlx_io_gguf, mlx::core::GGUFLoad, "io_gguf")

}  // namespace mlx_c

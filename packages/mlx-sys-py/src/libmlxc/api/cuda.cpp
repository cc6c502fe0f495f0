#include "mlx/c/cuda.h"

#include <mlx/backend/cuda/cuda.h>

#include "core/guard.hpp"
#include "core/handle.hpp"

using namespace mlx_c;

int mlx_cuda_is_available(bool* res) {
  return guard([&] { *not_null(res, "res") = mlx::core::cu::is_available(); });
}

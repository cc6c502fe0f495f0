#include "mlx/c/version.h"

#include <mlx/version.h>

#include "core/guard.hpp"
#include "core/handle.hpp"

int mlx_version(mlx_string* str) {
  return mlx_c::guard([&] { mlx_c::set(str, mlx::core::version()); });
}

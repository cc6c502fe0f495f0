#include "mlx/c/version.h"

#include <mlx/version.h>

#include "core/guard.hpp"
#include "core/handle.hpp"

int mlx_version(mlx_string* str_) {
  return mlx_c::guard([&] { mlx_c::set(str_, mlx::core::version()); });
}

#include "mlx/c/metal.h"

#include <mlx/backend/metal/metal.h>

#include "core/guard.hpp"
#include "core/handle.hpp"

using namespace mlx_c;
namespace metal = mlx::core::metal;

namespace {

// Without Metal, MLX would silently do nothing.
void check_available() {
  if (!metal::is_available()) {
    throw std::runtime_error("Metal is not available");
  }
}

}  // namespace

int mlx_metal_is_available(bool* res) {
  return guard([&] { *not_null(res, "res") = metal::is_available(); });
}

int mlx_metal_start_capture(const char* path) {
  return guard([&] {
    not_null(path, "path");
    check_available();
    metal::start_capture(path);
  });
}

int mlx_metal_stop_capture(void) {
  return guard([] {
    check_available();
    metal::stop_capture();
  });
}

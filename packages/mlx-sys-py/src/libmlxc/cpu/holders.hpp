// How many hold an array.
#pragma once

#include "mlx/array.h"

namespace mlx_c::cpu {

long holders(const mlx::core::array& a);

}  // namespace mlx_c::cpu

// The levels of kernels that this machine can run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cpu/kernels/table.hpp"

namespace mlx_c::cpu {

// The names that MLX_SYS_PY_CPU and `set_level` take on this machine, the best level first, "stock"
// last.
std::vector<std::string> levels();

// Changes the level for what is evaluated from here on. Throws std::invalid_argument if it is none
// of `levels()`.
void set_level(std::string_view name);

}  // namespace mlx_c::cpu

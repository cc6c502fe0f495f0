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

// The bits that rows of half precision are rounded to where they are multiplied with quantized
// weights: 8, or 16, which stands for not at all. MLX_SYS_PY_CPU_ACTIVATIONS names one of them;
// throws std::invalid_argument if it names another.
int activation_bits();

// Changes them for what is evaluated from here on. Throws std::invalid_argument likewise.
void set_activation_bits(int bits);

}  // namespace mlx_c::cpu

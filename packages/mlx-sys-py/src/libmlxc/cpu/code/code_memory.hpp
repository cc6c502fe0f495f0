// Memory that the processor runs.
#pragma once

#include <cstdint>
#include <span>

namespace mlx_c::cpu {

// A copy of machine code that can be called, for as long as the process lives; null if the system
// allows none. It is never writable and executable at once.
void* executable(std::span<const std::uint8_t> code);

}  // namespace mlx_c::cpu

// The range of an index.
#pragma once

#include <cstdint>
#include <string>

#include <mlx/array.h>

namespace mlx_c::cpu {

// The starts 0 ... size - length are within an axis; if `wraps`, also the same less `size`.
struct Limit {
  static constexpr int batch = -1;

  int axis;  // or `batch`
  std::int64_t size, length;
  bool wraps;

  std::int64_t last() const {
    return size - length;
  }
};

// The message for an index (as text) that is out of range.
std::string index_message(const char* name, const std::string& index, const Limit& limit);

// Throws std::invalid_argument if a slice is larger than `x` along some axis. MLX sees to that
// where a node is made, but a function compiled for all shapes meets others.
void check_slice(const char* operation, const mlx::core::Shape& slice, const mlx::core::array& x);

}  // namespace mlx_c::cpu

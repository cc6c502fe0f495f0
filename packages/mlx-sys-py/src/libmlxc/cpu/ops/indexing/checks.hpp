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

}  // namespace mlx_c::cpu

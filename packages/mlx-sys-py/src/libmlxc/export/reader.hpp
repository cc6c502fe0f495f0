// Values in a file of functions, as MLX writes them.
#pragma once

#include <cstdint>
#include <vector>

#include "files/cursor.hpp"

namespace mlx_c {

class FunctionReader : public FileCursor {
 public:
  using FileCursor::FileCursor;

  template <class T>
  T get();

  // How many entries of at least `least` bytes follow.
  uint64_t count(uint64_t least);

  template <class T>
  std::vector<T> list(uint64_t least) {
    std::vector<T> result;
    for (auto left = count(least); left > 0; --left) {
      result.push_back(get<T>());
    }
    return result;
  }
};

}  // namespace mlx_c

// Memory that a thread uses again and again.
#pragma once

#include <cstddef>
#include <optional>

#include "cpu/arrays/view.hpp"

namespace mlx_c::cpu {

// At least `size` bytes, of which there are as many sets as there are types `Use`; the next call
// with the same type, in the same thread, may give the same memory.
template <class Use>
void* scratch(std::size_t size) {
  static thread_local std::optional<Buffer<char>> buffer;
  static thread_local std::size_t capacity = 0;
  if (size > capacity) {
    buffer.reset();
    capacity = 0;
    buffer.emplace(size);
    capacity = size;
  }
  return buffer ? buffer->data() : nullptr;
}

}  // namespace mlx_c::cpu

// Copies between arrays of any layout.
#pragma once

#include <cstddef>
#include <cstdint>

#include <mlx/array.h>

namespace mlx_c::cpu {

// Copies the elements of one array, of whatever type, to the same indices of another. Strides count
// elements. Large copies use all threads.
struct Copy {
  const void* source;
  mlx::core::Strides from;
  void* target;
  mlx::core::Strides to;
  mlx::core::Shape shape;
  std::size_t item;  // bytes of an element: 1, 2, 4 or 8

  void operator()() const;
};

// A copy of all of `source` to `target`, which has its shape and memory already.
Copy copy_of(const mlx::core::array& source, mlx::core::array& target);

// A copy of all of `source` to contiguous memory, which is still to be given.
Copy copy_in_order(const mlx::core::array& source);

// Calls f with an integer of as many bytes as an element has.
template <class F>
void with_bytes(std::size_t size, F&& f) {
  switch (size) {
    case 1:
      return f(std::uint8_t{});
    case 2:
      return f(std::uint16_t{});
    case 4:
      return f(std::uint32_t{});
    default:
      return f(std::uint64_t{});
  }
}

}  // namespace mlx_c::cpu

// Batches of matrices of any type, each with its rows one after the other.
#pragma once

#include <cstddef>
#include <memory>

#include "cpu/arrays/view.hpp"
#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

// The matrices in the last two axes of an array: where they are if their rows are contiguous, else
// in a copy, which is made by the first call of `arrange`. Like View, it holds no array.
class Stack {
 public:
  // If `whole`, all its rows are one matrix.
  explicit Stack(const mlx::core::array& a, bool whole = false);

  void arrange();

  // The `item`-th matrix in the order of the axes before the last two.
  const void* operator[](std::size_t item) const {
    return data_ + offset(item);
  }

  // Where it is relative to the first one, in bytes: the same for matrices that are one.
  std::ptrdiff_t offset(std::size_t item) const;

  // Bytes of one matrix.
  std::size_t matrix_size() const;

 private:
  bool is_arranged() const;

  const char* data_;
  const std::size_t item_size_;
  const mlx::core::Shape shape_;
  mlx::core::Strides strides_;
  const std::size_t outer_;  // axes before those of a matrix
  std::shared_ptr<Buffer<char>> memory_;
};

}  // namespace mlx_c::cpu

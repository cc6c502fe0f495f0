// The node of a graph that reads an array.
#pragma once

#include <cstdint>
#include <memory>

#include <mlx/array.h>

#include "files/byte_source.hpp"

namespace mlx_c {

// What an array is in a source.
struct StoredArray {
  mlx::core::Dtype dtype;
  mlx::core::Shape shape;  // its last axis is the innermost
  uint64_t offset;
  uint64_t nbytes;
  // The numbers of so many bytes are stored in the other byte order; 1 if they are not.
  int swapped = 1;
};

// An array that is read when it is evaluated. The bytes are in the source, as far as its size says.
mlx::core::array load_lazily(
    std::shared_ptr<ByteSource> source, const StoredArray& stored, mlx::core::Stream stream);

// The bytes that an array takes; throws an IoError about `source`, which names `what`, if no memory
// holds it.
uint64_t count_bytes(
    const ByteSource& source,
    const std::string& what,
    const std::vector<uint64_t>& shape,
    mlx::core::Dtype dtype);

// The same shape with MLX's extents, once `count_bytes` has returned.
mlx::core::Shape to_shape(const std::vector<uint64_t>& shape);

// As Python writes it.
std::string shape_text(const std::vector<uint64_t>& shape);

}  // namespace mlx_c

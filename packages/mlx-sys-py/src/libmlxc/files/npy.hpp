// NumPy's format for one array.
//
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <memory>
#include <string>

#include <mlx/array.h>

#include "files/byte_source.hpp"
#include "files/load_node.hpp"

namespace mlx_c {

struct NpyHeader {
  StoredArray array;  // of complex128, the doubles: with a last axis of two
  bool fortran_order = false;
  bool complex128 = false;
};

// Throws an IoError unless the source begins with a header that the format allows, of a type that
// arrays have, and has the data too.
NpyHeader read_npy_header(ByteSource& source);

// The array that a header describes, given its bytes in the order of the file.
mlx::core::array arrange_npy(
    const NpyHeader& header, mlx::core::array stored, mlx::core::Stream stream);

// What is before the data of an array in the order of rows: the bytes that NumPy writes.
std::string npy_header(const mlx::core::array& array);

}  // namespace mlx_c

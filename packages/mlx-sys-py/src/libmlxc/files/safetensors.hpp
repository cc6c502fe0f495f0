// The safetensors format.
//
// https://github.com/huggingface/safetensors#format
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <mlx/array.h>
#include <mlx/io.h>

#include "files/byte_source.hpp"
#include "files/load_node.hpp"

namespace mlx_c {

struct SafetensorsTensor {
  std::string name;
  StoredArray array;
};

struct SafetensorsHeader {
  std::vector<SafetensorsTensor> tensors;
  std::unordered_map<std::string, std::string> metadata;
};

// Throws an IoError, which names the tensor that it is about, unless all is as the format says, and
// the types are those of arrays.
SafetensorsHeader read_safetensors_header(ByteSource& source);

// Writes arrays in the order of rows, and what is before them.
void write_safetensors(
    mlx::core::io::Writer& out,
    const std::unordered_map<std::string, mlx::core::array>& arrays,
    const std::unordered_map<std::string, std::string>& metadata);

}  // namespace mlx_c

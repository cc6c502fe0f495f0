// A check of GGUF files before MLX reads them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <mlx/array.h>

namespace mlx_c {

// A tensor's place in a file.
struct GgufTensor {
  std::string name;
  mlx::core::Shape shape;
  uint64_t offset;
};

// Throws IoError unless everything that MLX's reader would follow in `file` lies within it and is
// of a kind that it knows. Returns the bfloat16 tensors, which MLX would convert to float16.
std::vector<GgufTensor> check_gguf(const std::string& file);

}  // namespace mlx_c

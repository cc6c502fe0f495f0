// A check of GGUF files before MLX reads them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <mlx/array.h>

namespace mlx_c {

// A tensor's place in a file.
struct gguf_tensor {
  std::string name;
  mlx::core::Shape shape;
  uint64_t offset;
};

// Throws io_error unless everything that MLX's reader would follow in `file` lies within it and is
// of a kind that it knows. Returns the bfloat16 tensors, which MLX would convert to float16.
std::vector<gguf_tensor> check_gguf(const std::string& file);

}  // namespace mlx_c

// What a GGUF file says before its data.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include <mlx/array.h>

#include "mlx/c/gguf.h"

namespace mlx_c {

// A metadata value: one item, or an array of them.
struct GgufEntry {
  std::string key;
  mlx_gguf_value_type type{};  // of the items
  bool is_array = false;
  size_t size = 1;          // number of items
  std::vector<char> bytes;  // the numbers, or the strings one after another
  std::vector<mlx_gguf_string> strings;

  GgufEntry() = default;
  // The strings point into the bytes, which a move leaves where they are.
  GgufEntry(GgufEntry&&) = default;
  GgufEntry& operator=(GgufEntry&&) = default;

  const void* data() const {
    return type == MLX_GGUF_STRING ? static_cast<const void*>(strings.data()) : bytes.data();
  }
};

struct GgufTensor {
  std::string name;
  const mlx_gguf_type* type;
  mlx::core::Shape shape;
  uint64_t offset;  // of its data in the file
  uint64_t nbytes;
};

struct GgufHeader {
  std::string file;
  uint32_t version = 0;
  uint32_t alignment = 32;
  uint64_t data_offset = 0;
  std::vector<GgufEntry> entries;
  std::vector<GgufTensor> tensors;
  // The places of names in the two.
  std::unordered_map<std::string, size_t> entry_index;
  std::unordered_map<std::string, size_t> tensor_index;
};

// Throws IoError unless the file holds all that its header says, each tensor in a place of its own.
GgufHeader read_gguf_header(const std::string& file);

// The headers of all the files that a model is split into, of which one is named; of that file
// alone if it is whole. Throws as above, and FileNotFound if one of them is missing.
std::vector<GgufHeader> read_gguf_parts(const std::string& file);

// What messages call a file.
inline std::string gguf_label(const std::string& file) {
  return "GGUF file " + file;
}

}  // namespace mlx_c

#include "files/gguf_validate.hpp"

#include <string>
#include <unordered_set>

#include "core/guard.hpp"

namespace mlx_c {
namespace {

void check_types(const GgufHeader& header) {
  for (auto& entry : header.entries) {
    if (entry.type == MLX_GGUF_FLOAT64) {
      throw IoError(
          gguf_label(header.file) + " has a float64 value in " + entry.key +
          ", which cannot be loaded");
    }
  }
  for (auto& tensor : header.tensors) {
    if (!tensor.type->loadable) {
      throw IoError(
          gguf_label(header.file) + " has a tensor of type " + std::to_string(tensor.type->id) +
          " (" + tensor.type->name + "), which cannot be loaded: " + tensor.name);
    }
  }
}

// Of the arrays that MLX makes: a packed tensor becomes three.
void check_names(const GgufHeader& header) {
  std::unordered_set<std::string> names;
  auto add = [&](const std::string& name) {
    if (!names.insert(name).second) {
      throw IoError(gguf_label(header.file) + " has two tensors of one name: " + name);
    }
  };
  for (auto& tensor : header.tensors) {
    add(tensor.name);
    if (tensor.type->packed) {
      // Where MLX puts them: the name less the length of ".weight".
      auto& name = tensor.name;
      auto prefix = name.size() < 7 ? name : name.substr(0, name.size() - 7);
      add(prefix + ".scales");
      add(prefix + ".biases");
    }
  }
}

}  // namespace

void check_loadable(const GgufHeader& header) {
  check_types(header);
  check_names(header);
}

}  // namespace mlx_c

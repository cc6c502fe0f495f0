// The operations that a function in a file can be made of.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <mlx/array.h>
#include <mlx/utils.h>

#include "export/reader.hpp"

namespace mlx_c {

struct ArrayKind {
  mlx::core::Shape shape;
  mlx::core::Dtype dtype;
};

// An operation to build: its inputs, and the kinds of its outputs as the file states them.
struct Operands {
  const std::vector<mlx::core::array>& inputs;
  const std::vector<ArrayKind>& outputs;
  mlx::core::StreamOrDevice s;

  const mlx::core::array& operator[](size_t i) const {
    return inputs.at(i);
  }

  std::vector<mlx::core::array> range(size_t begin, size_t end) const {
    return {inputs.begin() + begin, inputs.begin() + end};
  }
};

using Operation = std::function<std::vector<mlx::core::array>(const Operands&)>;

// The operation `name`, whose state comes next in the file. It calls MLX's public functions, which
// check their arguments, where MLX's own importer constructs primitives unchecked.
Operation read_operation(FunctionReader& from, const std::string& name);

}  // namespace mlx_c

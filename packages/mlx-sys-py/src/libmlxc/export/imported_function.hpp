// Functions from files.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include <mlx/export.h>

#include "export/import_ops.hpp"

namespace mlx_c {

// A step of a function: an operation, and the places of its inputs and outputs among the arrays.
struct FunctionStep {
  Operation run;
  mlx::core::Device device;
  std::vector<size_t> inputs, outputs;
  std::vector<ArrayKind> kinds;          // of the outputs
  std::vector<mlx::core::Shape> shapes;  // of the inputs, then of the first output
  // Whether it means something else for other shapes, so that it must not meet them.
  bool keeps_shapes = false;
};

// A function for arguments of one kind; the last inputs are those with names.
struct FunctionTrace {
  std::vector<std::string> names;
  std::vector<ArrayKind> kinds;  // of the inputs
  std::vector<size_t> inputs, outputs;
  std::vector<std::pair<size_t, mlx::core::array>> constants;
  std::vector<FunctionStep> steps;
  size_t places = 0;
};

// A function that MLX's exporter has written, parsed and rebuilt by functions that check their
// arguments: MLX's own importer trusts every number in the file.
class ImportedFunction {
 public:
  // Throws IoError unless the whole file is valid.
  explicit ImportedFunction(const std::string& file);

  std::vector<mlx::core::array> operator()(
      const mlx::core::Args& args, const mlx::core::Kwargs& kwargs) const;

  const std::string& metadata() const {
    return metadata_;
  }

 private:
  bool shapeless_;
  std::string metadata_;
  std::vector<FunctionTrace> traces_;
};

}  // namespace mlx_c

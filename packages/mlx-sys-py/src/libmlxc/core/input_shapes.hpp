// Whether the inputs of nodes fit each other, and the parameters of the primitives.
//
// The functions of MLX check their arguments when they make a node. A function that was recorded for
// all shapes makes its nodes again from what they were recorded as: the parameters of the primitives
// (lengths of slices, positions, numbers of groups) stay what they were, and `output_shapes` hardly
// looks at the inputs. So the nodes of such a function are checked here.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include <mlx/array.h>

namespace mlx_c {

// The shapes that nodes were recorded with, of those primitives whose parameters mean something else
// for other shapes: a slice that was as long as the axis shall still be that.
class RecordedShapes {
 public:
  using Shapes = std::vector<mlx::core::Shape>;

  // Learns the nodes between `inputs` and `outputs`.
  void learn(
      const std::vector<mlx::core::array>& inputs, const std::vector<mlx::core::array>& outputs);

  // Of the inputs of the node that `node` repeats; null if there is none.
  std::shared_ptr<const Shapes> find(const mlx::core::array& node) const;

 private:
  struct Entry {
    // Keeps the address, which is the key, from being used again.
    std::shared_ptr<mlx::core::Primitive> primitive;
    std::shared_ptr<const Shapes> shapes;
  };

  mutable std::mutex mutex_;
  std::unordered_map<const mlx::core::Primitive*, Entry> entries_;
};

// Throws std::invalid_argument, which names the operation and the shapes, if the inputs of a node
// between `inputs` and `outputs` do not fit.
void check_input_shapes(
    const std::vector<mlx::core::array>& inputs,
    const std::vector<mlx::core::array>& outputs,
    const RecordedShapes& recorded);

// The same for what a check of the inputs alone does not find in `node`, which repeats one whose
// inputs had the shapes `recorded`. `depends` says which depend on the arguments of the function.
void check_recorded_shapes(
    const mlx::core::array& node,
    const std::vector<mlx::core::Shape>& recorded,
    const std::vector<bool>& depends);

// The names of the primitives that the table of checks has a row for.
std::vector<std::string> primitives_with_checked_shapes();

}  // namespace mlx_c

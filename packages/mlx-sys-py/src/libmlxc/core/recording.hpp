// What a function did with its inputs, to be done again with others.
#pragma once

#include <memory>
#include <vector>

#include <mlx/array.h>
#include <mlx/primitives.h>

namespace mlx_c {

// The input that a node of a recording only passes on; null for other nodes.
const mlx::core::array* passed_input(const mlx::core::array& node);

class Recording {
 public:
  // Of nothing.
  Recording() = default;

  // Of what a function made of tracers, where nothing but the tracers varies. Nodes that only pass
  // an input on are left out, as a recording is repeated and never differentiated or vectorized;
  // with `simplifies`, equal nodes and equal scalars become one, as MLX's compile does. `originals`
  // are what the tracers stand for: a function that reads them by another way than its arguments
  // would read the same ones in each repetition, and is refused. The caller holds the lock of
  // evaluation, since nodes that do not depend on the tracers may be of other threads, too.
  Recording(
      const std::vector<mlx::core::array>& tracers,
      const std::vector<mlx::core::array>& outputs,
      const std::vector<mlx::core::array>& originals,
      bool simplifies);

  // With `all`, the results of all steps are put there.
  std::vector<mlx::core::array> repeat(
      const std::vector<mlx::core::array>& inputs,
      std::vector<mlx::core::array>* all = nullptr) const;

 private:
  friend class StepPart;
  friend class StepRecording;
  class Builder;

  // Of a value that is made anew each time.
  struct Type {
    mlx::core::Shape shape;
    mlx::core::Dtype dtype;
  };

  // Inputs and results of a step follow each other.
  struct Step {
    std::shared_ptr<mlx::core::Primitive> primitive;
    int first_input, input_count;
    int first_result, result_count;
  };

  // Inputs of the function have the first numbers, results of steps the next ones; the constant
  // at place i has the number -1 - i.
  std::vector<mlx::core::array> constants_;
  std::vector<Step> steps_;
  std::vector<int> step_inputs_;
  std::vector<Type> results_;
  std::vector<int> outputs_;
  int most_inputs_ = 0;
};

}  // namespace mlx_c

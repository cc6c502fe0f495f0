// Whether the inputs of nodes fit each other, and the parameters of the primitives.
//
// The functions of MLX check their arguments when they make a node. A function that was recorded
// for all shapes makes its nodes again from what they were recorded as: the parameters of the
// primitives (lengths of slices, positions, numbers of groups) stay what they were, and
// `output_shapes` hardly looks at the inputs. So the nodes of such a function are checked here.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <mlx/array.h>

namespace mlx_c {

// The shapes that nodes were recorded with, of those primitives whose parameters mean something
// else for other shapes: a slice that was as long as the axis shall still be that.
class RecordedShapes {
 public:
  using Shapes = std::vector<mlx::core::Shape>;

  // Learns the nodes between `inputs` and `outputs`. `gradients` says whether the recorded function
  // has taken gradients.
  void learn(
      const std::vector<mlx::core::array>& inputs,
      const std::vector<mlx::core::array>& outputs,
      bool gradients);

  // Of the inputs of the node that `node` repeats, then of its output; null if they were not
  // learnt.
  std::shared_ptr<const Shapes> find(const mlx::core::array& node) const;

  // Whether a recorded function has taken gradients.
  bool takes_gradients() const {
    return takes_gradients_;
  }

  // Whether inputs of these shapes and types have been found to fit on this thread, which has
  // recordings of its own: then the nodes need not be looked at again.
  bool have_fitted(const std::vector<mlx::core::array>& inputs) const;
  void note_fitting(const std::vector<mlx::core::array>& inputs);

 private:
  struct Entry {
    // Keeps the address, which is the key, from being used again.
    std::shared_ptr<mlx::core::Primitive> primitive;
    std::shared_ptr<const Shapes> shapes;
  };

  struct Call {
    std::thread::id thread;
    std::vector<std::pair<mlx::core::Shape, mlx::core::Dtype>> inputs;
  };
  // Few shapes take turns: those of a prompt, those of a token.
  static constexpr std::size_t most_calls = 4;

  mutable std::mutex mutex_;
  std::atomic<bool> takes_gradients_ = false;
  std::array<Call, most_calls> fitting_;
  std::size_t next_call_ = 0;
  std::unordered_map<const mlx::core::Primitive*, Entry> entries_;
};

// Throws std::invalid_argument, which names the operation and the shapes, if the inputs of a node
// between `inputs` and `outputs` do not fit.
void check_input_shapes(
    const std::vector<mlx::core::array>& inputs,
    const std::vector<mlx::core::array>& outputs,
    RecordedShapes& recorded);

// The same for `node`, which MLX has made with its checks to repeat one whose inputs had the shapes
// `recorded`, and whose output had the last of them.
void check_recorded_shapes(
    const mlx::core::array& node, const std::vector<mlx::core::Shape>& recorded);

// Whether this thread has taken gradients since it was set to false.
inline constinit thread_local bool has_taken_gradients = false;

// The names of the primitives that the table of checks has a row for.
std::vector<std::string> primitives_with_checked_shapes();

}  // namespace mlx_c

// The tasks of a graph that is repeated, and how those of its other nodes are made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <mlx/array.h>
#include <mlx/primitives.h>

#include "cpu/graph/growing_graph.hpp"
#include "cpu/graph/registry.hpp"
#include "cpu/graph/repeated_memory.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/interrupted.hpp"
#include "cpu/nodes/task_queue.hpp"

namespace mlx_c::cpu {

// What `TaskCapture` finds in one call and later calls use. Values that differ from call to call,
// those of inputs first, have numbers; all others lie at places of their own.
class KeptTasks : public std::enable_shared_from_this<KeptTasks> {
 public:
  using Task = TaskBatch::Task;
  using Results = std::vector<std::optional<mlx::core::array>>;

  // An input of a node that is made in each call: a value that differs, or one that does not.
  struct Operand {
    int value = -1;
    bool is_last = false;  // nothing reads the value later
    int fixed = -1;
  };
  // A result of such a node: a value, or one that is brought to a place.
  struct Output {
    mlx::core::Shape shape;  // unless it is a result of the graph
    mlx::core::Dtype dtype;
    int result = -1;  // of the graph
    int value = -1;
    int place = -1;
    bool leaves = false;  // it is an output of the graph
  };
  struct Node {
    std::vector<Operand> operands;
    std::vector<Output> outputs;
    std::shared_ptr<mlx::core::Primitive> primitive;  // with its kernel, unless that is found anew
    const KernelRow* row = nullptr;
    bool has_growing_primitive = false, changes_kernel = false;
  };
  // The schedule: tasks that are kept, up to `end`, and then those of a node that is made.
  struct Turn {
    std::size_t end;
    std::size_t node;
  };

  explicit KeptTasks(std::shared_ptr<GrowingGraph> graph) : graph(std::move(graph)) {}

  // False if other kernels were chosen since, or tasks no longer run in the order of the stream.
  bool is_valid() const {
    return table_ == kernels() && is_stock_ == is_stock() && times_set_aside_ == times_set_aside();
  }

  // Schedules a call: makes the nodes that differ, and one task of all.
  void run(
      std::vector<mlx::core::array> inputs,
      std::int64_t call,
      mlx::core::Stream stream,
      TaskQueue& queue,
      Results& results) const;

  // The tasks of a call, as one. `own` are those of the nodes that are made, each of which has them
  // up to one of `ends`.
  Task whole(std::vector<Task> own, std::vector<std::size_t> ends) const;

  const std::shared_ptr<GrowingGraph> graph;  // whose constants the tasks read
  std::vector<Task> tasks;
  std::vector<Turn> turns;
  std::vector<Node> nodes;
  int value_count = 0;
  std::vector<int> outputs;              // their values
  std::vector<mlx::core::array> fixed;   // values that nodes read
  std::vector<mlx::core::array> places;  // where results of nodes lie
  std::vector<mlx::core::array> blocks;  // of memory, which the tasks write to
  std::vector<TaskQueue::Data> held;     // other memory

 private:
  using Values = std::vector<std::optional<mlx::core::array>>;

  std::vector<mlx::core::array> make(const Node& node, std::int64_t call, Values& values) const;
  void schedule(
      const Node& node,
      std::vector<mlx::core::array>& results,
      mlx::core::Stream stream,
      TaskQueue& queue) const;

  const Kernels* const table_ = kernels();
  const bool is_stock_ = is_stock();
  const std::uint64_t times_set_aside_ = times_set_aside();
};

}  // namespace mlx_c::cpu

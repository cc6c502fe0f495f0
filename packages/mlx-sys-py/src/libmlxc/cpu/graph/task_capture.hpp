// One call of a graph that is repeated, of which that is kept which is the same in all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <mlx/array.h>

#include "cpu/graph/growing_graph.hpp"
#include "cpu/graph/kept_tasks.hpp"
#include "cpu/graph/multi_output_fusion.hpp"
#include "cpu/graph/repeated_memory.hpp"
#include "cpu/nodes/task_queue.hpp"

namespace mlx_c::cpu {

// Makes the nodes of a call, rewrites and fuses them as those of any graph, and schedules them in
// order. A node whose kernel `repeats`, and which reads nothing that differs from call to call, is
// the same in each: its tasks are kept. Its results lie in blocks of memory that are planned here.
class TaskCapture {
 public:
  TaskCapture(std::shared_ptr<GrowingGraph> graph, std::int64_t call);

  // Schedules the call. What is kept, or null if later calls cannot use it.
  std::shared_ptr<const KeptTasks> run(
      std::vector<mlx::core::array> inputs,
      mlx::core::Stream stream,
      TaskQueue& queue,
      KeptTasks::Results& results);

 private:
  using array = mlx::core::array;
  template <class T>
  using ById = std::unordered_map<std::uintptr_t, T>;

  // What is known of a node before it is evaluated.
  struct Facts {
    std::vector<array> outputs;
    KeptTasks::Node node;
    std::vector<std::optional<Place>> fixed;  // of its inputs
    std::vector<std::uintptr_t> settling;     // outputs that are to lie in blocks
    bool differs = false;
  };

  void number(const std::vector<array>& inputs, const GrowingGraph::Nodes& made);
  void find_lives(const std::vector<PlannedNode>& nodes);
  bool leaves(const array& a) const;
  Facts facts_of(const array& node, const KernelRow* row, std::size_t at);
  bool may_pass_on_part(const array& node, const KernelRow* row, const Facts& facts) const;
  void add(array& node, const KernelRow* row, std::size_t at, TaskQueue& queue);
  void keep_buffers(const array& node, const Facts& facts, TaskQueue& queue) const;
  void add_kept(const Facts& facts, std::vector<KeptTasks::Task> tasks);
  void add_made(Facts facts, std::vector<KeptTasks::Task> tasks);
  void finish(const std::vector<array>& outputs);

  GrowingGraph& graph_;
  const std::int64_t call_;
  const std::shared_ptr<KeptTasks> kept_;
  bool can_keep_ = true;
  int growing_primitives_ = 0;  // that have not been met
  MemoryPlan plan_;
  std::vector<Place> fixed_, places_;
  std::vector<KeptTasks::Task> own_;
  std::vector<std::size_t> ends_;
  ById<int> values_, results_;  // numbers of values that differ, and of results of the graph
  ById<std::size_t> last_use_;  // places in the order of nodes
  // Outputs, what has their memory, and what has a shape that differs from call to call.
  std::unordered_set<std::uintptr_t> outputs_, leaving_, growing_;
};

}  // namespace mlx_c::cpu

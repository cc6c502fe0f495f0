// Graphs that are evaluated again and again as one node.
//
// To make nodes, to find their kernels and to schedule them takes microseconds for each, which is
// as long as most kernels of a step of generation take. So tasks of nodes that are the same each
// time are kept, with the memory of their results, and run again.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <mlx/array.h>

#include "cpu/graph/growing_graph.hpp"
#include "cpu/graph/kept_tasks.hpp"
#include "cpu/nodes/task_queue.hpp"

namespace mlx_c::cpu {

class RepeatedGraph : public std::enable_shared_from_this<RepeatedGraph> {
 public:
  struct Type {
    mlx::core::Shape shape;
    mlx::core::Dtype dtype;
  };
  // What its nodes have in common.
  struct Facts {
    mlx::core::Stream stream;
    std::size_t constant_bytes;  // of the constants that they read
    bool can_fail;               // by what values are
  };

  RepeatedGraph(std::shared_ptr<GrowingGraph> graph, const Facts& facts);

  // The outputs of a call, as nodes that one node computes; it may write into inputs that nothing
  // else holds.
  std::vector<mlx::core::array> outputs(
      const std::vector<mlx::core::array>& inputs,
      std::int64_t call,
      const std::vector<Type>& types);

  // Whether it gains anything, as far as is known.
  bool is_suitable() const {
    return suitable_;
  }

 private:
  friend class Repetition;

  // Schedules a call. It takes the inputs.
  void evaluate(
      std::vector<mlx::core::array>& inputs,
      std::int64_t call,
      TaskQueue& queue,
      KeptTasks::Results& results);

  const std::shared_ptr<GrowingGraph> graph_;
  const Facts facts_;
  std::shared_ptr<const KeptTasks> kept_;
  std::atomic<bool> suitable_ = true;
};

}  // namespace mlx_c::cpu

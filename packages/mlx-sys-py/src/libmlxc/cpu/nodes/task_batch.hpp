// Tasks that a stream's thread runs one after the other.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_set>
#include <vector>

#include <mlx/array.h>
#include <mlx/stream.h>

#include "cpu/kernels/stop.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/weak_node.hpp"

namespace mlx_c::cpu {

// A batch can be set aside before it is done, and resumed later where it was left. A task that is
// stopped leaves its results half done, and is run again: all but those that overwrite an input
// can.
class TaskBatch {
 public:
  using Data = mlx::core::array::Data;
  using Task = std::function<void()>;

  // What is known of a node: its tasks are those from `first` up to the next node's.
  struct Node {
    std::size_t first;
    bool has_tasks;
    bool overwrites_input;
  };
  struct Output {
    WeakNode array;
    std::weak_ptr<Data> data;
    std::size_t node;
  };

  explicit TaskBatch(mlx::core::Stream stream)
      : stream(stream), evaluation(scheduled_evaluation()), owner(std::this_thread::get_id()) {}

  // --- For the thread that fills it ---

  // Tasks added from `first` on are those of a node with these outputs.
  void add_node(
      std::size_t first, bool overwrites_input, const std::vector<mlx::core::array>& outputs);

  const mlx::core::Stream stream;
  const std::shared_ptr<Evaluation> evaluation;
  const std::thread::id owner;
  std::vector<Task> tasks;
  std::vector<Node> nodes;
  std::vector<Output> outputs;
  std::vector<std::shared_ptr<Data>> buffers;  // kept alive until it is done
  std::shared_ptr<void> lasting;               // the same, unless it is set aside

  // --- For the stream's thread ---

  // Its turn on the stream. Does nothing if it has been set aside.
  void run();

  // Runs what is left of a batch set aside, as part of a task of this thread.
  void resume();

  // --- Under the lock that serialises evaluations, once it is enqueued ---

  // Something that cannot be set aside depends on it.
  bool pinned = false;

  // Keeps it from beginning, or stops it. False if it is done, or goes on: a task that cannot be
  // stopped is not waited for long.
  bool set_aside();

  using DataSet = std::unordered_set<const Data*>;

  // Whether it reads or writes one of `data`.
  bool touches(const DataSet& data) const;

  // Adds what its remaining tasks write.
  void collect_written(DataSet& data) const;

 private:
  enum class State { waiting, running, done, aside };

  bool run_tasks(Stop* stop);
  bool remains(const Node& node) const {
    return node.has_tasks && node.first >= next_;
  }
  void hold_outputs();

  std::atomic<State> state_ = State::waiting;
  Stop stop_;
  std::size_t next_ = 0, node_ = 0;
};

}  // namespace mlx_c::cpu

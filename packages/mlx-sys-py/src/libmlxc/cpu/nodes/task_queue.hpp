// The queue that kernels leave their tasks in.
//
// MLX enqueues each operation on the thread of its stream, which costs one or two microseconds, and
// tens of microseconds to wait for. In what `execute` schedules, the calling thread runs the tasks
// of kernels inline, or they are collected and enqueued in batches.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <mlx/array.h>
#include <mlx/backend/cpu/encoder.h>

#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/task_batch.hpp"
#include "cpu/nodes/weak_node.hpp"

namespace mlx_c::cpu {

// While it exists, it takes the tasks that this thread dispatches.
class TaskQueue {
 public:
  using Data = std::shared_ptr<mlx::core::array::Data>;

  TaskQueue(mlx::core::Stream stream, bool runs_inline);

  // One that enqueues nothing: its tasks and the buffers that they need are taken out of it.
  struct Collects {};
  TaskQueue(mlx::core::Stream stream, Collects);
  ~TaskQueue();
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;

  // Null where MLX schedules.
  static TaskQueue* current() {
    return current_;
  }

  template <class F>
  void add(F&& task) {
    if (runs_inline_) {
      task();
    } else {
      batch_->tasks.emplace_back(std::forward<F>(task));
    }
  }

  // The tasks added so far, of the batch that is being collected.
  std::size_t size() const {
    return batch_->tasks.size();
  }

  // The tasks added since there were `first` are those of a node with these outputs.
  void add_node(
      std::size_t first, bool overwrites_input, const std::vector<mlx::core::array>& outputs) {
    batch_->add_node(first, overwrites_input, outputs);
  }

  // Keeps buffers alive until the tasks added so far are done.
  void keep(std::vector<Data> buffers);

  // The same, unless they are set aside.
  void keep_while_under_way(std::shared_ptr<void> object) {
    batch_->lasting = std::move(object);
  }

  // Whether it enqueues nothing.
  bool collects() const {
    return collects_;
  }

  // The tasks added since the last call.
  std::vector<TaskBatch::Task> take_tasks();
  std::vector<Data> take_buffers();

  // Enqueues the tasks collected: in any case if `all`, else if there are enough of them.
  void flush(bool all);

  // Whether the next task may overwrite the buffer of `a` (donation): only the node that `a` is an
  // input of holds it, and tasks that run before.
  bool may_overwrite(const mlx::core::array& a) const;

  // State that consecutive matmuls with this input share, such as the input packed; null at first.
  // Nobody writes to an input while it has readers left, so what was packed stays valid.
  std::shared_ptr<void>& shared_by_readers_of(const mlx::core::array& input);
  // The next matmul shares none with those before.
  void forget_shared();

  // Batches enqueued that are not done, and some that are, in their order. Queues exist under the
  // lock that serialises evaluations, which guards this as well.
  static std::vector<std::weak_ptr<TaskBatch>>& under_way();

  // Something that cannot be set aside depends on what is under way on a stream, or on any.
  static void pin(const mlx::core::Stream* stream = nullptr);

  // These are not under way any more.
  static void forget(const std::vector<std::shared_ptr<TaskBatch>>& batches);

 private:
  static thread_local constinit TaskQueue* current_;

  const mlx::core::Stream stream_;
  const bool runs_inline_;
  TaskQueue* const outer_;
  std::shared_ptr<TaskBatch> batch_;
  std::uintptr_t read_ = 0;
  std::shared_ptr<void> shared_;
  const bool collects_ = false;
  std::optional<WeakNode> reader_;  // keeps the identity of what was read from being another's
};

// Whether a kernel may write its result to the buffer of its input `a`, which nobody else needs.
inline bool may_overwrite(const mlx::core::array& a) {
  return a.is_donatable() || (TaskQueue::current() && TaskQueue::current()->may_overwrite(a));
}

// Runs a task on a stream's thread, where no exception may reach MLX.
template <class F>
void run_for(const std::shared_ptr<Evaluation>& evaluation, F& task) {
  try {
    task();
  } catch (...) {
    if (!evaluation) {
      throw;
    }
    evaluation->fail(std::current_exception());
  }
}

// Schedules the work of a kernel: what every `eval_cpu` ends with.
template <class F>
void dispatch(mlx::core::Stream stream, F&& task) {
  if (TaskQueue* queue = TaskQueue::current()) {
    queue->add(std::forward<F>(task));
  } else {
    mlx::core::cpu::get_command_encoder(stream).dispatch(
        [task = std::forward<F>(task), evaluation = scheduled_evaluation()]() mutable {
          run_for(evaluation, task);
        });
  }
}

}  // namespace mlx_c::cpu

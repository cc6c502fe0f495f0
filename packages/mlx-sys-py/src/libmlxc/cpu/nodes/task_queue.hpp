// Where the kernels of this library leave their work.
//
// MLX hands each operation over to the thread of its stream, which costs a microsecond or two, and
// tens of them to wait for. In what `execute` schedules, the work of kernels is done at once by the
// calling thread, or collected and handed over many operations at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <mlx/array.h>
#include <mlx/backend/cpu/encoder.h>

#include "cpu/nodes/evaluation_errors.hpp"

namespace mlx_c::cpu {

// While it exists, it takes what this thread dispatches.
class TaskQueue {
 public:
  using Data = std::shared_ptr<mlx::core::array::Data>;

  TaskQueue(mlx::core::Stream stream, bool at_once);
  ~TaskQueue();
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;

  // Null where MLX does the scheduling.
  static TaskQueue* current() {
    return current_;
  }

  template <class F>
  void add(F&& step) {
    if (at_once_) {
      step();
    } else {
      batch_.steps.emplace_back(std::forward<F>(step));
    }
  }

  // Holds on to buffers until the steps added so far are done.
  void keep(std::vector<Data> buffers);

  // Hands over what was collected: in any case if `all`, else if it is worth it.
  void flush(bool all);

  // Whether the next step may write to what holds `a`: nobody has it but the node that this is an
  // input of, and steps that come before.
  bool may_overwrite(const mlx::core::array& a) const;

  // What products share that have this input, one after another: whatever they leave there, null at
  // first. Nobody writes to an input while it has readers left, so it stays as it is.
  std::shared_ptr<void>& shared_by_readers_of(const mlx::core::array& input);

 private:
  struct Batch {
    mlx::core::Stream stream;
    std::vector<std::function<void()>> steps;
    std::vector<Data> buffers;
  };
  // Those handed over that are not done, and some that are. TaskQueue exist under the lock that
  // serialises evaluations, and so does this.
  static std::vector<std::weak_ptr<const Batch>>& under_way();

  static thread_local constinit TaskQueue* current_;

  const mlx::core::Stream stream_;
  const bool at_once_;
  TaskQueue* const outer_;
  Batch batch_;
  std::uintptr_t read_ = 0;
  std::shared_ptr<void> shared_;
};

// Whether a kernel may write its result to what holds `a`, an input of it that nobody else needs.
inline bool may_overwrite(const mlx::core::array& a) {
  return a.is_donatable() || (TaskQueue::current() && TaskQueue::current()->may_overwrite(a));
}

// Runs a step on a stream's thread, where an exception must not get to MLX.
template <class F>
void run_for(const std::shared_ptr<Evaluation>& evaluation, F& step) {
  try {
    step();
  } catch (...) {
    if (!evaluation) {
      throw;
    }
    evaluation->fail(std::current_exception());
  }
}

// What the `eval_cpu` of every kernel ends with.
template <class F>
void dispatch(mlx::core::Stream stream, F&& step) {
  if (TaskQueue* steps = TaskQueue::current()) {
    steps->add(std::forward<F>(step));
  } else {
    mlx::core::cpu::get_command_encoder(stream).dispatch(
        [step = std::forward<F>(step), evaluation = scheduled_evaluation()]() mutable {
          run_for(evaluation, step);
        });
  }
}

}  // namespace mlx_c::cpu

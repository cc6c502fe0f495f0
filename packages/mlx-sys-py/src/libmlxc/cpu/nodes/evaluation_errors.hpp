// Evaluations that fail on a stream's thread.
//
// An exception there ends in MLX's error of the stream, of which there is one: the next caller that
// comes by gets it, whoever that is, even in the middle of scheduling, and afterwards it is gone.
// What is reported here stays with the arrays that depend on what failed, and with no other, and
// comes out of every call that needs their values. Nor does an exception get to MLX from a kernel
// that finds no memory to work in: all of its evaluation fails.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include <mlx/array.h>
#include <mlx/event.h>

#include "cpu/nodes/kernel_override.hpp"

namespace mlx_c::cpu {

// What one evaluation computes and what of it failed.
class Evaluation : public std::enable_shared_from_this<Evaluation> {
 public:
  // For each node its id, the number of its inputs, and their ids; empty if no node can fail by
  // itself.
  using Graph = std::vector<std::uintptr_t>;

  explicit Evaluation(Graph graph) : graph_(std::move(graph)) {}

  // Arrays wait for `event` here: they are only known by their event and their id together.
  void add(const mlx::core::Event& event);

  // `node` and all that depends on it failed.
  void fail(std::uintptr_t node, std::exception_ptr error);

  // All of it failed.
  void fail(std::exception_ptr error);

  // What made `node` fail, or null.
  std::exception_ptr failure(std::uintptr_t node) const;

  // Throws what made any of it fail.
  void check() const;

 private:
  friend class FailedEvaluations;

  // With the lock held.
  void record(std::exception_ptr error);

  mutable std::mutex mutex_;
  Graph graph_;
  std::vector<mlx::core::Event> events_;
  std::unordered_set<std::uintptr_t> failed_;
  bool all_failed_ = false;
  std::exception_ptr error_;
  std::atomic<bool> has_error_ = false;
};

// While it exists, what this thread schedules belongs to `evaluation`.
class EvaluationScope {
 public:
  explicit EvaluationScope(std::shared_ptr<Evaluation> evaluation);
  ~EvaluationScope();
  EvaluationScope(const EvaluationScope&) = delete;
  EvaluationScope& operator=(const EvaluationScope&) = delete;

 private:
  const std::shared_ptr<Evaluation> outer_;
};

// What this thread schedules for, null if MLX evaluates something by itself.
const std::shared_ptr<Evaluation>& scheduled_evaluation();

// Where the tasks that evaluate a node report that they fail.
class ErrorReport {
 public:
  explicit ErrorReport(const mlx::core::array& node);

  // Call it before the event of the node is signalled. The message is that of an IndexError.
  void operator()(const std::string& message) const;
  void operator()(std::exception_ptr error) const;

 private:
  std::shared_ptr<Evaluation> evaluation_;
  std::uintptr_t node_;
};

// Throws what made the evaluation of `array` fail, if anything.
void check_error(const mlx::core::array& array);

// The same for arrays waited for by an event that they had.
void check_error(const mlx::core::Event& event, std::uintptr_t id);

// The override of a node with inputs that are still being computed, null if there are none.
// Throws if the evaluation of one has failed.
std::shared_ptr<KernelOverride> dependent(mlx::core::array& node, bool is_view);

}  // namespace mlx_c::cpu

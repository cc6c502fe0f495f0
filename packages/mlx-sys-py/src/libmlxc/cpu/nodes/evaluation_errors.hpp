// Errors of evaluations on a stream's thread.
//
// MLX keeps one error per stream: the next caller gets it, whoever that is, even in the middle of
// scheduling, and then it is gone. An error reported here stays with the arrays that depend on the
// node that failed, and with no others, and is thrown by every call that needs their values. If a
// kernel cannot allocate memory, all of its evaluation fails; the exception does not reach MLX.
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

// The graph of one evaluation, and which of its nodes failed.
class Evaluation : public std::enable_shared_from_this<Evaluation> {
 public:
  // For each node its id, the number of its inputs, and their ids; empty if no node can fail by
  // itself.
  using Graph = std::vector<std::uintptr_t>;

  explicit Evaluation(Graph graph) : graph_(std::move(graph)) {}

  // Arrays that wait for `event` belong to this evaluation: event and id together identify one.
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

// While it exists, nodes that this thread schedules belong to `evaluation`.
class EvaluationScope {
 public:
  explicit EvaluationScope(std::shared_ptr<Evaluation> evaluation);
  ~EvaluationScope();
  EvaluationScope(const EvaluationScope&) = delete;
  EvaluationScope& operator=(const EvaluationScope&) = delete;

 private:
  const std::shared_ptr<Evaluation> outer_;
};

// The evaluation that this thread schedules for; null if MLX evaluates by itself.
const std::shared_ptr<Evaluation>& scheduled_evaluation();

// While it exists, nodes that this thread schedules are the work of another one, which fails with
// any of them.
class PartsOf {
 public:
  explicit PartsOf(const mlx::core::array& whole);
  ~PartsOf();
  PartsOf(const PartsOf&) = delete;
  PartsOf& operator=(const PartsOf&) = delete;

 private:
  const std::uintptr_t outer_;
};

// How the tasks of a node report an error.
class ErrorReport {
 public:
  explicit ErrorReport(const mlx::core::array& node);

  // To be called before the event of the node is signalled. A message becomes an IndexError.
  void operator()(const std::string& message) const;
  void operator()(std::exception_ptr error) const;

 private:
  std::shared_ptr<Evaluation> evaluation_;
  std::uintptr_t node_;
};

// Throws the error of the evaluation of `array`, if there is one.
void check_error(const mlx::core::array& array);

// The same for an array that has been waited for, given the event that it had.
void check_error(const mlx::core::Event& event, std::uintptr_t id);

// The override of a node with inputs that are still being computed, null if there are none.
// Throws if the evaluation of one has failed.
std::shared_ptr<KernelOverride> dependent(mlx::core::array& node, bool is_view);

}  // namespace mlx_c::cpu

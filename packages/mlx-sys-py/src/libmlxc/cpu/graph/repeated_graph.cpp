#include "cpu/graph/repeated_graph.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "cpu/graph/repeated_memory.hpp"
#include "cpu/graph/task_capture.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/verbose.hpp"
#include "cpu/nodes/whole_task.hpp"

namespace mlx_c::cpu {

namespace mx = mlx::core;
using mx::array;
using Results = KeptTasks::Results;

// A call, as one node: it computes all results, and other nodes pass them on.
class Repetition : public KernelPrimitive, public WholeTask {
 public:
  Repetition(
      std::shared_ptr<RepeatedGraph> graph, std::int64_t call, std::shared_ptr<Results> results)
      : KernelPrimitive(graph->facts_.stream),
        graph_(std::move(graph)),
        call_(call),
        results_(std::move(results)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    outputs[0].set_data(mx::allocator::malloc(0));
    if (std::exchange(is_evaluated_, true)) {
      throw std::runtime_error("[record_steps] this step could not be computed before");
    }
    TaskQueue* queue = TaskQueue::current();
    std::optional<TaskQueue> own;
    if (!queue) {
      queue = &own.emplace(stream(), false);
    }
    const std::size_t first = queue->size();
    {
      const PartsOf whole(outputs[0]);
      // It takes the inputs, so that it can write into those that nobody else needs.
      graph_->evaluate(const_cast<std::vector<array>&>(inputs), call_, *queue, *results_);
    }
    // Some results may be needed when others are not.
    std::vector<array> written;
    std::vector<TaskQueue::Data> buffers{outputs[0].data_shared_ptr()};
    for (const auto& result : *results_) {
      written.push_back(*result);
      if (result->data_shared_ptr()) {
        buffers.push_back(result->data_shared_ptr());
      }
    }
    queue->keep(std::move(buffers));
    queue->add_node(std::min(first, queue->size()), true, written);
    if (own) {
      own->flush(true);
    }
  }

  bool may_run_inline() const override {
    return false;
  }

  std::size_t more_bytes() const override {
    return graph_->facts_.constant_bytes;
  }

  bool can_fail() const override {
    return graph_->facts_.can_fail;
  }

  const char* name() const override {
    return "Repetition";
  }

 private:
  const std::shared_ptr<RepeatedGraph> graph_;
  const std::int64_t call_;
  const std::shared_ptr<Results> results_;
  bool is_evaluated_ = false;
};

namespace {

// A result of one.
class Repeated : public KernelPrimitive {
 public:
  Repeated(mx::Stream stream, std::shared_ptr<Results> results, std::size_t number)
      : KernelPrimitive(stream), results_(std::move(results)), number_(number) {}

  void eval_cpu(const std::vector<array>&, std::vector<array>& outputs) override {
    std::optional<array>& result = (*results_)[number_];
    if (!result) {
      throw std::runtime_error("[record_steps] a result of a step is computed once");
    }
    outputs[0].copy_shared_buffer(*result);
    result.reset();
  }

  const char* name() const override {
    return "Repeated";
  }

 private:
  const std::shared_ptr<Results> results_;
  const std::size_t number_;
};

}  // namespace

RepeatedGraph::RepeatedGraph(std::shared_ptr<GrowingGraph> graph, const Facts& facts)
    : graph_(std::move(graph)), facts_(facts) {}

std::vector<array> RepeatedGraph::outputs(
    const std::vector<array>& inputs, std::int64_t call, const std::vector<Type>& types) {
  const auto results = std::make_shared<Results>(types.size());
  const array all(
      {0}, mx::bool_, std::make_shared<Repetition>(shared_from_this(), call, results), inputs);
  std::vector<array> outputs;
  for (std::size_t i = 0; i < types.size(); i++) {
    outputs.emplace_back(
        types[i].shape,
        types[i].dtype,
        std::make_shared<Repeated>(facts_.stream, results, i),
        std::vector<array>{all});
  }
  return outputs;
}

void RepeatedGraph::evaluate(
    std::vector<array>& given, std::int64_t call, TaskQueue& queue, Results& results) {
  std::vector<array> inputs;
  inputs.reserve(given.size());
  for (array& input : given) {
    inputs.push_back(shared_with(input));
    input = computed({0}, mx::bool_);
  }
  if (kept_ && kept_->is_valid()) {
    return kept_->run(std::move(inputs), call, facts_.stream, queue, results);
  }
  kept_ = nullptr;
  const bool was_verbose = is_verbose();
  auto kept = TaskCapture(graph_, call).run(std::move(inputs), facts_.stream, queue, results);
  // Nodes that are measured measure in each call.
  if (!was_verbose && !is_verbose()) {
    suitable_ = kept != nullptr;
    kept_ = std::move(kept);
  }
}

}  // namespace mlx_c::cpu

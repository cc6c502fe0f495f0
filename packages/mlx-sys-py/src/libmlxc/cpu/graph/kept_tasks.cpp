#include "cpu/graph/kept_tasks.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

#include "cpu/arrays/copy.hpp"
#include "cpu/graph/evaluate_node.hpp"
#include "cpu/graph/rewrite.hpp"

namespace mlx_c::cpu {

namespace mx = mlx::core;
using mx::array;

namespace {

class WholeCall {
 public:
  WholeCall(
      std::shared_ptr<const KeptTasks> kept,
      std::vector<KeptTasks::Task> own,
      std::vector<std::size_t> ends)
      : kept_(std::move(kept)), own_(std::move(own)), ends_(std::move(ends)) {}

  void operator()() const {
    std::size_t kept = 0, own = 0;
    for (const auto& turn : kept_->turns) {
      run(kept_->tasks, kept, turn.end);
      run(own_, own, ends_[turn.node]);
    }
    run(kept_->tasks, kept, kept_->tasks.size());
  }

 private:
  static void run(const std::vector<KeptTasks::Task>& tasks, std::size_t& next, std::size_t end) {
    for (; next < end; next++) {
      tasks[next]();
    }
  }

  std::shared_ptr<const KeptTasks> kept_;
  std::vector<KeptTasks::Task> own_;
  std::vector<std::size_t> ends_;
};

}  // namespace

KeptTasks::Task KeptTasks::whole(std::vector<Task> own, std::vector<std::size_t> ends) const {
  return WholeCall(shared_from_this(), std::move(own), std::move(ends));
}

// The results of a node, which are not computed yet. It takes the values that nothing reads later,
// so that its kernel may overwrite them.
std::vector<array> KeptTasks::make(const Node& one, std::int64_t call, Values& values) const {
  std::vector<array> operands;
  operands.reserve(one.operands.size());
  for (const auto& [value, is_last, place] : one.operands) {
    operands.push_back(value < 0 ? fixed[place] : *values[value]);
    if (value >= 0 && is_last) {
      values[value].reset();
    }
  }
  const int first = one.outputs[0].result;
  const auto primitive = one.has_growing_primitive ? graph->primitive(first, call) : one.primitive;
  const auto shape = [&](const Output& output) {
    return output.result < 0 ? output.shape : graph->shape(output.result, call);
  };
  if (one.outputs.size() == 1) {
    const Output& output = one.outputs[0];
    return {array(shape(output), output.dtype, primitive, std::move(operands))};
  }
  std::vector<mx::Shape> shapes;
  std::vector<mx::Dtype> dtypes;
  for (const Output& output : one.outputs) {
    shapes.push_back(shape(output));
    dtypes.push_back(output.dtype);
  }
  return array::make_arrays(std::move(shapes), dtypes, primitive, operands);
}

// Puts the tasks of a node into the queue, and keeps what they read and write.
void KeptTasks::schedule(
    const Node& one, std::vector<array>& results, mx::Stream stream, TaskQueue& queue) const {
  array& node = results[0];
  if (!one.row || !one.row->is_view) {
    std::ranges::for_each(results, check_memory);
  }
  if (one.changes_kernel && one.row) {
    override_kernel(node, *one.row);
  }
  if (!uses_task_queue(node, one.row)) {
    throw std::runtime_error(
        std::string("[record_steps] there is no kernel for ") + node.primitive().name() +
        " with the shapes of this step");
  }
  SamePlaces::Places given;
  for (const Output& output : one.outputs) {
    given.push_back(output.place < 0 ? nullptr : &places[output.place]);
  }
  {
    SamePlaces same(results, given);
    evaluate_node(node, results);
  }
  // What took over the buffer of an input holds it by itself, and must be free to pass it on.
  // Outputs of the graph are kept with the whole of it.
  std::vector<TaskQueue::Data> buffers;
  const auto is_taken = [&](const TaskQueue::Data& data) {
    return std::ranges::any_of(
        results, [&](const array& result) { return result.data_shared_ptr() == data; });
  };
  for (std::size_t i = 0; i < one.operands.size(); i++) {
    const TaskQueue::Data& data = node.inputs()[i].data_shared_ptr();
    if (one.operands[i].value >= 0 && !is_taken(data)) {
      buffers.push_back(data);
    }
  }
  for (std::size_t i = 0; i < results.size(); i++) {
    const bool is_elsewhere = given[i] && !is_at(results[i], *given[i]);
    if (is_elsewhere) {
      array place = *given[i];
      dispatch(stream, copy_of(results[i], place));
    }
    // Of several results some may be needed when others are not.
    if (is_elsewhere || (results.size() > 1 && !given[i] && !one.outputs[i].leaves)) {
      buffers.push_back(results[i].data_shared_ptr());
    }
  }
  queue.keep(std::move(buffers));
}

void KeptTasks::run(
    std::vector<array> inputs,
    std::int64_t call,
    mx::Stream stream,
    TaskQueue& queue,
    Results& results) const {
  Values values(value_count);
  std::ranges::move(inputs, values.begin());
  inputs.clear();
  std::vector<Task> own;
  std::vector<std::size_t> ends;
  ends.reserve(nodes.size());
  TaskQueue collecting(stream, TaskQueue::Collects());
  for (const Node& one : nodes) {
    std::vector<array> made = make(one, call, values);
    schedule(one, made, stream, collecting);
    std::ranges::move(collecting.take_tasks(), std::back_inserter(own));
    ends.push_back(own.size());
    made[0].detach();
    for (std::size_t i = 0; i < made.size(); i++) {
      made[i].set_status(array::Status::available);
      if (one.outputs[i].value >= 0) {
        values[one.outputs[i].value] = std::move(made[i]);
      }
    }
  }
  for (std::size_t i = 0; i < results.size(); i++) {
    results[i] = values[outputs[i]];
  }
  queue.add(whole(std::move(own), std::move(ends)));
  queue.keep(collecting.take_buffers());
}

}  // namespace mlx_c::cpu

#include "cpu/graph/task_capture.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

#include "cpu/graph/evaluate_node.hpp"
#include "cpu/graph/rewrite.hpp"
#include "cpu/nodes/kernel_override.hpp"

namespace mlx_c::cpu {

namespace mx = mlx::core;
using mx::array;

namespace {

int find_number(const std::unordered_map<std::uintptr_t, int>& numbers, const array& a) {
  const auto found = numbers.find(a.id());
  return found == numbers.end() ? -1 : found->second;
}

bool is_view(const KernelRow* row) {
  return row && row->is_view;
}

// Whether its result may have the memory of its input.
bool may_be_view(const array& node, const KernelRow* row) {
  constexpr std::array<std::string_view, 5> names{
      "Contiguous", "Flatten", "Full", "Reshape", "Unflatten"};
  return is_view(row) || std::ranges::find(names, node.primitive().name()) != names.end();
}

bool shares_memory(const array& a, const std::vector<array>& others) {
  return std::ranges::any_of(others, [&](const array& other) {
    return a.data_shared_ptr() && a.data_shared_ptr() == other.data_shared_ptr();
  });
}

void take_outputs(const std::vector<array>& outputs, KeptTasks::Results& results) {
  std::ranges::transform(outputs, results.begin(), shared_with);
}

}  // namespace

TaskCapture::TaskCapture(std::shared_ptr<GrowingGraph> graph, std::int64_t call)
    : graph_(*graph), call_(call), kept_(std::make_shared<KeptTasks>(std::move(graph))) {}

std::shared_ptr<const KeptTasks> TaskCapture::run(
    std::vector<array> inputs, mx::Stream stream, TaskQueue& queue, KeptTasks::Results& results) {
  auto made = graph_.make(inputs, call_);
  number(inputs, made);
  inputs.clear();
  std::vector<PlannedNode> nodes;
  for (const Plan plan = rewrite_graph(made.outputs, stream);
       const auto& [node, row] : plan.nodes) {
    nodes.push_back({*node, row});
  }
  fuse_outputs(nodes);
  if (!std::ranges::all_of(nodes, [](auto& n) { return uses_task_queue(n.array, n.row); })) {
    queue.flush(true);
    evaluate_nodes(nodes, stream);
    take_outputs(made.outputs, results);
    return nullptr;
  }
  find_lives(nodes);
  TaskQueue collecting(stream, TaskQueue::Collects());
  for (std::size_t i = 0; i < nodes.size(); i++) {
    auto& [node, row] = nodes[i];
    if (node.status() == array::Status::unscheduled) {
      add(node, row, i, collecting);
    }
    // Our handle would keep its buffer from being reused.
    array(std::move(node));
  }
  finish(made.outputs);
  queue.add(kept_->whole(std::move(own_), std::move(ends_)));
  queue.keep(collecting.take_buffers());
  take_outputs(made.outputs, results);
  return can_keep_ ? kept_ : nullptr;
}

void TaskCapture::number(const std::vector<array>& inputs, const GrowingGraph::Nodes& made) {
  for (const array& input : inputs) {
    values_[input.id()] = kept_->value_count++;
  }
  for (std::size_t i = 0; i < made.ids.size(); i++) {
    results_[made.ids[i]] = static_cast<int>(i);
    growing_primitives_ += graph_.has_growing_primitive(static_cast<int>(i));
  }
  for (const array& output : made.outputs) {
    outputs_.insert(output.id());
  }
}

// Liveness: which node reads an array last, and which arrays live on in outputs.
void TaskCapture::find_lives(const std::vector<PlannedNode>& nodes) {
  std::unordered_set<std::uintptr_t> seen;
  for (std::size_t i = 0; i < nodes.size(); i++) {
    // Nodes with several outputs come once for each that is used.
    if (seen.insert(nodes[i].array.outputs()[0].id()).second) {
      for (const array& input : nodes[i].array.inputs()) {
        last_use_[input.id()] = i;
      }
    }
  }
  for (std::size_t i = nodes.size(); i-- > 0;) {
    const auto& [node, row] = nodes[i];
    if (leaves(node) && may_be_view(node, row)) {
      for (const array& input : node.inputs()) {
        leaving_.insert(input.id());
      }
    }
  }
}

// Whether its memory is that of an output.
bool TaskCapture::leaves(const array& a) const {
  return outputs_.contains(a.id()) || leaving_.contains(a.id());
}

TaskCapture::Facts TaskCapture::facts_of(const array& node, const KernelRow* row, std::size_t at) {
  Facts facts{node.outputs(), {}, {}, {}};
  KeptTasks::Node& made = facts.node;
  bool reads_growing = false;
  for (const array& input : node.inputs()) {
    reads_growing |= growing_.contains(input.id());
    const int value = find_number(values_, input);
    facts.differs |= value >= 0;
    const bool is_last = last_use_[input.id()] == at && !outputs_.contains(input.id());
    made.operands.push_back({value, is_last});
    // Found again after the call, and held by nothing until then.
    auto& place = facts.fixed.emplace_back();
    if (value < 0 && input.data_shared_ptr()) {
      const array* block = plan_.block_of(input);
      place.emplace(input, block ? *block : input);
    }
  }
  bool grows = reads_growing;
  for (const array& output : facts.outputs) {
    const int result = find_number(results_, output);
    const bool has_growing_shape = result < 0 ? reads_growing : graph_.has_growing_shape(result);
    made.outputs.push_back({output.shape(), output.dtype(), result});
    grows |= has_growing_shape;
    facts.differs |= has_growing_shape || leaves(output);
    if (has_growing_shape) {
      growing_.insert(output.id());
      // It has no shape that is known for other calls.
      can_keep_ &= result >= 0;
    } else if (!is_view(row) && !leaves(output)) {
      facts.settling.push_back(output.id());
    }
  }
  const int first = made.outputs[0].result;
  const auto original = KernelOverride::unwrapped(node.primitive_ptr());
  const bool has_kernel = original != node.primitive_ptr();
  made.has_growing_primitive = first >= 0 && graph_.has_growing_primitive(first);
  if (made.has_growing_primitive) {
    can_keep_ &= graph_.primitive(first, call_) == original;
    growing_primitives_--;
  }
  // A kernel may know the shapes that it was made for.
  made.changes_kernel = made.has_growing_primitive || (grows && has_kernel);
  made.primitive = made.changes_kernel ? original : node.primitive_ptr();
  made.row = row;
  facts.differs |=
      made.has_growing_primitive || !(row && (row->repeats || row->elementwise || row->is_view));
  return facts;
}

// Whether a result, which is to lie at the same place in each call, may be a part of a block that
// is another in each, as a slice is that moves or grows. To bring it to its place would overwrite
// what others still read, and the block may be somebody else's by then.
bool TaskCapture::may_pass_on_part(
    const array& node, const KernelRow* row, const Facts& facts) const {
  if (is_view(row)) {
    return false;  // A value: what reads it is asked the same.
  }
  const auto& inputs = node.inputs();
  for (std::size_t i = 0; i < inputs.size(); i++) {
    const bool is_part = facts.node.operands[i].value >= 0 && plan_.block_of(inputs[i]);
    if (is_part && (may_be_view(node, row) || shares_memory(inputs[i], facts.outputs))) {
      return true;
    }
  }
  return false;
}

void TaskCapture::add(array& node, const KernelRow* row, std::size_t at, TaskQueue& queue) {
  Facts facts = facts_of(node, row, at);
  {
    MemoryPlan::Scope scope(plan_, facts.settling);
    evaluate_node(node, facts.outputs);
  }
  keep_buffers(node, facts, queue);
  for (const array& output : facts.outputs) {
    output.set_status(array::Status::available);
  }
  can_keep_ &= !may_pass_on_part(node, row, facts);
  auto tasks = queue.take_tasks();
  // What a node writes at once, instead of in a task, is not written again.
  can_keep_ &= !tasks.empty() || std::ranges::any_of(node.inputs(), [&](const array& input) {
    return input.data_shared_ptr() == facts.outputs[0].data_shared_ptr();
  });
  if (facts.differs) {
    // What a task has packed that is made in each call is not what tasks that are kept read.
    queue.forget_shared();
    add_made(std::move(facts), std::move(tasks));
  } else {
    add_kept(facts, std::move(tasks));
  }
  node.detach();
}

// Keeps the buffers that a node reads or writes as long as its tasks need them, but for those of
// the plan.
void TaskCapture::keep_buffers(const array& node, const Facts& facts, TaskQueue& queue) const {
  std::vector<TaskQueue::Data> buffers;
  const auto keep = [&](const array& a) {
    if (a.data_shared_ptr() && !plan_.block_of(a)) {
      buffers.push_back(a.data_shared_ptr());
    }
  };
  const bool is_single = facts.outputs.size() == 1;
  for (const array& input : node.inputs()) {
    // A single result that took over the buffer of an input holds it by itself, and must be free to
    // pass it on; of several, some may be needed when others are not.
    if (!is_single || input.data_shared_ptr() != facts.outputs[0].data_shared_ptr()) {
      keep(input);
    }
  }
  if (!is_single) {
    std::ranges::for_each(facts.outputs, keep);
  }
  queue.keep(std::move(buffers));
}

void TaskCapture::add_kept(const Facts& facts, std::vector<KeptTasks::Task> tasks) {
  std::ranges::move(tasks, std::back_inserter(kept_->tasks));
  for (const array& output : facts.outputs) {
    if (output.data_shared_ptr() && !plan_.block_of(output)) {
      kept_->held.push_back(output.data_shared_ptr());
    }
  }
}

void TaskCapture::add_made(Facts facts, std::vector<KeptTasks::Task> tasks) {
  std::ranges::move(tasks, std::back_inserter(own_));
  ends_.push_back(own_.size());
  kept_->turns.push_back({kept_->tasks.size(), kept_->nodes.size()});
  auto& operands = facts.node.operands;
  for (std::size_t i = 0; i < operands.size(); i++) {
    for (std::size_t j = i + 1; j < operands.size(); j++) {
      operands[i].is_last &= operands[j].value != operands[i].value;
    }
    if (operands[i].value < 0 && facts.fixed[i]) {
      operands[i].fixed = static_cast<int>(fixed_.size());
      fixed_.push_back(*facts.fixed[i]);
    }
    can_keep_ &= operands[i].value >= 0 || operands[i].fixed >= 0;
  }
  for (std::size_t i = 0; i < facts.outputs.size(); i++) {
    const array& output = facts.outputs[i];
    facts.node.outputs[i].leaves = outputs_.contains(output.id());
    const bool settles = std::ranges::find(facts.settling, output.id()) != facts.settling.end();
    const array* block = settles ? plan_.block_of(output) : nullptr;
    if (block) {
      facts.node.outputs[i].place = static_cast<int>(places_.size());
      places_.emplace_back(output, *block);
    } else {
      facts.node.outputs[i].value = kept_->value_count;
      values_[output.id()] = kept_->value_count++;
    }
  }
  kept_->nodes.push_back(std::move(facts.node));
}

void TaskCapture::finish(const std::vector<array>& outputs) {
  for (const array& output : outputs) {
    const int value = find_number(values_, output);
    kept_->outputs.push_back(value);
    can_keep_ &= value >= 0 && !plan_.block_of(output);
  }
  can_keep_ &= growing_primitives_ == 0;
  for (const Place& place : fixed_) {
    kept_->fixed.push_back(place.array());
  }
  for (const Place& place : places_) {
    kept_->places.push_back(place.array());
  }
  kept_->blocks = plan_.blocks();
}

}  // namespace mlx_c::cpu

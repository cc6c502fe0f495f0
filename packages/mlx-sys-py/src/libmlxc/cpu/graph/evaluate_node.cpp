#include "cpu/graph/evaluate_node.hpp"

#include <utility>

#include "cpu/graph/elementwise_fusion.hpp"
#include "cpu/graph/registry.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/stream_errors.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/nodes/verbose.hpp"

namespace mlx_c::cpu {

namespace mx = mlx::core;
using mx::array;

namespace {

bool overwrites_inputs(const mx::Primitive& primitive) {
  auto* kernel = dynamic_cast<const KernelPrimitive*>(&primitive);
  return elementwise_program(primitive) || (kernel && kernel->overwrites_inputs());
}

}  // namespace

void evaluate_node(array& node, std::vector<array>& outputs) {
  // What is differentiated later needs its inputs: a second handle keeps them from being
  // overwritten.
  if (node.is_tracer()) {
    const std::vector<array> held = node.inputs();
    node.primitive().eval_cpu(node.inputs(), outputs);
    return;
  }
  // Each of several outputs has handles on the inputs; those of one are enough, and let inputs be
  // overwritten. Where a node may fail later, as a factorization does, all are needed then.
  if (node.siblings().empty() || !overwrites_inputs(*measured(node.primitive_ptr()))) {
    node.primitive().eval_cpu(node.inputs(), outputs);
    return;
  }
  // An override is given to the one that is met first.
  const auto original = KernelOverride::unwrapped(node.primitive_ptr());
  const auto each_other = [&](auto change) {
    for (array& sibling : node.siblings()) {
      if (KernelOverride::unwrapped(sibling.primitive_ptr()) == original) {
        change(sibling.inputs());
      }
    }
  };
  each_other([](std::vector<array>& inputs) { inputs.clear(); });
  try {
    node.primitive().eval_cpu(node.inputs(), outputs);
  } catch (...) {
    each_other([&](std::vector<array>& inputs) { inputs = node.inputs(); });
    throw;
  }
}

void evaluate_nodes(std::vector<PlannedNode>& nodes, mx::Stream stream) {
  TaskQueue queue(stream, false);
  for (auto& [node, row] : nodes) {
    if (node.status() != array::Status::unscheduled) {
      array(std::move(node));
      continue;
    }
    const bool queued = uses_task_queue(node, row);
    queue.flush(!queued);
    std::vector<array> outputs = node.outputs();
    const std::size_t first = queue.size();
    // Held until the tasks of the node have run.
    std::vector<TaskQueue::Data> buffers;
    for (const array& input : node.inputs()) {
      buffers.push_back(input.data_shared_ptr());
    }
    node.primitive().eval_cpu(node.inputs(), outputs);
    for (const array& output : outputs) {
      buffers.push_back(output.data_shared_ptr());
      output.set_status(array::Status::available);
    }
    if (queued) {
      queue.keep(std::move(buffers));
      queue.add_node(first, true, outputs);
    } else {
      auto& encoder = mx::cpu::get_command_encoder(stream);
      enqueue(
          stream,
          [buffers = std::move(buffers), temporaries = std::exchange(encoder.temporaries(), {})] {
          });
    }
    node.detach();
    array(std::move(node));
  }
  queue.flush(true);
  // What is left to MLX cannot be set aside, nor can what nobody sees to be a node of its own.
  TaskQueue::pin(&stream);
}

}  // namespace mlx_c::cpu

#include "core/vmap.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <mlx/ops.h>

#include "core/tape.hpp"
#include "core/vmap_rules.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// What a slot of the tape holds: an array, and its mapped axis.
struct MappedArray {
  mx::array array;
  int axis;
};
using Slots = std::vector<std::optional<MappedArray>>;

void map(const Tape& tape, const Tape::Node& node, Slots& slots) {
  const auto& given = node.array.inputs();
  const int* input_slots = tape.input_slots(node);
  Arrays inputs;
  inputs.reserve(given.size());
  std::vector<int> axes;
  axes.reserve(given.size());
  for (size_t i = 0; i < given.size(); ++i) {
    const auto* mapped = input_slots[i] != Tape::no_slot && slots[input_slots[i]]
        ? &*slots[input_slots[i]]
        : nullptr;
    inputs.push_back(mapped ? mapped->array : given[i]);
    axes.push_back(mapped ? mapped->axis : -1);
  }
  auto [results, result_axes] = node_vmap(node.array, inputs, axes);
  const size_t count = std::min<size_t>(results.size(), node.result_count());
  for (size_t i = 0; i < count; ++i) {
    slots[node.first_slot + i] = MappedArray{std::move(results[i]), result_axes[i]};
  }
}

// A result of the whole batch with its mapped axis where it is to be.
mx::array with_axis_at(const MappedArray& mapped, int axis) {
  const auto& [array, from] = mapped;
  if (from == axis) {
    return array;
  }
  if (axis < 0 || axis >= static_cast<int>(array.ndim())) {
    throw std::invalid_argument(
        "[vmap] Axis " + std::to_string(axis) + " invalid for output with " +
        std::to_string(array.ndim()) + " dimensions.");
  }
  return mx::moveaxis(array, from, axis);
}

}  // namespace

Arrays vmap_replace(
    const Arrays& inputs,
    const Arrays& traced_inputs,
    const Arrays& traced_outputs,
    const std::vector<int>& in_axes,
    const std::vector<int>& out_axes) {
  Arrays mapped_traces;
  std::vector<size_t> numbers;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (in_axes[i] >= 0) {
      mapped_traces.push_back(traced_inputs[i]);
      numbers.push_back(i);
    }
  }
  if (numbers.empty()) {
    throw std::invalid_argument("At least one of in_axes must be non-None.");
  }
  const int extent = inputs[numbers[0]].shape(in_axes[numbers[0]]);
  Tape tape(mapped_traces, traced_outputs, Tape::Stop::never);
  for (auto& trace : mapped_traces) {
    trace.set_tracer(false);
  }
  tape.release_tracers();
  Slots slots(tape.slot_count());
  for (size_t i = 0; i < numbers.size(); ++i) {
    slots[i] = MappedArray{inputs[numbers[i]], in_axes[numbers[i]]};
  }
  for (auto& node : tape.nodes()) {
    map(tape, node, slots);
  }
  Arrays results;
  results.reserve(traced_outputs.size());
  for (size_t i = 0; i < traced_outputs.size(); ++i) {
    const int slot = tape.slot(traced_outputs[i]);
    const auto* mapped = slot != Tape::no_slot && slots[slot] ? &*slots[slot] : nullptr;
    if (mapped && (mapped->axis >= 0 || mapped->axis == out_axes[i])) {
      results.push_back(with_axis_at(*mapped, out_axes[i]));
      continue;
    }
    // The same for the whole batch.
    const auto& one = mapped ? mapped->array : traced_outputs[i];
    results.push_back(mx::repeat(mx::expand_dims(one, out_axes[i]), extent, out_axes[i]));
  }
  return results;
}

}  // namespace mlx_c

#include "core/step_recording.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "core/integer_arrays.hpp"
#include "cpu/nodes/fused.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/verbose.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

using Arrays = std::vector<mx::array>;

thread_local int traces = 0;

}  // namespace

StepRecording::Trace::Trace() {
  ++traces;
}

StepRecording::Trace::~Trace() {
  --traces;
}

void StepRecording::refuse(const std::string& why) {
  throw std::invalid_argument("[record_steps] " + why);
}

StepRecording::StepRecording(const std::array<Call, call_count>& calls, std::int64_t length)
    : most_calls_(length) {
  for (auto& input : calls[0].inputs) {
    input_shapes_.push_back(input.shape());
  }
  const auto record = [](const Call& call) {
    Recording recording(call.inputs, call.outputs, {}, false);
    // A node that was evaluated meanwhile has a kernel, which may know the shape.
    for (auto& step : recording.steps_) {
      step.primitive = cpu::KernelOverride::unwrapped(std::move(step.primitive));
    }
    return recording;
  };
  compare({record(calls[0]), record(calls[1]), record(calls[2])}, length);
  limit_calls();
  divide();
}

// Of something that has room left, and less with each call.
void StepRecording::limit_calls(std::int64_t room, std::int64_t rate) {
  if (rate > 0) {
    most_calls_ = std::min(most_calls_, room / rate + 1);
  }
}

void StepRecording::limit_calls() {
  std::vector<const mx::Shape*> rates(recording_.results_.size(), nullptr);
  for (auto& [result, rate] : growth_.shapes) {
    rates[result] = &rate;
    for (size_t axis = 0; axis < rate.size(); ++axis) {
      limit_calls(recording_.results_[result].shape[axis], -std::int64_t{rate[axis]});
    }
  }
  const int input_count = static_cast<int>(input_shapes_.size());
  for (auto& [place, now, rate] : growth_.primitives) {
    const auto& step = recording_.steps_[place];
    const std::string_view name = step.primitive->name();
    if (name != "Slice" && name != "SliceUpdate") {
      continue;
    }
    const int source = recording_.step_inputs_[step.first_input];
    const int result = source - input_count;
    const auto& shape = source < 0 ? recording_.constants_[-1 - source].shape()
        : result < 0               ? input_shapes_[source]
                                   : recording_.results_[result].shape;
    for (size_t i = 0; i < rate.size(); ++i) {
      const size_t axis = i % shape.size();
      const std::int64_t growth = result >= 0 && rates[result] ? (*rates[result])[axis] : 0;
      limit_calls(shape[axis] - now.numbers[i], rate[i] - growth);
      limit_calls(now.numbers[i], -rate[i]);
    }
  }
}

StepRecording::Values StepRecording::constants(std::int64_t call) const {
  Values values;
  for (const auto& [places, numbers, rate] : constants_) {
    auto grown = numbers;
    for (size_t i = 0; i < rate.size(); ++i) {
      grown[i] += rate[i] * call;
    }
    const auto value = array_of(grown, recording_.constants_[places[0]]);
    for (const int place : places) {
      values.insert_or_assign(-1 - place, value);
    }
  }
  return values;
}

void StepRecording::compute(const Part& part, std::int64_t call, bool repeats, Values& values) {
  Arrays inputs;
  for (const int number : part.steps->inputs()) {
    inputs.push_back(values.at(number));
  }
  Arrays outputs;
  if (repeats && part.repeated) {
    std::vector<cpu::RepeatedGraph::Type> types;
    for (size_t i = 0; i < part.steps->outputs().size(); ++i) {
      types.push_back(part.steps->type(i, call));
    }
    outputs = part.repeated->outputs(inputs, call, types);
  } else {
    outputs = part.steps->make(inputs, call).outputs;
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    values.insert_or_assign(part.steps->outputs()[i], std::move(outputs[i]));
  }
}

Arrays StepRecording::next(const Arrays& inputs) {
  if (calls_ == most_calls_) {
    refuse("there are no more calls that do the same");
  }
  // First what may be refused: then nothing has changed.
  auto values = constants(calls_);
  const auto call = calls_++;
  for (size_t i = 0; i < inputs.size(); ++i) {
    values.insert_or_assign(static_cast<int>(i), inputs[i]);
  }
  // What is differentiated or measured needs nodes of its own.
  const bool repeats = !parts_.empty() && traces == 0 && !cpu::is_verbose() && !cpu::is_unfused() &&
      std::ranges::none_of(inputs, [](const auto& input) { return input.is_tracer(); }) &&
      std::ranges::all_of(
          parts_, [](const auto& part) { return !part.repeated || part.repeated->is_suitable(); });
  for (const auto& part : repeats ? parts_ : whole_) {
    compute(part, call, repeats, values);
  }
  Arrays outputs;
  for (const int number : recording_.outputs_) {
    const auto value = values.find(number);
    outputs.push_back(value != values.end() ? value->second : recording_.constants_[-1 - number]);
  }
  return outputs;
}

}  // namespace mlx_c

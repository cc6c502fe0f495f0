#include "core/step_part.hpp"

#include <algorithm>
#include <numeric>
#include <typeinfo>
#include <utility>

#include "cpu/graph/registry.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

using Arrays = std::vector<mx::array>;

Numbers grown(Numbers numbers, const Numbers& rate, std::int64_t calls) {
  for (std::size_t i = 0; i < rate.size(); ++i) {
    numbers[i] += rate[i] * calls;
  }
  return numbers;
}

}  // namespace

StepPart::StepPart(
    const Recording& recording,
    int input_count,
    const std::vector<int>& steps,
    const std::unordered_set<int>& varying,
    const std::unordered_set<int>& used_elsewhere,
    const StepGrowth& growth) {
  // By the numbers in the recording.
  std::unordered_map<int, int> numbers;
  std::unordered_set<int> own;
  for (const int i : steps) {
    const auto& step = recording.steps_[i];
    for (int k = 0; k < step.result_count; ++k) {
      own.insert(step.first_result + k);
    }
    for (int k = 0; k < step.input_count; ++k) {
      const int number = recording.step_inputs_[step.first_input + k];
      const bool is_input = number < 0 ? varying.contains(-1 - number) : !own.contains(number);
      if (is_input && numbers.try_emplace(number, static_cast<int>(inputs_.size())).second) {
        inputs_.push_back(number);
      }
    }
  }
  int count = static_cast<int>(inputs_.size());
  std::unordered_map<int, const StepGrowth::Primitive*> primitives;
  for (const auto& one : growth.primitives) {
    primitives[one.step] = &one;
  }
  std::unordered_map<int, const mx::Shape*> rates;
  for (const auto& [result, rate] : growth.shapes) {
    rates[result] = &rate;
  }
  growth_.reserve(growth.primitives.size());
  for (const int i : steps) {
    auto step = recording.steps_[i];
    const int first_input = static_cast<int>(recording_.step_inputs_.size());
    for (int k = 0; k < step.input_count; ++k) {
      const int number = recording.step_inputs_[step.first_input + k];
      auto known = numbers.find(number);
      if (known == numbers.end()) {
        recording_.constants_.push_back(recording.constants_[-1 - number]);
        known = numbers.emplace(number, -static_cast<int>(recording_.constants_.size())).first;
      }
      recording_.step_inputs_.push_back(known->second);
    }
    const int first_result = count - static_cast<int>(inputs_.size());
    for (int k = 0; k < step.result_count; ++k) {
      const int number = step.first_result + k;
      const auto& type = recording.results_[number - input_count];
      if (used_elsewhere.contains(number)) {
        outputs_.push_back(number);
        recording_.outputs_.push_back(count);
      }
      if (const auto rate = rates.find(number - input_count); rate != rates.end()) {
        rates_.emplace(static_cast<int>(shapes_.size()), *rate->second);
      }
      numbers[number] = count++;
      recording_.results_.push_back(type);
      shapes_.push_back(type.shape);
    }
    if (const auto one = primitives.find(i); one != primitives.end()) {
      const int growing = add(step.primitive, *one->second);
      growing_of_step_[static_cast<int>(recording_.steps_.size())] = growing;
      growing_of_result_[first_result] = growing;
    }
    recording_.most_inputs_ = std::max(recording_.most_inputs_, step.input_count);
    step.first_input = first_input;
    step.first_result = first_result + static_cast<int>(inputs_.size());
    recording_.steps_.push_back(std::move(step));
  }
}

int StepPart::add(std::shared_ptr<mx::Primitive> primitive, const StepGrowth::Primitive& growth) {
  for (std::size_t i = growing_.size(); i-- > 0;) {
    const auto& known = *growing_[i].growth;
    auto& other = *growing_[i].primitive;
    if (known.first.numbers == growth.first.numbers && known.rate == growth.rate &&
        typeid(other) == typeid(*primitive) && other.stream() == primitive->stream() &&
        other.is_equivalent(*primitive)) {
      return static_cast<int>(i);
    }
  }
  growth_.push_back(growth);
  growing_.push_back({&growth_.back(), 0, std::move(primitive)});
  return static_cast<int>(growing_.size()) - 1;
}

cpu::RepeatedGraph::Type StepPart::type(std::size_t output, std::int64_t call) const {
  const int result = recording_.outputs_[output] - static_cast<int>(inputs_.size());
  return {shape(result, call), recording_.results_[result].dtype};
}

bool StepPart::can_fail() const {
  return std::ranges::any_of(recording_.steps_, [](const auto& step) {
    const auto* row = cpu::find_row(step.primitive->name());
    return row && row->checks_values;
  });
}

std::size_t StepPart::constant_bytes() const {
  return std::accumulate(
      recording_.constants_.begin(),
      recording_.constants_.end(),
      std::size_t{0},
      [](std::size_t sum, const mx::array& constant) { return sum + constant.nbytes(); });
}

cpu::GrowingGraph::Nodes StepPart::make(const Arrays& inputs, std::int64_t call) {
  for (const auto& [result, rate] : rates_) {
    recording_.results_[result].shape = shape(result, call);
  }
  for (const auto& [step, growing] : growing_of_step_) {
    auto& [first, input, input_count, result, result_count] = recording_.steps_[step];
    first = primitive(result - static_cast<int>(inputs_.size()), call);
  }
  Nodes nodes;
  Arrays all;
  nodes.outputs = recording_.repeat(inputs, &all);
  nodes.ids.reserve(all.size());
  nodes.results.reserve(all.size());
  for (const auto& result : all) {
    nodes.ids.push_back(result.id());
    nodes.results.emplace_back(result);
  }
  return nodes;
}

mx::Shape StepPart::shape(int result, std::int64_t call) const {
  mx::Shape shape = shapes_[result];
  if (const auto rate = rates_.find(result); rate != rates_.end()) {
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      shape[axis] += static_cast<mx::ShapeElem>(rate->second[axis] * call);
    }
  }
  return shape;
}

bool StepPart::has_growing_shape(int result) const {
  return rates_.contains(result);
}

std::shared_ptr<mx::Primitive> StepPart::primitive(int result, std::int64_t call) {
  auto& growing = growing_[growing_of_result_.at(result)];
  if (growing.call != call) {
    growing.primitive = growing.growth->first.with(
        grown(growing.growth->first.numbers, growing.growth->rate, call));
    growing.call = call;
  }
  return growing.primitive;
}

bool StepPart::has_growing_primitive(int result) const {
  return growing_of_result_.contains(result);
}

}  // namespace mlx_c

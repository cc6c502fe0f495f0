// The parts of a recording that are scheduled as one, and evaluated as one node each.
#include <algorithm>
#include <numeric>
#include <unordered_set>
#include <utility>

#include "core/step_recording.hpp"
#include "cpu/graph/registry.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// Steps of a part: so many, unless they read so many bytes of constants before that.
constexpr size_t most_steps_of_part = 512, least_steps_of_part = 8;
constexpr size_t most_bytes_of_part = 32 << 20;

}  // namespace

// Which steps stay nodes of their own: those that fail by what values are before they have tasks,
// and what these depend on.
std::vector<bool> StepRecording::find_apart() const {
  const auto& steps = recording_.steps_;
  const int input_count = static_cast<int>(input_shapes_.size());
  std::vector<bool> is_apart(steps.size(), false);
  std::unordered_set<int> read_apart;
  for (size_t i = steps.size(); i-- > 0;) {
    const auto* row = cpu::find_row(steps[i].primitive->name());
    is_apart[i] = row && row->checks_values && !row->checks_late;
    for (int k = 0; k < steps[i].result_count; ++k) {
      is_apart[i] = is_apart[i] || read_apart.contains(steps[i].first_result + k);
    }
    for (int k = 0; is_apart[i] && k < steps[i].input_count; ++k) {
      const int number = recording_.step_inputs_[steps[i].first_input + k];
      if (number >= input_count) {
        read_apart.insert(number);
      }
    }
  }
  return is_apart;
}

// The steps that are apart, and those of each part; none if they cannot be parts.
std::vector<std::vector<int>> StepRecording::groups_of(const std::vector<bool>& is_apart) const {
  const auto& steps = recording_.steps_;
  std::vector<std::vector<int>> groups(2);
  size_t bytes = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    const auto& step = steps[i];
    if (step.primitive->device() != mx::Device::cpu ||
        step.primitive->stream() != steps[0].primitive->stream()) {
      return {};
    }
    if (is_apart[i]) {
      groups[0].push_back(static_cast<int>(i));
      continue;
    }
    if (groups.back().size() >= most_steps_of_part || bytes >= most_bytes_of_part) {
      groups.emplace_back();
      bytes = 0;
    }
    groups.back().push_back(static_cast<int>(i));
    for (int k = 0; k < step.input_count; ++k) {
      const int number = recording_.step_inputs_[step.first_input + k];
      if (number >= 0) {
        continue;
      }
      const auto& constant = recording_.constants_[-1 - number];
      if (!constant.is_available()) {
        return {};
      }
      bytes += constant.nbytes();
    }
  }
  return groups[1].size() < least_steps_of_part ? std::vector<std::vector<int>>() : groups;
}

void StepRecording::divide() {
  const auto& steps = recording_.steps_;
  const int input_count = static_cast<int>(input_shapes_.size());
  std::unordered_set<int> varying;
  for (const auto& constant : constants_) {
    varying.insert(constant.places.begin(), constant.places.end());
  }
  const auto part_of = [&](const std::vector<int>& some, const std::unordered_set<int>& used) {
    return std::make_shared<StepPart>(recording_, input_count, some, varying, used, growth_);
  };
  const std::unordered_set<int> returned(recording_.outputs_.begin(), recording_.outputs_.end());
  std::vector<int> all(steps.size());
  std::iota(all.begin(), all.end(), 0);
  whole_ = {{part_of(all, returned), nullptr}};

  const auto groups = groups_of(find_apart());
  // The group that makes a result, and the results that more than one group needs.
  std::vector<size_t> made_by(input_count + recording_.results_.size());
  auto used = returned;
  for (size_t group = 0; group < groups.size(); ++group) {
    for (const int i : groups[group]) {
      std::fill_n(made_by.begin() + steps[i].first_result, steps[i].result_count, group);
    }
  }
  for (size_t group = 0; group < groups.size(); ++group) {
    for (const int i : groups[group]) {
      for (int k = 0; k < steps[i].input_count; ++k) {
        const int number = recording_.step_inputs_[steps[i].first_input + k];
        if (number >= input_count && made_by[number] != group) {
          used.insert(number);
        }
      }
    }
  }
  for (size_t group = 0; group < groups.size(); ++group) {
    auto part = part_of(groups[group], used);
    std::shared_ptr<cpu::RepeatedGraph> repeated;
    if (group > 0) {
      repeated = std::make_shared<cpu::RepeatedGraph>(
          part,
          cpu::RepeatedGraph::Facts{
              steps[0].primitive->stream(), part->constant_bytes(), part->can_fail()});
    }
    parts_.push_back({std::move(part), std::move(repeated)});
  }
}

}  // namespace mlx_c

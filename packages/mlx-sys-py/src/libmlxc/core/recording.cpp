#include "core/recording.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <typeinfo>
#include <utility>

#include "core/node_pool.hpp"
#include "core/tape.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

using Arrays = std::vector<mx::array>;

constexpr int no_number = std::numeric_limits<int>::min();

const mx::array& source_of(const mx::array& a, bool simplifies) {
  const auto* source = &a;
  while (source->has_primitive()) {
    const auto* next = passed_input(*source);
    if (!next && simplifies && std::string_view(source->primitive().name()) == "Copy") {
      next = &source->inputs()[0];
    }
    if (!next) {
      break;
    }
    source = next;
  }
  return *source;
}

// A file is read once, and a repeated step computed once: their nodes become constants with the
// first evaluation.
bool is_constant(const mx::array& node) {
  if (!node.has_primitive()) {
    return true;
  }
  const std::string_view name = node.primitive().name();
  return name == "Load" || name == "Repeated";
}

bool is_scalar(const mx::array& a) {
  return a.ndim() == 0 && a.is_available() && a.itemsize() <= sizeof(uint64_t);
}

bool same_scalar(const mx::array& a, const mx::array& b) {
  return a.dtype() == b.dtype() && std::memcmp(a.data<char>(), b.data<char>(), a.itemsize()) == 0;
}

}  // namespace

const mx::array* passed_input(const mx::array& node) {
  const std::string_view name = node.primitive().name();
  const auto& inputs = node.inputs();
  if (name == "StopGradient") {
    return &inputs[0];
  }
  if (name == "CustomTransforms") {
    // The inputs end with the outputs.
    const auto outputs = inputs.end() - static_cast<int>(node.siblings().size() + 1);
    return &outputs[node.sibling_position()];
  }
  return nullptr;
}

class Recording::Builder {
 public:
  Builder(Recording& recording, bool simplifies) : self_(recording), simplifies_(simplifies) {}

  void build(const Arrays& tracers, const Arrays& outputs, const Arrays& originals) {
    bool is_new;
    for (auto& original : originals) {
      originals_.insert(original, is_new) = 0;
    }
    for (auto& tracer : tracers) {
      numbers_.insert(tracer, is_new) = count_++;
    }
    for (auto& output : outputs) {
      self_.outputs_.push_back(visit(output));
    }
  }

 private:
  // Depth first, with a stack of its own: a graph may be deeper than the thread's.
  int visit(const mx::array& output) {
    const auto& node = source_of(output, simplifies_);
    enter(node);
    while (!path_.empty()) {
      auto& [top, next] = path_.back();
      if (next < top->inputs().size()) {
        enter(source_of(top->inputs()[next++], simplifies_));
        continue;
      }
      add(*top);
      path_.pop_back();
    }
    return numbers_[node];
  }

  void enter(const mx::array& node) {
    if (originals_.get(node, no_number) != no_number) {
      throw std::invalid_argument(
          "[compile] Attempting to compile a function with uncaptured inputs is not allowed.");
    }
    if (numbers_.get(node, no_number) != no_number) {
      return;
    }
    if (is_constant(node)) {
      bool is_new;
      numbers_.insert(node, is_new) = constant(node);
    } else {
      path_.push_back({&node, 0});
    }
  }

  int constant(const mx::array& value) {
    auto& constants = self_.constants_;
    if (simplifies_ && is_scalar(value)) {
      for (const int place : scalars_) {
        if (same_scalar(constants[place], value)) {
          return -1 - place;
        }
      }
      scalars_.push_back(static_cast<int>(constants.size()));
    }
    constants.push_back(value);
    return -static_cast<int>(constants.size());
  }

  void add(const mx::array& node) {
    auto& inputs = self_.step_inputs_;
    const int first_input = static_cast<int>(inputs.size());
    for (auto& input : node.inputs()) {
      inputs.push_back(numbers_[source_of(input, simplifies_)]);
    }
    const Step step = {
        .primitive = node.primitive_ptr(),
        .first_input = first_input,
        .input_count = static_cast<int>(node.inputs().size()),
        .first_result = count_,
        .result_count = 1 + static_cast<int>(node.siblings().size())};
    int first_result = simplifies_ ? equal_step(step, node) : no_number;
    if (first_result == no_number) {
      first_result = count_;
      count_ += step.result_count;
      self_.most_inputs_ = std::max(self_.most_inputs_, step.input_count);
      self_.steps_.push_back(step);
      for (auto& result : node.outputs()) {
        self_.results_.push_back({result.shape(), result.dtype()});
      }
    } else {
      inputs.resize(first_input);
    }
    bool is_new;
    for (auto& result : node.outputs()) {
      numbers_.insert(result, is_new) = first_result++;
    }
  }

  // The first result of a step before that does the same; adds the step to the table if there is
  // none. Without inputs it is done again, as by MLX.
  int equal_step(const Step& step, const mx::array& node) {
    if (step.input_count == 0) {
      return no_number;
    }
    if (2 * self_.steps_.size() >= table_.size()) {
      grow();
    }
    const auto place = find(step, &node);
    if (table_[place] != 0) {
      return self_.steps_[table_[place] - 1].first_result;
    }
    table_[place] = static_cast<int>(self_.steps_.size()) + 1;
    return no_number;
  }

  // Where an equal step is in the table, or is to be.
  size_t find(const Step& step, const mx::array* node) const {
    auto hash = reinterpret_cast<uintptr_t>(&typeid(*step.primitive));
    for (int i = 0; i < step.input_count; ++i) {
      hash = hash * 31 + self_.step_inputs_[step.first_input + i];
    }
    const size_t mask = table_.size() - 1;
    size_t place = (hash * 0x9E3779B97F4A7C15u) >> 32 & mask;
    while (table_[place] != 0 &&
           !(node && are_equal(self_.steps_[table_[place] - 1], step, *node))) {
      place = (place + 1) & mask;
    }
    return place;
  }

  bool are_equal(const Step& a, const Step& b, const mx::array& node) const {
    const auto& p = *a.primitive;
    const auto& q = *b.primitive;
    const auto* inputs = self_.step_inputs_.data();
    if (a.input_count != b.input_count || a.result_count != b.result_count ||
        !std::equal(
            inputs + a.first_input,
            inputs + a.first_input + a.input_count,
            inputs + b.first_input) ||
        a.primitive->stream() != b.primitive->stream()) {
      return false;
    }
    if (&p != &q && (typeid(p) != typeid(q) || !p.is_equivalent(q))) {
      return false;
    }
    const auto* result = &self_.results_[a.first_result - first_made()];
    return a.result_count > 1 || (result->dtype == node.dtype() && result->shape == node.shape());
  }

  int first_made() const {
    return count_ - static_cast<int>(self_.results_.size());
  }

  void grow() {
    table_.assign(std::max<size_t>(64, 4 * table_.size()), 0);
    for (size_t i = 0; i < self_.steps_.size(); ++i) {
      if (self_.steps_[i].input_count > 0) {
        table_[find(self_.steps_[i], nullptr)] = static_cast<int>(i) + 1;
      }
    }
  }

  struct Visit {
    const mx::array* node;
    size_t next;
  };

  Recording& self_;
  const bool simplifies_;
  NumberedArrays numbers_;
  NumberedArrays originals_;
  std::vector<Visit> path_;
  std::vector<int> scalars_;  // places of constants
  std::vector<int> table_;    // steps, from 1; a power of two of entries
  int count_ = 0;
};

Recording::Recording(
    const Arrays& tracers, const Arrays& outputs, const Arrays& originals, bool simplifies) {
  Builder(*this, simplifies).build(tracers, outputs, originals);
}

Arrays Recording::repeat(const Arrays& inputs, Arrays* all) const {
  Arrays results;
  results.reserve(results_.size());
  const int input_count = static_cast<int>(inputs.size());
  auto value = [&](int number) {
    return number < 0          ? &constants_[-1 - number]
        : number < input_count ? &inputs[number]
                               : &results[number - input_count];
  };
  std::vector<const mx::array*> given(most_inputs_);
  for (auto& step : steps_) {
    for (int i = 0; i < step.input_count; ++i) {
      given[i] = value(step_inputs_[step.first_input + i]);
    }
    if (step.result_count == 1) {
      auto& [shape, dtype] = results_[step.first_result - input_count];
      results.push_back(make_node(shape, dtype, step.primitive, given.data(), step.input_count));
      continue;
    }
    std::vector<mx::Shape> shapes;
    std::vector<mx::Dtype> dtypes;
    for (int i = 0; i < step.result_count; ++i) {
      auto& [shape, dtype] = results_[step.first_result - input_count + i];
      shapes.push_back(shape);
      dtypes.push_back(dtype);
    }
    Arrays copies;
    for (int i = 0; i < step.input_count; ++i) {
      copies.push_back(*given[i]);
    }
    for (auto& result : mx::array::make_arrays(std::move(shapes), dtypes, step.primitive, copies)) {
      results.push_back(std::move(result));
    }
  }
  Arrays outputs;
  outputs.reserve(outputs_.size());
  for (const int number : outputs_) {
    outputs.push_back(*value(number));
  }
  if (all) {
    *all = std::move(results);
  }
  return outputs;
}

}  // namespace mlx_c

#include "core/gradients.hpp"

#include <algorithm>
#include <optional>
#include <sstream>
#include <stdexcept>

#include <mlx/ops.h>
#include <mlx/transforms.h>
#include <mlx/utils.h>

#include "core/gradient_rules.hpp"
#include "core/node_cache.hpp"
#include "core/tape.hpp"
#include "cpu/nodes/gradient_tracing.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

using Slots = std::vector<std::optional<mx::array>>;

// Runs `body` while MLX knows that gradients are being traced. The state that says so is not
// exported: MLX's function of no inputs and no outputs does nothing but set it.
template <class Body>
void while_tracing(const Body& body) {
  mx::vjp(
      [&body](const Arrays&) {
        body();
        return Arrays{};
      },
      Arrays{},
      Arrays{});
}

// Where MLX puts what has to do with an array.
mx::StreamOrDevice stream_of(const mx::array& a) {
  return a.has_primitive() ? mx::StreamOrDevice(a.primitive().stream()) : unnamed_stream;
}

// Other arrays of the same values, which the graph can be told by.
Arrays traced(const Arrays& primals) {
  Arrays result;
  result.reserve(primals.size());
  for (auto& primal : primals) {
    result.push_back(cached_node<mx::copy>(primal, stream_of(primal)));
    result.back().set_tracer(true);
  }
  return result;
}

// The nodes of a trace keep their inputs until its end, whatever rules evaluate.
class Trace {
 public:
  Trace(Arrays& inputs, const Arrays& outputs)
      : inputs_(inputs), tape_(inputs, outputs, Tape::Stop::at_stop_gradient) {}
  ~Trace() {
    for (auto& input : inputs_) {
      input.set_tracer(false);
    }
    tape_.release_tracers();
  }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  Tape* operator->() {
    return &tape_;
  }

 private:
  Arrays& inputs_;
  Tape tape_;
};

void check_cotangents(const Arrays& outputs, const Arrays& cotangents) {
  size_t next = 0;
  for (auto& output : outputs) {
    if (stops_gradient(output)) {
      continue;
    }
    if (next >= cotangents.size()) {
      std::ostringstream message;
      message << "[vjp] Number of outputs to compute gradients for (" << outputs.size()
              << ") does not match number of cotangents (" << cotangents.size() << ").";
      throw std::invalid_argument(message.str());
    }
    if (output.shape() != cotangents[next].shape()) {
      std::ostringstream message;
      message << "[vjp] Output shape " << output.shape() << " does not match cotangent shape "
              << cotangents[next].shape() << ".";
      if (outputs.size() == 1 && output.size() == 1) {
        message << " If you are using grad your function must return a scalar.";
      }
      throw std::invalid_argument(message.str());
    }
    ++next;
  }
}

void add_to(std::optional<mx::array>& sum, mx::array part, mx::Stream s) {
  sum = sum ? cached_node<mx::add>(*sum, part, s) : std::move(part);
}

// Takes the cotangents of a node's results to those of its inputs.
void pull_back(const Tape& tape, const Tape::Node& node, Slots& cotangents) {
  const auto first = cotangents.begin() + node.first_slot;
  const int count = node.result_count();
  if (std::none_of(first, first + count, [](auto& cotangent) { return cotangent.has_value(); })) {
    return;
  }
  const auto s = node.array.primitive().stream();
  const auto results = count == 1 ? inputs_of(node.array) : node.array.outputs();
  Arrays given;
  given.reserve(count);
  for (int i = 0; i < count; ++i) {
    given.push_back(first[i] ? *std::move(first[i]) : mx::zeros_like(results[i], s));
    first[i].reset();
  }
  const auto& inputs = node.array.inputs();
  const int* slots = tape.input_slots(node);
  std::vector<int> argnums;
  argnums.reserve(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (slots[i] != Tape::no_slot) {
      argnums.push_back(static_cast<int>(i));
    }
  }
  auto products = node_vjp(node.array, given, argnums, results);
  if (products.size() < argnums.size()) {
    throw std::logic_error(
        std::string("[vjp] ") + node.array.primitive().name() + " returned too few products");
  }
  for (size_t i = 0; i < argnums.size(); ++i) {
    add_to(cotangents[slots[argnums[i]]], std::move(products[i]), s);
  }
}

Arrays products_with(Arrays& primals, const Arrays& outputs, const Arrays& cotangents) {
  check_cotangents(outputs, cotangents);
  Trace tape(primals, outputs);
  Slots slots(tape->slot_count());
  size_t next = 0;
  for (auto& output : outputs) {
    if (stops_gradient(output)) {
      continue;
    }
    auto& cotangent = cotangents[next++];
    const int slot = tape->slot(output);
    if (slot != Tape::no_slot) {
      // An output may be there twice.
      const auto s = mx::to_stream(stream_of(output));
      add_to(slots[slot], mlx_c::astype(cotangent, output.dtype(), s), s);
    }
  }
  const auto& nodes = tape->nodes();
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    pull_back(*tape.operator->(), *node, slots);
  }
  Arrays results;
  results.reserve(primals.size());
  for (size_t i = 0; i < primals.size(); ++i) {
    results.push_back(
        slots[i] ? *std::move(slots[i]) : mx::zeros_like(primals[i], stream_of(primals[i])));
  }
  return results;
}

Arrays pushed_forward(Arrays& primals, const Arrays& outputs, const Arrays& tangents) {
  Trace tape(primals, outputs);
  Slots slots(tape->slot_count());
  std::copy(tangents.begin(), tangents.end(), slots.begin());
  for (auto& node : tape->nodes()) {
    const int* inputs = tape->input_slots(node);
    std::vector<int> argnums;
    Arrays given;
    for (size_t i = 0; i < node.array.inputs().size(); ++i) {
      if (inputs[i] != Tape::no_slot && slots[inputs[i]]) {
        argnums.push_back(static_cast<int>(i));
        given.push_back(*slots[inputs[i]]);
      }
    }
    auto products = node_jvp(node.array, given, argnums);
    const size_t count = std::min<size_t>(products.size(), node.result_count());
    std::move(products.begin(), products.begin() + count, slots.begin() + node.first_slot);
  }
  Arrays results;
  results.reserve(outputs.size());
  for (auto& output : outputs) {
    const int slot = tape->slot(output);
    results.push_back(
        slot != Tape::no_slot && slots[slot] ? *slots[slot]
                                             : mx::zeros_like(output, stream_of(output)));
  }
  return results;
}

void check_tangents(const Arrays& primals, const Arrays& tangents) {
  if (primals.size() != tangents.size()) {
    throw std::invalid_argument("[jvp] Number of inputs does not match number of tangents.");
  }
  for (size_t i = 0; i < primals.size(); ++i) {
    if (primals[i].shape() != tangents[i].shape()) {
      throw std::invalid_argument("[jvp] Input shape does not match shape of tangent.");
    }
  }
}

// The numbers, counted from the front, in ascending order.
std::vector<int> normalized(std::vector<int> argnums, size_t inputs) {
  const int count = static_cast<int>(inputs);
  for (int& argnum : argnums) {
    argnum += argnum < 0 ? count : 0;
  }
  std::sort(argnums.begin(), argnums.end());
  if (std::adjacent_find(argnums.begin(), argnums.end()) != argnums.end()) {
    throw std::invalid_argument("[grad] Repeat argument number not allowed in grad.");
  }
  if (argnums.front() < 0 || argnums.back() >= count) {
    std::ostringstream message;
    message << "[grad] Invalid argument number for function with " << inputs << " inputs.";
    throw std::invalid_argument(message.str());
  }
  return argnums;
}

}  // namespace

std::pair<Arrays, Arrays> vjp(
    const Function& fun, const Arrays& primals, const Arrays& cotangents) {
  std::pair<Arrays, Arrays> result;
  while_tracing([&] {
    const cpu::GradientTracing tracing;
    auto inputs = traced(primals);
    result.first = fun(inputs);
    result.second = products_with(inputs, result.first, cotangents);
  });
  return result;
}

std::pair<Arrays, Arrays> jvp(const Function& fun, const Arrays& primals, const Arrays& tangents) {
  check_tangents(primals, tangents);
  std::pair<Arrays, Arrays> result;
  while_tracing([&] {
    auto inputs = traced(primals);
    result.first = fun(inputs);
    result.second = pushed_forward(inputs, result.first, tangents);
  });
  return result;
}

std::pair<Arrays, Arrays> value_and_grad(
    const Function& fun, const Arrays& inputs, const std::vector<int>& argnums) {
  const auto numbers = normalized(argnums, inputs.size());
  Arrays primals;
  primals.reserve(numbers.size());
  for (int number : numbers) {
    primals.push_back(inputs[number]);
  }
  auto partial = [&](const Arrays& traced) {
    auto outputs = traced.size() == inputs.size() ? fun(traced) : [&] {
      auto arguments = inputs;
      for (size_t i = 0; i < numbers.size(); ++i) {
        arguments[numbers[i]] = traced[i];
      }
      return fun(arguments);
    }();
    for (size_t i = 1; i < outputs.size(); ++i) {
      outputs[i] = mx::stop_gradient(outputs[i], stream_of(outputs[i]));
    }
    return outputs;
  };
  return mlx_c::vjp(partial, primals, {mx::array(1.0f)});
}

}  // namespace mlx_c

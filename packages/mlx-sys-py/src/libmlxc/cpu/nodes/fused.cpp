#include "cpu/nodes/fused.hpp"

#include <algorithm>
#include <cstring>
#include <sstream>
#include <stdexcept>

#include <mlx/allocator.h>
#include <mlx/transforms.h>
#include <mlx/utils.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/dtypes.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

thread_local int unfused = 0;

std::vector<array> pick(const std::vector<array>& arrays, const std::vector<int>& indices) {
  std::vector<array> result;
  for (const int i : indices) {
    result.push_back(arrays[i]);
  }
  return result;
}

// The function of the arguments that `argnums` names.
Function restricted(
    const Function& function, std::vector<array> arguments, const std::vector<int>& argnums) {
  return [function, arguments = std::move(arguments), argnums](const std::vector<array>& some) {
    std::vector<array> all = arguments;
    for (std::size_t i = 0; i < some.size(); i++) {
      all[argnums[i]] = some[i];
    }
    return function(all);
  };
}

}  // namespace

void Fused::eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) {
  if (std::none_of(inputs.begin(), inputs.end(), [](const array& a) { return a.size() == 0; })) {
    return compute(inputs, outputs);
  }
  for (array& y : outputs) {
    allocate_for(y);
  }
  fill_without_inputs(outputs);
}

void Fused::fill_without_inputs(std::vector<array>& outputs) const {
  for (array& y : outputs) {
    if (y.size() > 0) {
      std::memset(y.data<void>(), 0, y.nbytes());
    }
  }
}

std::vector<array> Fused::vjp(
    const std::vector<array>& primals,
    const std::vector<array>& cotangents,
    const std::vector<int>& argnums,
    const std::vector<array>&) {
  const Function function = restricted(definition_, primals, argnums);
  return mx::vjp(function, pick(primals, argnums), cotangents).second;
}

std::vector<array> Fused::jvp(
    const std::vector<array>& primals,
    const std::vector<array>& tangents,
    const std::vector<int>& argnums) {
  const Function function = restricted(definition_, primals, argnums);
  return mx::jvp(function, pick(primals, argnums), tangents).second;
}

std::pair<std::vector<array>, std::vector<int>> Fused::vmap(
    const std::vector<array>& inputs, const std::vector<int>& axes) {
  auto outputs = mx::vmap(definition_, axes)(inputs);
  std::vector<int> first(outputs.size(), 0);
  return {std::move(outputs), std::move(first)};
}

Function gradients_of(Function function) {
  return [function = std::move(function)](const std::vector<array>& inputs) {
    return mx::vjp(function, {inputs.begin(), inputs.end() - 1}, {inputs.back()}).second;
  };
}

void require(bool fits, const char* function, const std::vector<array>& inputs) {
  if (fits) {
    return;
  }
  std::ostringstream message;
  message << "[" << function << "] inputs of the shapes";
  for (const array& input : inputs) {
    message << " " << input.shape();
  }
  message << " do not fit each other";
  throw std::invalid_argument(message.str());
}

Unfused::Unfused() {
  unfused++;
}

Unfused::~Unfused() {
  unfused--;
}

bool is_unfused() {
  return unfused > 0;
}

bool is_fused(const array& a) {
  return a.has_primitive() && dynamic_cast<const Fused*>(&a.primitive());
}

bool can_fuse(mx::StreamOrDevice s) {
  return unfused == 0 && !is_stock() && mx::to_stream(s).device == mx::Device::cpu;
}

bool can_fuse(
    std::initializer_list<std::reference_wrapper<const array>> arrays, mx::StreamOrDevice s) {
  const mx::Dtype type = arrays.begin()->get().dtype();
  if (!float_type(type)) {
    return false;
  }
  for (const array& a : arrays) {
    if (a.dtype() != type || a.size() == 0) {
      return false;
    }
  }
  return can_fuse(s);
}

}  // namespace mlx_c::cpu

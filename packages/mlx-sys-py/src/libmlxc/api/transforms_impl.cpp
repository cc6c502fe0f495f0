#include "mlx/c/transforms_impl.h"

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <mlx/ops.h>
#include <mlx/transforms.h>
#include <mlx/transforms_impl.h>

#include "core/convert.hpp"
#include "core/guard.hpp"
#include "core/lent_primitives.hpp"
#include "core/vmap_rules.hpp"

using namespace mlx_c;

namespace {

// MLX indexes axes by the number of arrays, unchecked.
void check_count(const Arrays& values, const std::vector<int>& axes, const char* argument) {
  if (axes.size() != values.size()) {
    throw std::invalid_argument(
        std::string(argument) + " has " + std::to_string(axes.size()) + " axes for " +
        std::to_string(values.size()) + " arrays");
  }
}

// Negative axes are left to MLX: -1 stands for an array that is not mapped over.
void check_range(const Arrays& values, const std::vector<int>& axes, const char* argument) {
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] >= static_cast<int>(values[i].ndim())) {
      throw std::out_of_range(
          std::string(argument) + ": axis " + std::to_string(axes[i]) +
          " is out of range for an array of " + std::to_string(values[i].ndim()) + " dimensions");
    }
  }
}

Arrays mapped(const Arrays& values, const std::vector<int>& axes) {
  Arrays result;
  for (size_t i = 0; i < values.size(); ++i) {
    if (axes[i] >= 0) {
      result.push_back(values[i]);
    }
  }
  return result;
}

// MLX's function of this name. An array that is among the outputs more than once is mapped once, as
// MLX would move its mapped axis again and again, each time from where it was at first.
Arrays vmap_replace(
    const Arrays& inputs,
    const Arrays& traced_inputs,
    const Arrays& traced_outputs,
    const std::vector<int>& in_axes,
    const std::vector<int>& out_axes) {
  Arrays distinct;
  std::vector<int> axes;
  std::vector<size_t> places;
  // Those that are not mapped have axis -1.
  std::map<std::pair<std::uintptr_t, bool>, size_t> known;
  for (size_t i = 0; i < traced_outputs.size(); ++i) {
    auto [entry, is_new] =
        known.emplace(std::pair(traced_outputs[i].id(), out_axes[i] < 0), distinct.size());
    if (is_new) {
      distinct.push_back(traced_outputs[i]);
      axes.push_back(out_axes[i]);
    }
    places.push_back(entry->second);
  }
  auto mapped = mlx::core::detail::vmap_replace(inputs, traced_inputs, distinct, in_axes, axes);
  Arrays results;
  for (size_t i = 0; i < places.size(); ++i) {
    auto& result = mapped[places[i]];
    const int axis = axes[places[i]];
    results.push_back(
        axis == out_axes[i] ? result : mlx::core::moveaxis(result, axis, out_axes[i]));
  }
  return results;
}

}  // namespace

int mlx_detail_vmap_trace(
    mlx_vector_array* res_0,
    mlx_vector_array* res_1,
    const mlx_closure fun,
    const mlx_vector_array inputs,
    const int* in_axes,
    size_t in_axes_num) {
  return guard([&] {
    ensure_thread();
    auto& values = get(inputs, "inputs");
    auto axes = to_ints(in_axes, in_axes_num, "in_axes");
    check_count(values, axes, "in_axes");
    check_range(values, axes, "in_axes");
    auto [traced_inputs, traced_outputs] =
        mlx::core::detail::vmap_trace(get(fun, "fun"), values, axes);
    set(res_0, std::move(traced_inputs));
    set(res_1, std::move(traced_outputs));
  });
}

int mlx_detail_vmap_replace(
    mlx_vector_array* res,
    const mlx_vector_array inputs,
    const mlx_vector_array s_inputs,
    const mlx_vector_array s_outputs,
    const int* in_axes,
    size_t in_axes_num,
    const int* out_axes,
    size_t out_axes_num) {
  return guard([&] {
    ensure_thread();
    auto& values = get(inputs, "inputs");
    auto& traced_inputs = get(s_inputs, "s_inputs");
    auto& traced_outputs = get(s_outputs, "s_outputs");
    auto from = to_ints(in_axes, in_axes_num, "in_axes");
    auto to = to_ints(out_axes, out_axes_num, "out_axes");
    check_count(values, from, "in_axes");
    check_count(traced_inputs, from, "in_axes");
    check_count(traced_outputs, to, "out_axes");
    LentPrimitives lent(vmap_rule);
    lent.lend(mapped(traced_inputs, from), traced_outputs);
    set(res, vmap_replace(values, traced_inputs, traced_outputs, from, to));
  });
}

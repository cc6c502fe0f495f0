#include "mlx/c/transforms_impl.h"

#include <vector>

#include <mlx/transforms.h>
#include <mlx/transforms_impl.h>

#include "core/convert.hpp"
#include "core/guard.hpp"
#include "core/vmap.hpp"

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
    set(res, vmap_replace(values, traced_inputs, traced_outputs, from, to));
  });
}

#include "mlx/c/utils.h"

#include <mlx/einsum.h>
#include <mlx/utils.h>

#include "core/convert.hpp"
#include "core/guard.hpp"
#include "core/handle.hpp"
#include "runtime/evaluate.hpp"

using namespace mlx_c;

int mlx_get_printoptions(int* precision) {
  return guard([&] {
    auto lock = lock_evaluation();
    *not_null(precision, "precision") = mlx::core::get_global_formatter().format_options.precision;
  });
}

int mlx_set_printoptions(int precision) {
  return guard([&] {
    if (precision < MLX_PRECISION_DEFAULT || precision > MLX_PRECISION_MAX) {
      throw std::invalid_argument(
          "precision is " + std::to_string(precision) + ", not a number from 0 to " +
          std::to_string(MLX_PRECISION_MAX) + ", or -1 for the default");
    }
    auto lock = lock_evaluation();
    mlx::core::set_printoptions({precision});
  });
}

int mlx_einsum_path(
    mlx_vector_int* positions,
    mlx_vector_int* counts,
    mlx_string* description,
    const char* subscripts,
    const mlx_vector_array operands) {
  return guard([&] {
    not_null(positions, "positions");
    not_null(counts, "counts");
    not_null(description, "description");
    auto [path, text] =
        mlx::core::einsum_path(to_string(subscripts, "subscripts"), get(operands, "operands"));
    std::vector<int> all, sizes;
    for (const auto& step : path) {
      all.insert(all.end(), step.begin(), step.end());
      sizes.push_back(static_cast<int>(step.size()));
    }
    set(positions, std::move(all));
    set(counts, std::move(sizes));
    set(description, std::move(text));
  });
}

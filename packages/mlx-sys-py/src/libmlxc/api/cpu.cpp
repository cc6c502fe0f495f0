#include "mlx/c/cpu.h"

#include <memory>
#include <string>
#include <vector>

#include "core/convert.hpp"
#include "core/guard.hpp"
#include "core/handle.hpp"
#include "cpu/arrays/allocation.hpp"
#include "cpu/graph/registry.hpp"
#include "cpu/kernels/select.hpp"
#include "cpu/nodes/verbose.hpp"
#include "runtime/evaluate.hpp"

using namespace mlx_c;

namespace mlx_c {

MLX_C_HANDLE(mlx_cpu_log, std::unique_ptr<cpu::VerboseLog>, "cpu_log")

}  // namespace mlx_c

int mlx_cpu_get_levels(mlx_vector_string* res) {
  return guard([&] { set(res, cpu::levels()); });
}

int mlx_cpu_get_level(mlx_string* res) {
  return guard([&] {
    set(res, cpu::is_stock() ? std::string("stock") : std::string(cpu::kernels()->level));
  });
}

int mlx_cpu_set_level(const char* level) {
  return guard([&] {
    const std::string name = to_string(level, "level");
    // Nodes that are scheduled together share operands that a kernel of one level has packed.
    auto lock = lock_evaluation();
    cpu::set_level(name);
  });
}

int mlx_cpu_get_activation_bits(int* res) {
  return guard([&] { *not_null(res, "res") = cpu::activation_bits(); });
}

int mlx_cpu_set_activation_bits(int bits) {
  return guard([&] {
    // As above: products of one x share what it has become.
    auto lock = lock_evaluation();
    cpu::set_activation_bits(bits);
  });
}

int mlx_cpu_move_to_large_pages(const mlx_map_string_to_array arrays) {
  return guard([&] { cpu::move_to_large_pages(get(arrays, "arrays")); });
}

mlx_cpu_log mlx_cpu_log_new(void) {
  return guard_or(
      mlx_cpu_log{}, [] { return make<mlx_cpu_log>(std::make_unique<cpu::VerboseLog>()); });
}

int mlx_cpu_log_free(mlx_cpu_log log) {
  return guard([&] { release(log); });
}

int mlx_cpu_log_get(mlx_string* res, const mlx_cpu_log log) {
  return guard([&] { set(res, get(log, "log")->lines()); });
}

int _mlx_cpu_get_kernels(mlx_vector_string* res) {
  return guard([&] {
    std::vector<std::string> names;
    for (const auto& [name, row] : cpu::kernel_rows()) {
      names.emplace_back(name);
    }
    set(res, std::move(names));
  });
}

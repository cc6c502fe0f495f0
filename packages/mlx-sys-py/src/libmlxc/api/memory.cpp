#include "mlx/c/memory.h"

#include <mlx/memory.h>

#include "core/guard.hpp"
#include "core/handle.hpp"
#include "runtime/evaluate.hpp"

using namespace mlx_c;

namespace {

template <class F, class... Args>
int store(size_t* res, F f, Args... args) {
  return guard([&] { *not_null(res, "res") = f(args...); });
}

}  // namespace

int mlx_clear_cache(void) {
  return guard([] { mlx::core::clear_cache(); });
}

int mlx_get_active_memory(size_t* res) {
  return store(res, mlx::core::get_active_memory);
}

int mlx_get_array_buffer_size(size_t* res, const mlx_vector_array arrays) {
  return guard(
      [&] { *not_null(res, "res") = mlx::core::get_array_buffer_size(get(arrays, "arrays")); });
}

int mlx_get_cache_memory(size_t* res) {
  return store(res, mlx::core::get_cache_memory);
}

int mlx_get_memory_limit(size_t* res) {
  return store(res, mlx::core::get_memory_limit);
}

int mlx_get_peak_memory(size_t* res) {
  return store(res, mlx::core::get_peak_memory);
}

int mlx_reset_peak_memory(void) {
  return guard([] { mlx::core::reset_peak_memory(); });
}

int mlx_set_cache_limit(size_t* res, size_t limit) {
  return guard([&] {
    // Sets this library's default limit, which must not come after the caller's.
    ensure_thread();
    *not_null(res, "res") = mlx::core::set_cache_limit(limit);
  });
}

int mlx_set_memory_limit(size_t* res, size_t limit) {
  return store(res, mlx::core::set_memory_limit, limit);
}

int mlx_set_wired_limit(size_t* res, size_t limit) {
  return store(res, mlx::core::set_wired_limit, limit);
}

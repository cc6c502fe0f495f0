#include "mlx/c/distributed_group.h"

#include "api/distributed_handles.hpp"
#include "core/guard.hpp"

using namespace mlx_c;
namespace distributed = mlx::core::distributed;

mlx_distributed_group mlx_distributed_group_new(void) {
  return {};
}

int mlx_distributed_group_free(mlx_distributed_group group) {
  return guard([&] { release(group); });
}

int mlx_distributed_init(mlx_distributed_group* res, bool strict, const char* bk) {
  return guard([&] {
    ensure_thread();
    set(res, distributed::init(strict, bk ? bk : "any"));
  });
}

int mlx_distributed_group_rank(mlx_distributed_group group) {
  return guard_or(0, [&] { return get(group, "group").rank(); });
}

int mlx_distributed_group_size(mlx_distributed_group group) {
  return guard_or(0, [&] { return get(group, "group").size(); });
}

int mlx_distributed_group_split(
    mlx_distributed_group* res, mlx_distributed_group group, int color, int key) {
  return guard([&] { set(res, get(group, "group").split(color, key)); });
}

bool mlx_distributed_is_available(const char* bk) {
  return guard_or(
      false, [&] { return bk ? distributed::is_available(bk) : distributed::is_available(); });
}

int mlx_distributed_clear_backends(void) {
  return guard([] { distributed::clear_backends(); });
}

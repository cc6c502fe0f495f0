#include "mlx/c/distributed.h"

#include <mlx/distributed/ops.h>

#include "api/distributed_handles.hpp"
#include "core/convert.hpp"
#include "core/guard.hpp"

using namespace mlx_c;
namespace distributed = mlx::core::distributed;

int mlx_distributed_all_gather(
    mlx_array* res, const mlx_array x, const mlx_distributed_group group, const mlx_stream s) {
  return guard(
      [&] { set(res, distributed::all_gather(get(x, "x"), get_optional(group), get_stream(s))); });
}

int mlx_distributed_all_max(
    mlx_array* res, const mlx_array x, const mlx_distributed_group group, const mlx_stream s) {
  return guard(
      [&] { set(res, distributed::all_max(get(x, "x"), get_optional(group), get_stream(s))); });
}

int mlx_distributed_all_min(
    mlx_array* res, const mlx_array x, const mlx_distributed_group group, const mlx_stream s) {
  return guard(
      [&] { set(res, distributed::all_min(get(x, "x"), get_optional(group), get_stream(s))); });
}

int mlx_distributed_all_sum(
    mlx_array* res, const mlx_array x, const mlx_distributed_group group, const mlx_stream s) {
  return guard(
      [&] { set(res, distributed::all_sum(get(x, "x"), get_optional(group), get_stream(s))); });
}

int mlx_distributed_recv(
    mlx_array* res,
    const int* shape,
    size_t shape_num,
    mlx_dtype dtype,
    int src,
    const mlx_distributed_group group,
    const mlx_stream s) {
  return guard([&] {
    auto extents = to_shape(shape, shape_num);
    for (auto extent : extents) {
      if (extent < 0) {
        throw std::invalid_argument("shape has a negative extent");
      }
    }
    set(res,
        distributed::recv(
            std::move(extents), to_cpp(dtype), src, get_optional(group), get_stream(s)));
  });
}

int mlx_distributed_recv_like(
    mlx_array* res,
    const mlx_array x,
    int src,
    const mlx_distributed_group group,
    const mlx_stream s) {
  return guard([&] {
    set(res, distributed::recv_like(get(x, "x"), src, get_optional(group), get_stream(s)));
  });
}

int mlx_distributed_send(
    mlx_array* res,
    const mlx_array x,
    int dst,
    const mlx_distributed_group group,
    const mlx_stream s) {
  return guard(
      [&] { set(res, distributed::send(get(x, "x"), dst, get_optional(group), get_stream(s))); });
}

int mlx_distributed_sum_scatter(
    mlx_array* res, const mlx_array x, const mlx_distributed_group group, const mlx_stream s) {
  return guard(
      [&] { set(res, distributed::sum_scatter(get(x, "x"), get_optional(group), get_stream(s))); });
}

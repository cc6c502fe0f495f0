#include "mlx/c/distributed.h"

#include <mlx/distributed/ops.h>
#include <mlx/ops.h>
#include <mlx/primitives.h>

#include "api/distributed_handles.hpp"
#include "core/convert.hpp"
#include "core/guard.hpp"

using namespace mlx_c;
namespace mx = mlx::core;
namespace distributed = mx::distributed;

namespace {

// MLX's engines for CPUs have no reduce-scatter, so there it is this process's part of an
// all-reduce. Contiguous makes a copy of the part, so that the memory of the whole can be freed.
mx::array reduce_scatter(
    const mx::array& x, const std::optional<distributed::Group>& group, mx::StreamOrDevice s) {
  auto everyone = group ? *group : distributed::init();
  if (everyone.size() == 1) {
    return x;
  }
  if (x.ndim() == 0) {
    throw std::invalid_argument("x must have an axis to split, but is a scalar");
  }
  auto part = distributed::sum_scatter(x, everyone, s);
  auto stream = part.primitive().stream();
  if (stream.device != mx::Device::cpu) {
    return part;
  }
  auto extent = part.shape(0);
  mx::Shape start(x.ndim(), 0);
  mx::Shape stop = x.shape();
  start[0] = everyone.rank() * extent;
  stop[0] = start[0] + extent;
  auto sum = distributed::all_sum(x, everyone, s);
  return mx::contiguous(mx::slice(sum, start, stop, stream), false, stream);
}

}  // namespace

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
  return guard([&] { set(res, reduce_scatter(get(x, "x"), get_optional(group), get_stream(s))); });
}

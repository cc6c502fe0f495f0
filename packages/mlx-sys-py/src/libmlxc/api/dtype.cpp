#include "mlx/c/dtype.h"

#include <mlx/array.h>
#include <mlx/dtype.h>

#include "core/convert.hpp"
#include "core/guard.hpp"
#include "core/handle.hpp"

namespace mx = mlx::core;
using mlx_c::guard;
using mlx_c::not_null;
using mlx_c::to_c;
using mlx_c::to_cpp;

namespace {

mx::Dtype::Category to_category(mlx_dtype_category category) {
  switch (category) {
    case MLX_COMPLEXFLOATING:
      return mx::complexfloating;
    case MLX_FLOATING:
      return mx::floating;
    case MLX_INEXACT:
      return mx::inexact;
    case MLX_SIGNEDINTEGER:
      return mx::signedinteger;
    case MLX_UNSIGNEDINTEGER:
      return mx::unsignedinteger;
    case MLX_INTEGER:
      return mx::integer;
    case MLX_NUMBER:
      return mx::number;
    case MLX_GENERIC:
      return mx::generic;
  }
  throw std::invalid_argument("category is not an mlx_dtype_category");
}

template <typename T>
mlx_array new_scalar(T val, mlx_dtype dtype) {
  return mlx_c::guard_or(mlx_array{nullptr}, [&] {
    mlx_array res{nullptr};
    mlx_c::set(&res, mx::array(val, to_cpp(dtype)));
    return res;
  });
}

}  // namespace

int mlx_promote_types(mlx_dtype* res, mlx_dtype a, mlx_dtype b) {
  return guard([&] { *not_null(res, "res") = to_c(mx::promote_types(to_cpp(a), to_cpp(b))); });
}

int mlx_dtype_is_in_category(bool* res, mlx_dtype dtype, mlx_dtype_category category) {
  return guard(
      [&] { *not_null(res, "res") = mx::issubdtype(to_cpp(dtype), to_category(category)); });
}

mlx_array mlx_array_new_int64_as(int64_t val, mlx_dtype dtype) {
  return new_scalar(val, dtype);
}

mlx_array mlx_array_new_uint64_as(uint64_t val, mlx_dtype dtype) {
  return new_scalar(val, dtype);
}

mlx_array mlx_array_new_double_as(double val, mlx_dtype dtype) {
  return new_scalar(val, dtype);
}

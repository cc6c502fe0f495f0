#include "core/known_value.hpp"

namespace mlx_c {

namespace mx = mlx::core;

std::optional<long double> known_value(const mx::array& a) {
  if (a.size() != 1 || a.status() != mx::array::Status::available) {
    return std::nullopt;
  }
  switch (a.dtype().val()) {
    case mx::Dtype::Val::bool_:
      return *a.data<bool>();
    case mx::Dtype::Val::uint8:
      return *a.data<uint8_t>();
    case mx::Dtype::Val::uint16:
      return *a.data<uint16_t>();
    case mx::Dtype::Val::uint32:
      return *a.data<uint32_t>();
    case mx::Dtype::Val::uint64:
      return *a.data<uint64_t>();
    case mx::Dtype::Val::int8:
      return *a.data<int8_t>();
    case mx::Dtype::Val::int16:
      return *a.data<int16_t>();
    case mx::Dtype::Val::int32:
      return *a.data<int32_t>();
    case mx::Dtype::Val::int64:
      return *a.data<int64_t>();
    case mx::Dtype::Val::float16:
      return static_cast<float>(*a.data<mx::float16_t>());
    case mx::Dtype::Val::bfloat16:
      return static_cast<float>(*a.data<mx::bfloat16_t>());
    case mx::Dtype::Val::float32:
      return *a.data<float>();
    case mx::Dtype::Val::float64:
      return *a.data<double>();
    default:
      return std::nullopt;
  }
}

}  // namespace mlx_c

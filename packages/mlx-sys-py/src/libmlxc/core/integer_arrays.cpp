#include "core/integer_arrays.hpp"

#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// Calls f with a value of the type of an array of integers; false if it has others.
template <class F>
bool with_integer_type(mx::Dtype dtype, F f) {
  switch (dtype) {
    case mx::uint8:
      return f(std::uint8_t{}), true;
    case mx::uint16:
      return f(std::uint16_t{}), true;
    case mx::uint32:
      return f(std::uint32_t{}), true;
    case mx::int8:
      return f(std::int8_t{}), true;
    case mx::int16:
      return f(std::int16_t{}), true;
    case mx::int32:
      return f(std::int32_t{}), true;
    case mx::int64:
      return f(std::int64_t{}), true;
    default:
      return false;
  }
}

}  // namespace

std::optional<Numbers> integers_of(const mx::array& a) {
  Numbers result;
  const bool has_integers = with_integer_type(
      a.dtype(), [&]<class T>(T) { result.assign(a.data<T>(), a.data<T>() + a.size()); });
  return has_integers ? std::optional(result) : std::nullopt;
}

mx::array array_of(const Numbers& numbers, const mx::array& like) {
  std::optional<mx::array> result;
  with_integer_type(like.dtype(), [&]<class T>(T) {
    for (const auto number : numbers) {
      if (!std::in_range<T>(number)) {
        throw std::invalid_argument("[record_steps] a constant grows beyond its type");
      }
    }
    std::vector<T> values(numbers.begin(), numbers.end());
    result.emplace(values.begin(), like.shape(), like.dtype());
  });
  return *result;
}

}  // namespace mlx_c

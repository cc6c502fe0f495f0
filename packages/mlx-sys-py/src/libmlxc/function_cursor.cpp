#include "private/function_cursor.hpp"

#include <string>
#include <vector>

#include <mlx/array.h>

namespace mlx_c {

namespace mx = mlx::core;

uint64_t function_cursor::count(uint64_t least) {
  auto result = read<uint64_t>();
  if (result > left() / least) {
    fail("is truncated, or has a length that is too large");
  }
  return result;
}

template <>
bool function_cursor::get() {
  return read<uint8_t>() != 0;
}

template <>
int function_cursor::get() {
  return read<int>();
}

template <>
uint64_t function_cursor::get() {
  return read<uint64_t>();
}

template <>
float function_cursor::get() {
  return read<float>();
}

template <>
double function_cursor::get() {
  return read<double>();
}

template <>
std::string function_cursor::get() {
  std::string text(count(1), '\0');
  read(text.data(), text.size());
  return text;
}

template <>
std::vector<int> function_cursor::get() {
  return list<int>(sizeof(int));
}

template <>
std::vector<uint64_t> function_cursor::get() {
  return list<uint64_t>(sizeof(uint64_t));
}

template <>
mx::Shape function_cursor::get() {
  auto values = get<std::vector<int>>();
  return mx::Shape(values.begin(), values.end());
}

template <>
mx::Strides function_cursor::get() {
  auto values = get<std::vector<uint64_t>>();
  return mx::Strides(values.begin(), values.end());
}

template <>
mx::Dtype function_cursor::get() {
  static const mx::Dtype dtypes[] = {
      mx::bool_,
      mx::uint8,
      mx::uint16,
      mx::uint32,
      mx::uint64,
      mx::int8,
      mx::int16,
      mx::int32,
      mx::int64,
      mx::float16,
      mx::float32,
      mx::float64,
      mx::bfloat16,
      mx::complex64};
  auto value = read<int>();
  auto size = read<uint8_t>();
  for (auto dtype : dtypes) {
    if (static_cast<int>(dtype.val()) == value && dtype.size() == size) {
      return dtype;
    }
  }
  fail("has an array of an unknown type");
}

}  // namespace mlx_c

#include "export/reader.hpp"

#include <string>
#include <vector>

#include <mlx/array.h>

namespace mlx_c {

namespace mx = mlx::core;

uint64_t FunctionReader::count(uint64_t least) {
  auto result = read<uint64_t>();
  if (result > left() / least) {
    fail("is truncated, or has a length that is too large");
  }
  return result;
}

template <>
bool FunctionReader::get() {
  return read<uint8_t>() != 0;
}

template <>
int FunctionReader::get() {
  return read<int>();
}

template <>
uint64_t FunctionReader::get() {
  return read<uint64_t>();
}

template <>
float FunctionReader::get() {
  return read<float>();
}

template <>
double FunctionReader::get() {
  return read<double>();
}

template <>
std::string FunctionReader::get() {
  std::string text(count(1), '\0');
  read(text.data(), text.size());
  return text;
}

template <>
std::vector<int> FunctionReader::get() {
  return list<int>(sizeof(int));
}

template <>
std::vector<uint64_t> FunctionReader::get() {
  return list<uint64_t>(sizeof(uint64_t));
}

template <>
mx::Shape FunctionReader::get() {
  auto values = get<std::vector<int>>();
  return mx::Shape(values.begin(), values.end());
}

template <>
mx::Strides FunctionReader::get() {
  auto values = get<std::vector<uint64_t>>();
  return mx::Strides(values.begin(), values.end());
}

template <>
mx::Dtype FunctionReader::get() {
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

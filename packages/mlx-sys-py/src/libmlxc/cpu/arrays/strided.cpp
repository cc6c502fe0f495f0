#include "cpu/arrays/strided.hpp"

#include <cstring>

namespace mlx_c::cpu {

namespace {

template <class T>
void copy_run(const void* data, std::ptrdiff_t stride, std::size_t count, void* out) {
  auto* source = static_cast<const T*>(data);
  auto* target = static_cast<T*>(out);
  if (stride == 1) {
    std::memcpy(target, source, count * sizeof(T));
  } else if (stride == 0) {
    std::fill_n(target, count, *source);
  } else {
    for (std::size_t i = 0; i < count; i++) {
      target[i] = source[static_cast<std::ptrdiff_t>(i) * stride];
    }
  }
}

}  // namespace

Walk::Walk(const mlx::core::array& a, const mlx::core::Shape& shape)
    : Walk(a.shape(), a.strides(), shape) {}

Walk::Walk(
    const mlx::core::Shape& source,
    const mlx::core::Strides& source_strides,
    const mlx::core::Shape& target) {
  const std::size_t added = target.size() - source.size();
  for (std::size_t d = 0; d < target.size(); d++) {
    if (target[d] == 1) {
      continue;
    }
    const bool broadcast = d < added || source[d - added] == 1;
    const std::int64_t stride = broadcast ? 0 : source_strides[d - added];
    if (!shape.empty() && strides.back() == stride * target[d]) {
      shape.back() *= target[d];
      strides.back() = stride;
    } else {
      shape.push_back(target[d]);
      strides.push_back(stride);
    }
  }
  if (shape.empty()) {
    shape.push_back(1);
    strides.push_back(0);
  }
}

std::size_t Walk::size() const {
  std::size_t size = 1;
  for (const std::int64_t extent : shape) {
    size *= static_cast<std::size_t>(extent);
  }
  return size;
}

void Walk::copy(
    const void* data, std::size_t item, std::size_t start, std::size_t count, void* target) const {
  auto* source = static_cast<const char*>(data);
  auto* out = static_cast<char*>(target);
  for_runs(start, count, [&](std::ptrdiff_t offset, std::size_t run) {
    copy_strided(
        source + offset * static_cast<std::ptrdiff_t>(item), strides.back(), run, item, out);
    out += run * item;
  });
}

void copy_strided(
    const void* source, std::ptrdiff_t stride, std::size_t count, std::size_t item, void* target) {
  switch (item) {
    case 1:
      return copy_run<std::uint8_t>(source, stride, count, target);
    case 2:
      return copy_run<std::uint16_t>(source, stride, count, target);
    case 4:
      return copy_run<std::uint32_t>(source, stride, count, target);
    default:
      return copy_run<std::uint64_t>(source, stride, count, target);
  }
}

}  // namespace mlx_c::cpu

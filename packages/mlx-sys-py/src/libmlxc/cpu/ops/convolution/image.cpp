#include "cpu/ops/convolution/image.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "cpu/parallel/parallel_gemm.hpp"

namespace mlx_c::cpu {

namespace {

constexpr std::ptrdiff_t line = 64, slack = 64;
// Rows of a tile that are a multiple of this apart share few sets of the first-level cache.
constexpr std::ptrdiff_t crowded = 1024;

// A distance between rows that lie in different sets.
std::ptrdiff_t spread(std::ptrdiff_t items, std::ptrdiff_t item) {
  return items * item % crowded == 0 ? items + line / item : items;
}

bool is_crowded(const Convolved& c) {
  return c.taps() > 1 && c.axes[2].in_stride * item_size(c.type) % crowded == 0;
}

// Whether pairs of channels can be read where they are.
bool has_pairs(const Convolved& c) {
  const auto odd = [](std::ptrdiff_t number) { return number % 2 != 0; };
  return !odd(c.channels) && !odd(c.batch_stride) && !odd(c.axes[0].in_stride) &&
      !odd(c.axes[1].in_stride) && !odd(c.axes[2].in_stride);
}

template <class T>
void copy_strided(const char* source, std::ptrdiff_t stride, int count, char* target) {
  const T* from = reinterpret_cast<const T*>(source);
  T* to = reinterpret_cast<T*>(target);
  for (int i = 0; i < count; i++) {
    to[i] = from[i * stride];
  }
}

// Copies elements of one type to those of another, or of the same.
class Items {
 public:
  Items(const Kernels& kernels, ElementType from, ElementType to)
      : kernels_(kernels), from_(from), to_(to) {}

  void copy(const char* source, std::ptrdiff_t stride, int count, char* target) const {
    if (stride == 1) {
      return copy_run(source, count, target);
    }
    if (from_ != to_) {
      for (int i = 0; i < count; i++) {
        copy_run(source + i * stride * item_size(from_), 1, target + i * item_size(to_));
      }
      return;
    }
    switch (item_size(from_)) {
      case 2:
        return copy_strided<std::uint16_t>(source, stride, count, target);
      case 4:
        return copy_strided<std::uint32_t>(source, stride, count, target);
      default:
        return copy_strided<std::uint64_t>(source, stride, count, target);
    }
  }

 private:
  void copy_run(const char* source, int count, char* target) const {
    if (from_ == to_) {
      std::memcpy(target, source, count * item_size(from_));
    } else {
      kernels_.convert.widen(source, from_, reinterpret_cast<float*>(target), count);
    }
  }

  const Kernels& kernels_;
  const ElementType from_, to_;
};

}  // namespace

ElementType computed_type(const Kernels& kernels, ElementType type) {
  if (type == ElementType::f16 || (type == ElementType::bf16 && !kernels.convolution.has_pairs)) {
    return ElementType::f32;
  }
  return type;
}

Image image(
    const Kernels& kernels,
    const Convolved& c,
    ElementType type,
    const Margins& margins,
    CopyInput copy) {
  const auto& [first, second, last] = c.axes;
  const bool pairs = type == ElementType::bf16;
  if (copy == CopyInput::if_needed && !margins.any() && type == c.type &&
      (c.channel_stride == 1 || c.channels == 1) && (!pairs || has_pairs(c)) && !is_crowded(c)) {
    return {
        type,
        c.x,
        c.batch_stride,
        c.channels * c.channel_stride,
        {first.in_stride, second.in_stride, last.in_stride},
        std::nullopt};
  }
  const std::ptrdiff_t item = item_size(type), from = item_size(c.type);
  Image result{type, nullptr, 0, pairs ? c.channels + c.channels % 2 : c.channels, {}, {}};
  const auto extent = [&](int d) { return margins.before[d] + c.axes[d].in + margins.behind[d]; };
  const std::ptrdiff_t channels = c.groups * result.group_stride;
  result.strides[2] = spread(channels, item);
  result.strides[1] = spread(extent(2) * result.strides[2], item);
  result.strides[0] = extent(1) * result.strides[1];
  result.batch_stride = spread(extent(0) * result.strides[0], item);
  const std::ptrdiff_t bytes = c.batch * result.batch_stride * item;
  result.memory.emplace(bytes + slack);
  char* const data = result.memory->data();
  std::memset(data + bytes, 0, slack);
  const Items items(kernels, c.type, type);
  const bool filled = result.strides[2] == c.channels * c.groups;
  const bool whole = filled && c.channel_stride == 1 && last.in_stride == channels;
  const bool pixels = result.group_stride == c.channels && (c.channel_stride == 1 || c.groups == 1);
  const int rows = extent(0) * extent(1);
  const auto copy_row = [&](int index) {
    const int i1 = index % extent(1) - margins.before[1];
    const int i0 = index / extent(1) % extent(0) - margins.before[0];
    const int n = index / rows;
    char* target = data +
        (n * result.batch_stride + index / extent(1) % extent(0) * result.strides[0] +
         index % extent(1) * result.strides[1]) *
            item;
    const std::ptrdiff_t pixel = result.strides[2] * item;
    if (i0 < 0 || i0 >= first.in || i1 < 0 || i1 >= second.in) {
      std::memset(target, 0, extent(2) * pixel);
      return;
    }
    const char* source =
        c.x + (n * c.batch_stride + i0 * first.in_stride + i1 * second.in_stride) * from;
    std::memset(target, 0, margins.before[2] * pixel);
    target += margins.before[2] * pixel;
    std::memset(target + last.in * pixel, 0, margins.behind[2] * pixel);
    if (whole) {
      return items.copy(source, 1, static_cast<int>(last.in * channels), target);
    }
    for (int i = 0; i < last.in; i++, source += last.in_stride * from, target += pixel) {
      if (!filled) {
        std::memset(target, 0, pixel);
      }
      if (pixels) {
        items.copy(source, c.channel_stride, c.channels * c.groups, target);
        continue;
      }
      for (int g = 0; g < c.groups; g++) {
        items.copy(
            source + g * c.channels * c.channel_stride * from,
            c.channel_stride,
            c.channels,
            target + g * result.group_stride * item);
      }
    }
  };
  const int count = c.batch * rows;
  if (static_cast<double>(bytes) < worth_threads) {
    for (int i = 0; i < count; i++) {
      copy_row(i);
    }
  } else {
    // A few rows for each task, as one may be short.
    const int step = std::max(1, static_cast<int>((1 << 14) / (result.strides[1] * item)));
    parallel_for(pieces(count, step), [&](int task) {
      for (int i = task * step; i < std::min(count, (task + 1) * step); i++) {
        copy_row(i);
      }
    });
  }
  result.data = data +
      (margins.before[0] * result.strides[0] + margins.before[1] * result.strides[1] +
       margins.before[2] * result.strides[2]) *
          item;
  return result;
}

}  // namespace mlx_c::cpu

// Convolutions as GEMM: the patches of the input are gathered block by block (im2col) and
// multiplied with the weights.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "cpu/ops/convolution/geometry.hpp"
#include "cpu/parallel/parallel_gemm.hpp"
#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

namespace {

// Bytes and rows of the patches that a task holds at a time, and the least columns of its results.
constexpr std::ptrdiff_t block_bytes = 1 << 18;
constexpr int least_rows = 28, most_rows = 448, least_columns = 64;
constexpr int tasks_per_thread = 4;
constexpr int few_positions = 32;

// Whether the taps along the last axis read contiguous channels.
bool has_runs(const Convolved& c) {
  const Axis& last = c.axes[2];
  return c.groups == 1 && c.channel_stride == 1 && last.in_stride == c.channels && !last.flip &&
      last.dilation == 1 && last.input_dilation == 1;
}

// Whether the input itself is the matrix of patches.
bool is_plain(const Convolved& c) {
  if (c.taps() != 1 || c.groups != 1) {
    return false;
  }
  std::ptrdiff_t step = c.channels;
  for (int d = space - 1; d >= 0; d--) {
    const Axis& a = c.axes[d];
    if (a.in != a.out || (a.in > 1 && (a.stride != 1 || a.in_stride != step))) {
      return false;
    }
    if (a.padding != 0 || a.input_dilation != 1) {
      return false;
    }
    step *= a.in;
  }
  return (c.channel_stride == 1 || c.channels == 1) && (c.batch == 1 || c.batch_stride == step);
}

bool is_depthwise(const Convolved& c) {
  return c.channels == 1 && c.outputs == 1 && c.groups > 1 && c.channel_stride == 1;
}

// The elements of one patch, for items of sizeof(T) bytes.
template <class T>
class Patches {
 public:
  Patches(const Convolved& c, int group)
      : c_(c),
        x_(reinterpret_cast<const T*>(c.x) +
           static_cast<std::ptrdiff_t>(group) * c.channels * c.channel_stride),
        runs_(has_runs(c)) {}

  void gather(Range positions, T* target) const {
    const auto& [first, second, last] = c_.axes;
    for (int p = positions.begin; p < positions.end; p++) {
      const int i2 = p % last.out, i1 = p / last.out % second.out;
      const int i0 = p / last.out / second.out % first.out;
      const T* image = x_ + p / last.out / second.out / first.out * c_.batch_stride;
      for (int t0 = 0; t0 < first.taps; t0++) {
        const int s0 = first.source(i0, t0);
        for (int t1 = 0; t1 < second.taps; t1++) {
          const int s1 = s0 < 0 ? -1 : second.source(i1, t1);
          if (s1 < 0) {
            target = std::fill_n(target, last.taps * c_.channels, T{});
          } else {
            target = gather_row(image + s0 * first.in_stride + s1 * second.in_stride, i2, target);
          }
        }
      }
    }
  }

 private:
  T* gather_row(const T* row, int output, T* target) const {
    const Axis& axis = c_.axes[2];
    if (runs_) {
      const int start = output * axis.stride - axis.padding;
      const int before = std::clamp(-start, 0, axis.taps);
      const int end = std::clamp(axis.in - start, before, axis.taps);
      target = std::fill_n(target, before * c_.channels, T{});
      target = copy(row + (start + before) * axis.in_stride, (end - before) * c_.channels, target);
      return std::fill_n(target, (axis.taps - end) * c_.channels, T{});
    }
    for (int tap = 0; tap < axis.taps; tap++) {
      const int s = axis.source(output, tap);
      if (s < 0) {
        target = std::fill_n(target, c_.channels, T{});
        continue;
      }
      const T* at = row + s * axis.in_stride;
      if (c_.channel_stride == 1) {
        target = copy(at, c_.channels, target);
      } else {
        for (int i = 0; i < c_.channels; i++) {
          *target++ = at[i * c_.channel_stride];
        }
      }
    }
    return target;
  }

  // Most runs are short: a call of memcpy for each would cost more than the copy.
  static T* copy(const T* source, int count, T* target) {
    if (count > 32) {
      return std::copy_n(source, count, target);
    }
    for (int i = 0; i < count; i++) {
      target[i] = source[i];
    }
    return target + count;
  }

  const Convolved& c_;
  const T* x_;
  const bool runs_;
};

void gather_patches(const Convolved& c, int group, Range positions, void* target) {
  switch (item_size(c.type)) {
    case 2:
      return Patches<std::uint16_t>(c, group).gather(
          positions, static_cast<std::uint16_t*>(target));
    case 4:
      return Patches<std::uint32_t>(c, group).gather(
          positions, static_cast<std::uint32_t*>(target));
    default:
      return Patches<std::uint64_t>(c, group).gather(
          positions, static_cast<std::uint64_t*>(target));
  }
}

// The GEMM for the outputs of a group at all positions.
Gemm product(const Convolved& c, int group) {
  const int depth = c.depth(), all = c.groups * c.outputs;
  Gemm p{};
  p.type = c.type;
  p.m = c.positions();
  p.n = c.outputs;
  p.k = depth;
  p.a = {c.x, depth, 1};
  p.b = from({c.w, 1, depth}, c.type, 0, static_cast<std::ptrdiff_t>(group) * c.outputs);
  p.y = c.y + static_cast<std::ptrdiff_t>(group) * c.outputs * item_size(c.type);
  p.y_row = all;
  p.y_column = 1;
  p.alpha = 1;
  return p;
}

// Depthwise: one output per channel, channels contiguous. The result is a weighted sum of the rows
// of the taps.
void run_depthwise(const Kernels& kernels, const Convolved& c) {
  const int taps = c.taps(), rows = c.batch * c.axes[0].out * c.axes[1].out;
  const std::ptrdiff_t item = item_size(c.type), row_bytes = c.groups * item;
  // Taps beyond the edge read a row of zeros; the weights of each tap are made contiguous.
  Buffer<char> memory(static_cast<std::size_t>(row_bytes) * (taps + 1));
  char* const zeros = memory.data() + taps * row_bytes;
  std::memset(zeros, 0, row_bytes);
  for (int tap = 0; tap < taps; tap++) {
    for (int i = 0; i < c.groups; i++) {
      std::memcpy(
          memory.data() + tap * row_bytes + i * item,
          c.w + (static_cast<std::ptrdiff_t>(i) * taps + tap) * item,
          item);
    }
  }
  const auto& [first, second, last] = c.axes;
  auto task = [&](int row) {
    const int i1 = row % second.out, i0 = row / second.out % first.out;
    const char* image = c.x + row / second.out / first.out * c.batch_stride * item;
    std::vector<const void*> sources(taps);
    for (int i2 = 0; i2 < last.out; i2++) {
      int tap = 0;
      for (int t0 = 0; t0 < first.taps; t0++) {
        for (int t1 = 0; t1 < second.taps; t1++) {
          for (int t2 = 0; t2 < last.taps; t2++, tap++) {
            const int s0 = first.source(i0, t0), s1 = second.source(i1, t1);
            const int s2 = last.source(i2, t2);
            const std::ptrdiff_t at =
                s0 * first.in_stride + s1 * second.in_stride + s2 * last.in_stride;
            sources[tap] = s0 < 0 || s1 < 0 || s2 < 0 ? zeros : image + at * item;
          }
        }
      }
      const std::ptrdiff_t position = static_cast<std::ptrdiff_t>(row) * last.out + i2;
      kernels.gemm.weigh_rows(
          c.type, sources.data(), memory.data(), taps, c.groups, c.y + position * row_bytes);
    }
  };
  if (static_cast<double>(c.positions()) * taps * c.groups < worth_threads) {
    for (int row = 0; row < rows; row++) {
      task(row);
    }
  } else {
    parallel_for(rows, task);
  }
}

// The product of the weights, which are read once and not packed as columns, with all patches.
void run_transposed(const Kernels& kernels, const Convolved& c) {
  Buffer<char> patches(static_cast<std::size_t>(c.positions()) * c.depth() * item_size(c.type));
  gather_patches(c, 0, {0, c.positions()}, patches.data());
  Gemm p = product(c, 0);
  std::swap(p.m, p.n);
  std::swap(p.y_row, p.y_column);
  p.a = {c.w, c.depth(), 1};
  p.b = {patches.data(), 1, c.depth()};
  batched_gemm(kernels, p, 1, [&](int) { return p; });
}

}  // namespace

bool has_few_positions(const Convolved& c) {
  return c.groups == 1 && c.positions() <= few_positions && c.outputs >= 2 * few_positions;
}

bool needs_no_patches(const Convolved& c) {
  return is_depthwise(c) || is_plain(c);
}

void convolve_patches(const Kernels& kernels, const Convolved& c) {
  if (is_depthwise(c)) {
    return run_depthwise(kernels, c);
  }
  if (is_plain(c)) {
    return batched_gemm(kernels, product(c, 0), 1, [&](int) { return product(c, 0); });
  }
  if (has_few_positions(c)) {
    return run_transposed(kernels, c);
  }
  const std::ptrdiff_t row_bytes = c.depth() * item_size(c.type);
  const int wanted = tasks_per_thread * thread_count();
  const int fitting = static_cast<int>(std::clamp<std::ptrdiff_t>(
      block_bytes / std::max<std::ptrdiff_t>(row_bytes, 1), least_rows, most_rows));
  const int fair = pieces(c.positions(), std::max(1, pieces(wanted, c.groups)));
  const int rows = std::min(fitting, std::max(fair, least_rows));
  const int row_tasks = pieces(c.positions(), rows);
  const int columns = std::max(
      least_columns,
      pieces(pieces(c.outputs, pieces(wanted, row_tasks * c.groups)), least_columns) *
          least_columns);
  const int column_tasks = pieces(c.outputs, columns);
  auto task = [&](int index) {
    const int column = index % column_tasks * columns;
    const int group = index / column_tasks % c.groups;
    const int row = index / column_tasks / c.groups * rows;
    const Range positions{row, std::min(row + rows, c.positions())};
    void* const patches = scratch<Convolved>((positions.end - row) * row_bytes);
    gather_patches(c, group, positions, patches);
    Gemm p = product(c, group);
    p.m = positions.end - row;
    p.n = std::min(columns, c.outputs - column);
    p.a.data = patches;
    p.b = from(p.b, p.type, 0, column);
    p.y = const_cast<void*>(from({p.y, p.y_row, 1}, p.type, row, column).data);
    multiply(kernels, p);
  };
  const int tasks = row_tasks * c.groups * column_tasks;
  if (c.multiplications() < worth_threads) {
    for (int i = 0; i < tasks; i++) {
      task(i);
    }
  } else {
    parallel_for(tasks, task);
  }
}

}  // namespace mlx_c::cpu

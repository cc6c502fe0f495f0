// The convolution that is the gradient of another with respect to its weights: the examples of the
// input are its channels, and the channels, which lie side by side, its batch.
//
// Each result is a sum over many positions, and neither operand has its elements along them side by
// side. But the channels of both are: a tile is some outputs times some channels, and each step,
// a position, reads both where they lie.
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "cpu/ops/convolution/geometry.hpp"
#include "cpu/ops/convolution/image.hpp"
#include "cpu/parallel/parallel_gemm.hpp"
#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

namespace {

// Steps whose operands stay in the L2 cache while all tiles of a task take them, and the rows and
// columns of its results.
constexpr int block_steps = 512, most_tiles = 4, most_columns = 128;
// Sums that are made in parts if the tasks are few: these depend on sizes alone, and so does the
// order of additions.
constexpr int enough_tasks = 24, least_steps = 4096;
// With fewer channels, the columns of a tile are those of neighbouring taps as well.
constexpr int few_channels = 16;

template <class T>
bool is_finite(const T* x, std::ptrdiff_t count) {
  constexpr int lanes = 16;  // sums that do not wait for each other
  std::array<T, lanes> zeros{};
  for (; count >= lanes; count -= lanes, x += lanes) {
    for (int i = 0; i < lanes; i++) {
      zeros[i] += x[i] * 0;
    }
  }
  for (std::ptrdiff_t i = 0; i < count; i++) {
    zeros[i] += x[i] * 0;
  }
  return std::all_of(zeros.begin(), zeros.end(), [](T zero) { return zero == 0; });
}

// A tap of the gradient's weights and the element of the input that it meets.
struct Meeting {
  int tap, element;
};

class WeightGradient {
 public:
  WeightGradient(const Kernels& kernels, const Convolved& c)
      : kernels_(kernels),
        c_(c),
        type_(c.type == ElementType::f64 ? ElementType::f64 : ElementType::f32),
        size_(item_size(type_)),
        axes_(c.axes),
        columns_(c.batch),
        input_(read_input()),
        gradient_(read_gradient()) {}

  // False if some sums are not finite.
  bool run();

 private:
  Image read_input();
  Image read_gradient() const;
  void multiply(
      int position, Range rows, Range columns, Range examples, char* y) const;

  std::ptrdiff_t y_row() const {
    return static_cast<std::ptrdiff_t>(positions()) * columns_;
  }
  int positions() const {
    return axes_[0].out * axes_[1].out * axes_[2].out;
  }

  const Kernels& kernels_;
  const Convolved& c_;
  const ElementType type_;
  const std::ptrdiff_t size_;
  std::array<Axis, space> axes_;  // the last one has one output if its taps are columns
  int columns_;
  const Image input_, gradient_;
};

// An array of as many examples as c has channels.
Convolved examples(const Convolved& c, int channels, const char* data) {
  Convolved result{};
  result.type = c.type;
  result.batch = c.channels;
  result.groups = 1;
  result.channels = channels;
  result.channel_stride = 1;
  result.x = data;
  return result;
}

Image WeightGradient::read_input() {
  Convolved x = examples(c_, c_.batch, c_.x);
  x.batch_stride = c_.channel_stride;
  for (int d = 0; d < space; d++) {
    x.axes[d].in = c_.axes[d].in;
    x.axes[d].in_stride = c_.axes[d].in_stride;
  }
  Margins margins;
  Axis& last = axes_[2];
  if (columns_ < few_channels && last.out > 1 && !last.flip && last.stride == 1 &&
      last.input_dilation == 1) {
    margins.before[2] = std::max(0, -last.position(0, 0));
    margins.behind[2] = std::max(0, last.position(last.out - 1, last.taps - 1) - last.in + 1);
    last.in += margins.before[2] + margins.behind[2];
    last.padding -= margins.before[2];
    columns_ *= last.out;
    last.out = 1;
  }
  // Vectors may reach behind the last column.
  const bool whole = columns_ % (kernels_.convolution.panel_width(type_, 1)) == 0;
  Image result =
      image(kernels_, x, type_, margins, whole ? CopyInput::if_needed : CopyInput::always);
  result.data -= margins.before[2] * result.strides[2] * size_;
  return result;
}

Image WeightGradient::read_gradient() const {
  Convolved w = examples(c_, c_.outputs, c_.w);
  w.batch_stride = c_.w_channel;
  for (int d = 0; d < space; d++) {
    w.axes[d].in = c_.axes[d].taps;
    w.axes[d].in_stride = c_.w_tap[d];
  }
  return image(kernels_, w, type_, Margins());
}

// Some results at one position, summed over some examples.
void WeightGradient::multiply(
    int position, Range rows, Range columns, Range examples, char* y) const {
  const std::array<int, space> output{
      position / axes_[2].out / axes_[1].out, position / axes_[2].out % axes_[1].out,
      position % axes_[2].out};
  std::array<std::vector<Meeting>, space> meetings;
  for (int d = 0; d < space; d++) {
    for (int tap = 0; tap < axes_[d].taps; tap++) {
      if (const int element = axes_[d].source(output[d], tap); element >= 0) {
        meetings[d].push_back({tap, element});
      }
    }
  }
  std::array<WeightGradientStep, block_steps> steps;
  WeightGradientTile tile{};
  tile.type = type_;
  tile.columns = columns.end - columns.begin;
  tile.step = steps.data();
  tile.x = input_.data + columns.begin * size_;
  tile.y_row = y_row();
  const int count = rows.end - rows.begin;
  const int step = pieces(count, pieces(count, kernels_.convolution.tile_rows));
  const auto flush = [&] {
    for (int row = rows.begin; row < rows.end; row += step) {
      tile.rows = std::min(step, rows.end - row);
      tile.gradient = gradient_.data + row * size_;
      tile.y = y + (row * y_row() + static_cast<std::ptrdiff_t>(position) * columns_ + columns.begin) * size_;
      kernels_.convolution.multiply_weight_gradient(tile);
    }
    tile.add = true;
    tile.steps = 0;
  };
  const auto add = [](WeightGradientStep at, const Image& x, const Image& gradient, int d, Meeting m) {
    return WeightGradientStep{
        at.gradient + m.tap * gradient.strides[d], at.x + m.element * x.strides[d]};
  };
  for (int n = examples.begin; n < examples.end; n++) {
    const WeightGradientStep example{n * gradient_.batch_stride, n * input_.batch_stride};
    for (const Meeting m0 : meetings[0]) {
      const WeightGradientStep plane = add(example, input_, gradient_, 0, m0);
      for (const Meeting m1 : meetings[1]) {
        const WeightGradientStep row = add(plane, input_, gradient_, 1, m1);
        for (const Meeting m2 : meetings[2]) {
          steps[tile.steps++] = add(row, input_, gradient_, 2, m2);
          if (tile.steps == block_steps) {
            flush();
          }
        }
      }
    }
  }
  if (tile.steps > 0 || !tile.add) {
    flush();
  }
}

bool WeightGradient::run() {
  const int tile_rows = kernels_.convolution.tile_rows;
  const int row_tasks = pieces(pieces(c_.outputs, tile_rows), most_tiles);
  const int rows = pieces(c_.outputs, row_tasks);
  const int column_tasks = pieces(columns_, most_columns);
  const int columns = std::min(columns_, most_columns);
  const int whole = positions() * row_tasks * column_tasks;
  const double steps = static_cast<double>(c_.taps()) * c_.channels;
  const int parts = std::clamp(
      std::min(pieces(enough_tasks, whole), static_cast<int>(steps / least_steps)), 1, c_.channels);
  const std::ptrdiff_t count = y_row() * c_.outputs;
  const bool in_place = parts == 1 && type_ == c_.type;
  Buffer<char> memory(in_place ? 0 : parts * count * size_);
  char* const y = in_place ? c_.y : memory.data();
  const auto task = [&](int index) {
    const int row = index % row_tasks * rows, column = index / row_tasks % column_tasks * columns;
    const int position = index / row_tasks / column_tasks % positions(), part = index / whole;
    multiply(
        position,
        {row, std::min(row + rows, c_.outputs)},
        {column, std::min(column + columns, columns_)},
        {static_cast<int>(static_cast<std::ptrdiff_t>(c_.channels) * part / parts),
         static_cast<int>(static_cast<std::ptrdiff_t>(c_.channels) * (part + 1) / parts)},
        y + part * count * size_);
  };
  if (c_.multiplications() < worth_threads) {
    for (int i = 0; i < whole * parts; i++) {
      task(i);
    }
  } else {
    parallel_for(whole * parts, task);
  }
  const auto add_parts = [&]<class T>(T) {
    T* const total = reinterpret_cast<T*>(y);
    for (int part = 1; part < parts; part++) {
      const T* const some = total + part * count;
      for (std::ptrdiff_t i = 0; i < count; i++) {
        total[i] += some[i];
      }
    }
    return is_finite(total, count);
  };
  const bool finite = type_ == ElementType::f64 ? add_parts(double{}) : add_parts(float{});
  if (in_place) {
    return finite;
  }
  if (type_ == c_.type) {
    std::memcpy(c_.y, y, count * size_);
  } else {
    kernels_.convert.narrow(reinterpret_cast<const float*>(y), c_.y, c_.type, count);
  }
  return finite;
}

}  // namespace

bool is_weight_gradient(const Convolved& c) {
  return c.groups == 1 && c.batch_stride == 1 && c.w_output == 1 && c.batch > 1 && c.outputs > 1 &&
      c.type != ElementType::c64;
}

bool convolve_weight_gradient(const Kernels& kernels, const Convolved& c) {
  return WeightGradient(kernels, c).run();
}

}  // namespace mlx_c::cpu

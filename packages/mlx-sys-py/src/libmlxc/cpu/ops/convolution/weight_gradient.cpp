// The convolution that is the gradient of another with respect to its weights: the examples of the
// input are its channels, and the channels, which lie side by side, its batch.
//
// Each result is a sum over many positions, and neither operand has its elements along them side by
// side. But the channels of both are: a tile is some outputs times some channels, and each step,
// a position, reads both where they lie. The columns of a tile are lanes of vectors: channels, or
// outputs where the channels are so few that most lanes would stay empty.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "cpu/kernels/stop.hpp"
#include "cpu/ops/convolution/geometry.hpp"
#include "cpu/ops/convolution/image.hpp"
#include "cpu/parallel/parallel_gemm.hpp"

namespace mlx_c::cpu {

namespace {

// Steps whose operands stay in the L2 cache while all tiles of a task take them, and the rows and
// columns of its results.
constexpr int block_steps = 512, most_tiles = 5, most_columns = 128;
// Sums that are made in parts of so many steps if the tasks are few: these depend on sizes alone,
// and so does the order of additions.
constexpr int enough_tasks = 24, least_steps = 512;
// With fewer channels, the columns of a tile are those of neighbouring taps as well.
constexpr int few_channels = 16;
// Examples from which outputs may be columns: then parts of the sums are tasks enough, as there is
// one task for all rows.
constexpr int enough_examples = 4;

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
        gradient_(read_gradient()),
        outputs_are_columns_(fill_more_lanes()),
        sources_{sources(0), sources(1), sources(2)} {}

  // False if some sums are not finite.
  bool run();

 private:
  Image read_input();
  Image read_gradient() const;
  bool fill_more_lanes() const;
  std::vector<int> sources(int axis) const;
  void multiply(Range rows, Range columns, Range examples, char* y) const;
  void add_row(int row, Range part, int position, WeightGradientStep* steps, int& count) const;
  bool are_finite(Range rows, Range columns, const char* y) const;
  void write(const char* y) const;

  // Of a tile's results, which are transposed at last if outputs are columns.
  std::ptrdiff_t y_row() const {
    return outputs_are_columns_ ? c_.outputs : static_cast<std::ptrdiff_t>(positions()) * columns_;
  }
  std::ptrdiff_t y_position() const {
    return outputs_are_columns_ ? static_cast<std::ptrdiff_t>(columns_) * c_.outputs : columns_;
  }
  std::ptrdiff_t y_size() const {
    return static_cast<std::ptrdiff_t>(positions()) * columns_ * c_.outputs;
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
  const bool outputs_are_columns_;
  // The elements of the input that the taps, which are those of the gradient, meet for each output.
  const std::array<std::vector<int>, space> sources_;
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

std::vector<int> WeightGradient::sources(int axis) const {
  const Axis& a = axes_[axis];
  std::vector<int> result;
  for (int output = 0; output < a.out; output++) {
    for (int tap = 0; tap < a.taps; tap++) {
      result.push_back(a.source(output, tap));
    }
  }
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

// Whether outputs fill more lanes of vectors than channels do. Vectors must not reach behind them.
bool WeightGradient::fill_more_lanes() const {
  const int lanes = kernels_.convolution.panel_width(type_, 1);
  const double filled = static_cast<double>(columns_) / (pieces(columns_, lanes) * lanes);
  return filled < 0.75 && c_.outputs % lanes == 0 && c_.channels >= enough_examples;
}

// Some results at all positions, summed over some examples.
void WeightGradient::multiply(Range rows, Range columns, Range examples, char* y) const {
  constexpr int ahead = WeightGradientTile::ahead;
  std::array<WeightGradientStep, block_steps + ahead> steps{};
  WeightGradientTile tile{};
  tile.type = type_;
  tile.columns = columns.end - columns.begin;
  tile.step = steps.data();
  const char* const of_rows = outputs_are_columns_ ? input_.data : gradient_.data;
  const char* const of_columns = outputs_are_columns_ ? gradient_.data : input_.data;
  tile.x = of_columns + columns.begin * size_;
  tile.y_row = y_row();
  const int count = rows.end - rows.begin;
  const int step = pieces(count, pieces(count, kernels_.convolution.tile_rows));
  std::vector<char> begun(positions());
  const auto multiply_steps = [&](int position) {
    check_stop();
    std::fill_n(steps.begin() + tile.steps, ahead, steps[std::max(tile.steps - 1, 0)]);
    tile.add = std::exchange(begun[position], 1);
    for (int row = rows.begin; row < rows.end; row += step) {
      tile.rows = std::min(step, rows.end - row);
      tile.gradient = of_rows + row * size_;
      tile.y = y + (row * y_row() + position * y_position() + columns.begin) * size_;
      kernels_.convolution.multiply_weight_gradient(tile);
    }
    tile.steps = 0;
  };
  // Blocks of rows of the gradient, or of parts of one, for one position after the other: they
  // share what they read.
  const auto& [first, second, last] = axes_;
  const int planes = first.taps * second.taps;
  const int block_rows = std::max(1, block_steps / last.taps);
  const int end = examples.end * planes;
  for (int row = examples.begin * planes; row < end; row += block_rows) {
    for (int tap = 0; tap < last.taps; tap += block_steps) {
      const Range part{tap, std::min(tap + block_steps, last.taps)};
      for (int position = 0; position < positions(); position++) {
        for (int r = row; r < std::min(row + block_rows, end); r++) {
          add_row(r, part, position, steps.data(), tile.steps);
        }
        if (tile.steps > 0) {
          multiply_steps(position);
        }
      }
    }
  }
  for (int position = 0; position < positions(); position++) {
    if (!begun[position]) {
      multiply_steps(position);
    }
  }
}

// Adds the steps for a part of a row of the gradient and a position of the result.
void WeightGradient::add_row(
    int row, Range part, int position, WeightGradientStep* steps, int& count) const {
  const auto& [first, second, last] = axes_;
  const int t1 = row % second.taps, t0 = row / second.taps % first.taps;
  const int n = row / second.taps / first.taps;
  const int s0 = sources_[0][position / last.out / second.out * first.taps + t0];
  const int s1 = sources_[1][position / last.out % second.out * second.taps + t1];
  if (s0 < 0 || s1 < 0) {
    return;
  }
  const std::ptrdiff_t x =
      n * input_.batch_stride + s0 * input_.strides[0] + s1 * input_.strides[1];
  const std::ptrdiff_t gradient =
      n * gradient_.batch_stride + t0 * gradient_.strides[0] + t1 * gradient_.strides[1];
  const int* const sources = sources_[2].data() + position % last.out * last.taps;
  for (int tap = part.begin; tap < part.end; tap++) {
    steps[count] = {gradient + tap * gradient_.strides[2], x + sources[tap] * input_.strides[2]};
    if (outputs_are_columns_) {
      std::swap(steps[count].gradient, steps[count].x);
    }
    count += sources[tap] >= 0;
  }
}

// Whether some results are finite at all positions.
bool WeightGradient::are_finite(Range rows, Range columns, const char* y) const {
  const auto are_finite = [&]<class T>(const T* values) {
    for (int row = rows.begin; row < rows.end; row++) {
      for (int i = 0; i < positions(); i++) {
        const T* const run = values + row * y_row() + i * y_position() + columns.begin;
        if (!is_finite(run, columns.end - columns.begin)) {
          return false;
        }
      }
    }
    return true;
  };
  return type_ == ElementType::f64 ? are_finite(reinterpret_cast<const double*>(y))
                                   : are_finite(reinterpret_cast<const float*>(y));
}

bool WeightGradient::run() {
  const int tile_rows = kernels_.convolution.tile_rows;
  const int all_rows = outputs_are_columns_ ? columns_ : c_.outputs;
  const int all_columns = outputs_are_columns_ ? c_.outputs : columns_;
  const int row_tasks = pieces(pieces(all_rows, tile_rows), most_tiles);
  const int rows = pieces(all_rows, row_tasks);
  const int column_tasks = pieces(all_columns, most_columns);
  const int columns = std::min(all_columns, most_columns);
  const int whole = row_tasks * column_tasks;
  const double steps = static_cast<double>(c_.taps()) * c_.channels;
  const int parts = std::clamp(
      std::min(pieces(enough_tasks, whole), static_cast<int>(steps / least_steps)), 1, c_.channels);
  const std::ptrdiff_t count = y_size();
  const bool in_place = parts == 1 && type_ == c_.type && !outputs_are_columns_;
  PooledMemory memory(in_place ? 0 : parts * count * size_);
  char* const y = in_place ? c_.y : memory.data();
  std::atomic<bool> finite = true;
  const auto task = [&](int index) {
    const int row = index % row_tasks * rows, column = index / row_tasks % column_tasks * columns;
    const int part = index / whole;
    const Range task_rows{row, std::min(row + rows, all_rows)};
    const Range task_columns{column, std::min(column + columns, all_columns)};
    multiply(
        task_rows,
        task_columns,
        {static_cast<int>(static_cast<std::ptrdiff_t>(c_.channels) * part / parts),
         static_cast<int>(static_cast<std::ptrdiff_t>(c_.channels) * (part + 1) / parts)},
        y + part * count * size_);
    // While the caches hold them.
    if (parts == 1 && !are_finite(task_rows, task_columns, y)) {
      finite = false;
    }
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
  if (parts > 1) {
    finite = type_ == ElementType::f64 ? add_parts(double{}) : add_parts(float{});
  }
  if (!in_place) {
    write(y);
  }
  return finite;
}

// Writes the results, in their order.
void WeightGradient::write(const char* y) const {
  const std::ptrdiff_t count = y_size();
  std::optional<PooledMemory> transposed;
  if (outputs_are_columns_) {
    const std::ptrdiff_t row = count / c_.outputs;
    const auto transpose = [&]<class T>(const T* from) {
      T* const to = reinterpret_cast<T*>(transposed.emplace(count * size_).data());
      for (std::ptrdiff_t i = 0; i < row; i++) {
        for (std::ptrdiff_t output = 0; output < c_.outputs; output++) {
          to[output * row + i] = from[i * c_.outputs + output];
        }
      }
    };
    type_ == ElementType::f64 ? transpose(reinterpret_cast<const double*>(y))
                              : transpose(reinterpret_cast<const float*>(y));
    y = transposed->data();
  }
  if (type_ == c_.type) {
    std::memcpy(c_.y, y, count * size_);
  } else {
    kernels_.convert.narrow(reinterpret_cast<const float*>(y), c_.y, c_.type, count);
  }
}

}  // namespace

bool is_weight_gradient(const Convolved& c) {
  if (c.groups != 1 || c.type == ElementType::c64 || (c.batch == 1 && c.outputs == 1)) {
    return false;
  }
  const bool fits = (c.batch == 1 || c.batch_stride == 1) && (c.outputs == 1 || c.w_output == 1);
  // Where one of the two says nothing, other convolutions look alike, but have fewer taps.
  const bool is_certain = c.batch > 1 && c.outputs > 1;
  return fits && (is_certain || c.taps() > c.positions() / c.batch);
}

bool convolve_weight_gradient(const Kernels& kernels, const Convolved& c) {
  return WeightGradient(kernels, c).run();
}

}  // namespace mlx_c::cpu

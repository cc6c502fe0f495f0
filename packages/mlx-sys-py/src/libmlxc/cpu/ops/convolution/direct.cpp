// Direct convolution: tiles of the result are sums over taps of the input, which is read where it
// lies, times packed weights.
//
// The rows of a tile are results for which the same taps meet the input, so that what a tap reads
// is at the same distance for all of them, and taps that meet padding, or the zeros of a dilated
// input, are left out.
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "cpu/kernels/stop.hpp"
#include "cpu/ops/convolution/geometry.hpp"
#include "cpu/ops/convolution/image.hpp"
#include "cpu/parallel/parallel_gemm.hpp"
#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

namespace {

// Bytes of weights that meet all tiles of a task before the next: a part of the L2 cache.
constexpr std::ptrdiff_t block_bytes = 5 << 17;
constexpr int block_columns = 256;
constexpr int tasks_per_thread = 4, most_tiles = 16;
// With fewer channels, the taps of a row are read as one run, over zeros around the input.
constexpr int few_channels = 16;

// Outputs along an axis that meet the input with the same taps.
struct Class {
  std::vector<int> outputs, taps;
};

// Along an axis. With margins, taps may also meet zeros around the input.
std::vector<Class> classes(const Axis& axis, bool margins) {
  std::vector<Class> result;
  if (margins && axis.input_dilation == 1) {
    Class all{std::vector<int>(axis.out), std::vector<int>(axis.taps)};
    std::iota(all.outputs.begin(), all.outputs.end(), 0);
    std::iota(all.taps.begin(), all.taps.end(), 0);
    result.push_back(std::move(all));
    return result;
  }
  std::vector<int> taps;
  std::size_t last = 0;
  for (int output = 0; output < axis.out; output++) {
    taps.clear();
    for (int tap = 0; tap < axis.taps; tap++) {
      const bool meets =
          margins ? axis.is_element(axis.position(output, tap)) : axis.source(output, tap) >= 0;
      if (meets) {
        taps.push_back(tap);
      }
    }
    if (last >= result.size() || result[last].taps != taps) {
      for (last = 0; last < result.size() && result[last].taps != taps; last++) {
      }
      if (last == result.size()) {
        result.push_back({{}, taps});
      }
    }
    result[last].outputs.push_back(output);
  }
  return result;
}

using Classes = std::array<std::vector<Class>, space>;

Classes classes(const Convolved& c, bool margins) {
  return {classes(c.axes[0], margins), classes(c.axes[1], margins), classes(c.axes[2], margins)};
}

template <class F>
void for_each(const Classes& all, F f) {
  for (const Class& first : all[0]) {
    for (const Class& second : all[1]) {
      for (const Class& last : all[2]) {
        f(std::array<const Class*, space>{&first, &second, &last});
      }
    }
  }
}

// The element of the input at a position that its dilation has elements at; before it or behind it
// perhaps.
int element(const Axis& axis, int output, int tap) {
  return axis.element(axis.position(output, tap));
}

Margins margins(const Convolved& c, const Classes& all) {
  Margins result;
  for (int d = 0; d < space; d++) {
    for (const Class& some : all[d]) {
      for (const int tap : some.taps) {
        for (const int output : {some.outputs.front(), some.outputs.back()}) {
          const int at = element(c.axes[d], output, tap);
          result.before[d] = std::max(result.before[d], -at);
          result.behind[d] = std::max(result.behind[d], at - c.axes[d].in + 1);
        }
      }
    }
  }
  return result;
}

// About the cycles per step and panel of all tiles.
double cost(const Convolved& c, const Classes& all, int tile_rows) {
  double result = 0;
  for_each(all, [&](const auto& part) {
    double count = c.batch, taps = 1;
    for (const Class* some : part) {
      count *= static_cast<double>(some->outputs.size());
      taps *= static_cast<double>(some->taps.size());
    }
    const double tiles = std::ceil(count / tile_rows);
    result += taps * tiles * (std::max(8.0, 2 * count / tiles) + 4);
  });
  return result;
}

using Block = std::vector<ConvolutionSegment>;

// In bytes: what the first tap of a result reads, and the result.
struct Offsets {
  std::ptrdiff_t x, y;

  Offsets operator+(const Offsets& other) const {
    return {x + other.x, y + other.y};
  }
};

// Results that meet the input with the same taps, and their tiles.
struct Part {
  std::vector<Block> blocks;
  std::array<std::vector<Offsets>, space> offsets;  // of the results along each axis
  Offsets example;                                  // from one to the next
  int count, rows, tiles;                           // results, rows of a tile, tiles
};

// Goes through the results of a part.
class Places {
 public:
  Places(const Part& part, int index) : part_(part) {
    for (int d = space - 1; d >= 0; d--) {
      const int size = static_cast<int>(part.offsets[d].size());
      at_[d] = index % size;
      index /= size;
    }
    outer_ = {part.example.x * index, part.example.y * index};
    enter_row();
  }

  Offsets offsets() const {
    return row_ + part_.offsets[2][at_[2]];
  }

  void next() {
    for (int d = space - 1; d >= 0; d--) {
      if (++at_[d] < static_cast<int>(part_.offsets[d].size())) {
        return d == 2 ? void() : enter_row();
      }
      at_[d] = 0;
    }
    outer_ = outer_ + part_.example;
    enter_row();
  }

 private:
  void enter_row() {
    row_ = outer_ + part_.offsets[0][at_[0]] + part_.offsets[1][at_[1]];
  }

  const Part& part_;
  std::array<int, space> at_;
  Offsets outer_, row_;
};

class Direct {
 public:
  Direct(const Kernels& kernels, const Convolved& c)
      : kernels_(kernels), c_(c), type_(computed_type(kernels, c.type)) {}

  bool run();

 private:
  bool pack();
  Part part(const std::array<const Class*, space>& classes) const;
  void multiply(const Part& part, int group, Range tiles, Range columns) const;

  // Bytes of what the loops compute with, and how many of these are some channels.
  std::ptrdiff_t size() const {
    return type_ == ElementType::f64 ? 8 : 4;
  }
  int steps(int channels) const {
    return type_ == ElementType::bf16 ? pieces(channels, 2) : channels;
  }
  std::ptrdiff_t steps(std::ptrdiff_t items) const {
    return type_ == ElementType::bf16 ? items / 2 : items;
  }
  int width() const {
    return kernels_.convolution.panel_width(type_, c_.outputs);
  }
  int panels() const {
    return pieces(c_.outputs, width());
  }
  // Elements of a panel of weights, and where a tap is in it.
  std::ptrdiff_t panel_size() const {
    return static_cast<std::ptrdiff_t>(c_.taps()) * steps(c_.channels) * width();
  }
  int tap_number(const std::array<int, space>& tap) const {
    return (tap[0] * c_.axes[1].taps + tap[1]) * c_.axes[2].taps + tap[2];
  }

  const Kernels& kernels_;
  const Convolved& c_;
  const ElementType type_;
  std::optional<Image> image_;
  std::optional<PooledMemory> weights_;
};

// Packs the weights; false if some are not finite.
bool Direct::pack() {
  const std::ptrdiff_t item = item_size(c_.type);
  weights_.emplace(c_.groups * panels() * panel_size() * size());
  std::atomic<bool> finite = true;
  const auto& [first, second, last] = c_.axes;
  const int taps = c_.taps();
  const auto pack_tap = [&](int index) {
    const int tap = index % taps, panel = index / taps % panels(), group = index / taps / panels();
    const int t2 = tap % last.taps, t1 = tap / last.taps % second.taps;
    const int t0 = tap / last.taps / second.taps;
    const int column = panel * width(), columns = c_.outputs - column;
    const int packed = kernels_.convolution.panel_width(type_, columns);
    char* const target = weights_->data() +
        ((static_cast<std::ptrdiff_t>(group) * panels() + panel) * panel_size() +
         static_cast<std::ptrdiff_t>(tap) * steps(c_.channels) * packed) *
            size();
    const std::ptrdiff_t output = static_cast<std::ptrdiff_t>(group) * c_.outputs + column;
    const Operand w{
        c_.w +
            (output * c_.w_output + t0 * c_.w_tap[0] + t1 * c_.w_tap[1] + t2 * c_.w_tap[2]) * item,
        c_.w_channel,
        c_.w_output};
    if (!kernels_.convolution.pack_panel(c_.type, w, c_.channels, columns, target)) {
      finite.store(false, std::memory_order_relaxed);
    }
  };
  const int count = c_.groups * panels() * taps;
  if (static_cast<double>(count) * c_.channels * width() < worth_threads) {
    for (int i = 0; i < count; i++) {
      pack_tap(i);
    }
  } else {
    parallel_for(count, pack_tap);
  }
  return finite.load();
}

Part Direct::part(const std::array<const Class*, space>& classes) const {
  Part result{};
  result.count = c_.batch;
  std::ptrdiff_t y = c_.groups * c_.outputs * item_size(c_.type);
  for (int d = space - 1; d >= 0; d--) {
    const Class& some = *classes[d];
    const int first = some.taps.empty() ? 0 : some.taps.front();
    for (const int output : some.outputs) {
      const std::ptrdiff_t x =
          some.taps.empty() ? 0 : element(c_.axes[d], output, first) * image_->strides[d];
      result.offsets[d].push_back({x * item_size(type_), y * output});
    }
    y *= c_.axes[d].out;
    result.count *= static_cast<int>(some.outputs.size());
  }
  result.example = {image_->batch_stride * item_size(type_), y};
  result.tiles = pieces(result.count, kernels_.convolution.tile_rows);
  result.rows = pieces(result.count, result.tiles);
  const int columns = std::min(c_.outputs, block_columns), channels = steps(c_.channels);
  const auto most = static_cast<int>(std::max<std::ptrdiff_t>(block_bytes / columns / size(), 1));
  int taps = 1;
  for (const Class* some : classes) {
    taps *= static_cast<int>(some->taps.size());
  }
  // Blocks of about the same number of steps.
  const int all = taps * channels, limit = pieces(std::max(all, 1), pieces(std::max(all, 1), most));
  const int chunk = pieces(channels, pieces(channels, limit));
  // What the first tap reads is where the rows begin.
  const auto offset = [&](int d, int tap) {
    const int output = classes[d]->outputs.front();
    return (element(c_.axes[d], output, tap) -
            element(c_.axes[d], output, classes[d]->taps.front())) *
        image_->strides[d];
  };
  int left = 0;
  for (const int t0 : classes[0]->taps) {
    for (const int t1 : classes[1]->taps) {
      for (const int t2 : classes[2]->taps) {
        const std::ptrdiff_t x = steps(offset(0, t0) + offset(1, t1) + offset(2, t2));
        for (int channel = 0; channel < channels; channel += chunk) {
          const int count = std::min(chunk, channels - channel);
          // The panels that are full; in a narrow one, rows of weights have half the width.
          const ConvolutionSegment segment{
              x + channel, tap_number({t0, t1, t2}) * channels + channel, count};
          if (left <= 0) {
            result.blocks.emplace_back();
            left = limit;
          }
          left -= count;
          Block& block = result.blocks.back();
          if (!block.empty()) {
            ConvolutionSegment& before = block.back();
            if (before.x + before.steps == segment.x && before.w + before.steps == segment.w) {
              before.steps += count;
              continue;
            }
          }
          block.push_back(segment);
        }
      }
    }
  }
  if (result.blocks.empty()) {
    result.blocks.emplace_back();  // sums of nothing
  }
  return result;
}

void Direct::multiply(const Part& part, int group, Range tiles, Range columns) const {
  const int begin = tiles.begin * part.rows;
  const int count = std::min(tiles.end * part.rows, part.count) - begin;
  const int width = columns.end - columns.begin;
  const bool in_place = type_ == c_.type && type_ != ElementType::bf16;
  float* const sums =
      in_place ? nullptr : static_cast<float*>(scratch<Direct>(sizeof(float) * count * width));
  std::vector<const void*> x(count);
  std::vector<void*> y(count), results(in_place ? 0 : count);
  Places places(part, begin);
  const std::ptrdiff_t item = item_size(c_.type);
  const char* const input = image_->data + group * image_->group_stride * item_size(type_);
  char* const output =
      c_.y + (static_cast<std::ptrdiff_t>(group) * c_.outputs + columns.begin) * item;
  for (int i = 0; i < count; i++, places.next()) {
    const Offsets at = places.offsets();
    x[i] = input + at.x;
    if (in_place) {
      y[i] = output + at.y;
    } else {
      y[i] = sums + static_cast<std::ptrdiff_t>(i) * width;
      results[i] = output + at.y;
    }
  }
  ConvolutionTile tile{};
  tile.type = type_;
  tile.columns = width;
  tile.w_panel = panel_size();
  tile.w = weights_->data() +
      (static_cast<std::ptrdiff_t>(group) * panels() + columns.begin / this->width()) *
          panel_size() * size();
  std::vector<const void*> next(count);
  for (const Block& block : part.blocks) {
    tile.segment = block.data();
    tile.segments = static_cast<int>(block.size());
    if (!block.empty()) {
      // The last tap of a tile is the first to read a part of the input.
      const ConvolutionSegment& last = block.back();
      const int steps = std::min(last.steps, this->steps(c_.channels));
      tile.next_bytes = steps * size();
      for (int i = 0; i < count; i++) {
        next[i] = static_cast<const char*>(x[i]) + (last.x + last.steps - steps) * size();
      }
    }
    for (int i = 0; i < count; i += part.rows) {
      check_stop();
      tile.rows = std::min(part.rows, count - i);
      tile.x = x.data() + i;
      tile.y = y.data() + i;
      tile.next = i + part.rows + tile.rows <= count ? next.data() + i + part.rows : nullptr;
      kernels_.convolution.multiply(tile);
    }
    tile.add = true;
  }
  for (int i = 0; i < count && !in_place; i++) {
    kernels_.convert.narrow(static_cast<const float*>(y[i]), results[i], c_.type, width);
  }
}

bool Direct::run() {
  if (!pack()) {
    return false;
  }
  const int tile_rows = kernels_.convolution.tile_rows;
  Classes inner = classes(c_, false), outer = classes(c_, true);
  const bool padded =
      c_.channels < few_channels || cost(c_, outer, tile_rows) < cost(c_, inner, tile_rows);
  const Classes& chosen = padded ? outer : inner;
  image_.emplace(image(kernels_, c_, type_, padded ? margins(c_, outer) : Margins()));
  std::vector<Part> parts;
  int tiles = 0;
  for_each(chosen, [&](const auto& some) {
    parts.push_back(part(some));
    tiles += parts.back().tiles;
  });
  const int wanted = tasks_per_thread * thread_count();
  int columns = std::min(panels() * width(), block_columns);
  while (columns > width() && tiles * c_.groups * pieces(c_.outputs, columns) < wanted) {
    columns = pieces(columns, 2 * width()) * width();
  }
  const int column_tasks = pieces(c_.outputs, columns);
  const int fair = pieces(tiles * c_.groups * column_tasks, wanted);
  const int step = std::clamp(fair, 1, most_tiles);
  struct Task {
    const Part* part;
    Range tiles;
  };
  std::vector<Task> tasks;
  for (const Part& some : parts) {
    for (int tile = 0; tile < some.tiles; tile += step) {
      tasks.push_back({&some, {tile, std::min(tile + step, some.tiles)}});
    }
  }
  const auto run_task = [&](int index) {
    const int column = index % column_tasks * columns;
    const Task& task = tasks[index / column_tasks % tasks.size()];
    const int group = index / column_tasks / static_cast<int>(tasks.size());
    multiply(*task.part, group, task.tiles, {column, std::min(column + columns, c_.outputs)});
  };
  const int count = column_tasks * static_cast<int>(tasks.size()) * c_.groups;
  if (c_.multiplications() < worth_threads) {
    for (int i = 0; i < count; i++) {
      run_task(i);
    }
  } else {
    parallel_for(count, run_task);
  }
  return true;
}

}  // namespace

bool convolve_directly(const Kernels& kernels, const Convolved& c) {
  return Direct(kernels, c).run();
}

}  // namespace mlx_c::cpu

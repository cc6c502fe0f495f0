// Rotary position embeddings.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include <mlx/fast.h>
#include <mlx/ops.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/float_rows.hpp"
#include "cpu/arrays/strided.hpp"
#include "cpu/nodes/fused.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/fused_ops.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// The parameters of the angles. Frequencies, if given, are an input, and so may be the offsets.
struct Turn {
  int pairs;
  bool traditional;
  std::optional<float> base;
  float scale;
  std::optional<int> offset;

  bool operator==(const Turn&) const = default;
};

// A table of cosines and sines at some positions, `pairs` of each.
class Angles {
 public:
  void compute(
      const Turn& turn, const std::vector<float>& periods, std::int64_t offset, int positions) {
    const Key wanted{turn.pairs, positions, turn.base, turn.scale, offset, periods};
    if (key_ == wanted) {
      return;
    }
    key_.reset();
    const std::size_t size = static_cast<std::size_t>(positions) * turn.pairs;
    cosines_.resize(size);
    sines_.resize(size);
    for (int i = 0; i < turn.pairs; i++) {
      const double frequency =
          turn.base ? std::pow<double>(*turn.base, -1.0 * i / turn.pairs) : 1.0 / periods[i];
      for (int t = 0; t < positions; t++) {
        const double angle = (static_cast<double>(offset) + t) * turn.scale * frequency;
        const std::size_t at = static_cast<std::size_t>(t) * turn.pairs + i;
        cosines_[at] = static_cast<float>(std::cos(angle));
        sines_[at] = static_cast<float>(std::sin(angle));
      }
    }
    key_ = wanted;
  }

  // The rotation of one row of `width` elements.
  RopeArgs at(std::size_t position, ElementType type, int width, bool traditional) const {
    const std::size_t first = position * key_->pairs;
    return {type, key_->pairs, width, traditional, &cosines_[first], &sines_[first]};
  }

 private:
  struct Key {
    int pairs, positions;
    std::optional<float> base;
    float scale;
    std::int64_t offset;
    std::vector<float> periods;

    bool operator==(const Key&) const = default;
  };
  std::optional<Key> key_;
  std::vector<float> cosines_, sines_;
};

// Offsets in an array, which are integers of 64 bits.
class Offsets {
 public:
  explicit Offsets(const array& offsets)
      : data_(offsets.data<void>()), walk_(offsets, offsets.shape()) {}

  std::vector<std::int64_t> read() const {
    std::vector<std::int64_t> result(walk_.size());
    walk_.copy(data_, sizeof(std::int64_t), 0, result.size(), result.data());
    return result;
  }

 private:
  const void* data_;
  Walk walk_;
};

// Elements that one task rotates.
constexpr int task_size = 1 << 14;

// A row of `view`: in place, or gathered.
const char* find_row(const View& view, std::size_t row, char* gathered) {
  const char* const source = row_of(view, row);
  if (view.strides.back() == 1) {
    return source;
  }
  const auto item = static_cast<std::ptrdiff_t>(item_size(view.type));
  copy_strided(source, view.strides.back(), view.shape.back(), item, gathered);
  return gathered;
}

void run(
    const Kernels& kernels,
    const Turn& turn,
    const View& x,
    const std::optional<Offsets>& given_offsets,
    const std::optional<View>& given_periods,
    char* y) {
  const int positions = x.shape.end()[-2], width = x.shape.end()[-1];
  std::vector<float> periods(given_periods ? turn.pairs : 0);
  if (given_periods) {
    given_periods->copy_to(kernels, periods.data());
  }
  const std::vector<std::int64_t> offsets =
      given_offsets ? given_offsets->read() : std::vector<std::int64_t>{*turn.offset};
  // All layers of a model use the same angles: the last table is cached.
  thread_local std::vector<Angles> kept;
  std::vector<Angles>& angles = kept;
  angles.resize(offsets.size());
  for (std::size_t i = 0; i < offsets.size(); i++) {
    angles[i].compute(turn, periods, offsets[i], positions);
  }

  const std::size_t rows = x.size() / width, row_size = width * item_size(x.type);
  const std::size_t rows_of_batch = rows / x.shape[0];
  const std::size_t task_rows = std::max(1, task_size / width);
  parallel_for(static_cast<int>((rows + task_rows - 1) / task_rows), [&](int task) {
    Buffer<char> gathered(row_size);
    const std::size_t begin = task * task_rows, end = std::min(rows, begin + task_rows);
    for (std::size_t row = begin; row < end; row++) {
      const Angles& turned = angles[angles.size() == 1 ? 0 : row / rows_of_batch];
      kernels.attention.rope(
          turned.at(row % positions, x.type, width, turn.traditional),
          find_row(x, row, gathered.data()),
          y + row * row_size);
    }
  });
}

// Whether the shapes of x, offsets and periods fit each other.
bool fits(const Turn& turn, const std::vector<array>& inputs) {
  const array& x = inputs[0];
  if (x.ndim() < 3 || x.shape(-1) < 2 * turn.pairs) {
    return false;
  }
  if (!turn.base && inputs.back().shape() != mx::Shape{turn.pairs}) {
    return false;
  }
  return turn.offset || inputs[1].ndim() == 0 || inputs[1].shape() == mx::Shape{1} ||
      inputs[1].shape() == mx::Shape{x.shape(0)};
}

class RoPE : public Fused {
 public:
  RoPE(mx::Stream stream, Function definition, const Turn& turn)
      : Fused(stream, std::move(definition)), turn_(turn) {}

  // The gradient is rotated by the negative angles.
  std::vector<array> vjp(
      const std::vector<array>& primals,
      const std::vector<array>& cotangents,
      const std::vector<int>& argnums,
      const std::vector<array>& outputs) override;

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    require(fits(turn_, inputs), "rope", inputs);
    return {inputs[0].shape()};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto* same = dynamic_cast<const RoPE*>(&other);
    return same && same->turn_ == turn_;
  }

  const Turn& turn() const {
    return turn_;
  }

  const char* name() const override {
    return "RoPE";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    std::optional<Offsets> offsets;
    std::optional<View> periods;
    if (!turn_.offset) {
      offsets.emplace(inputs[1]);
    }
    if (!turn_.base) {
      periods.emplace(inputs.back());
    }
    array& y = outputs[0];
    allocate_for(y);
    dispatch(
        stream(),
        [table = kernels(),
         turn = turn_,
         x = View(inputs[0]),
         offsets = std::move(offsets),
         periods = std::move(periods),
         data = y.data<char>()] { run(*table, turn, x, offsets, periods, data); });
  }

 private:
  const Turn turn_;
};

// Its inputs are x, offsets unless there is one for all, and periods unless there is a base.
std::shared_ptr<RoPE> primitive_of(const Turn& turn, mx::Stream stream) {
  const auto definition = [=](const std::vector<array>& inputs) {
    std::optional<array> periods;
    if (!turn.base) {
      periods = inputs.back();
    }
    const auto call = [&](const auto& offset) {
      return std::vector<array>{mx::fast::rope(
          inputs[0],
          2 * turn.pairs,
          turn.traditional,
          turn.base,
          turn.scale,
          offset,
          periods,
          stream)};
    };
    return turn.offset ? call(*turn.offset) : call(inputs[1]);
  };
  return std::make_shared<RoPE>(stream, definition, turn);
}

array rope(const Turn& turn, std::vector<array> inputs, mx::Stream stream) {
  const array x = inputs[0];
  return array(x.shape(), x.dtype(), primitive_of(turn, stream), std::move(inputs));
}

std::vector<array> RoPE::vjp(
    const std::vector<array>& primals,
    const std::vector<array>& cotangents,
    const std::vector<int>& argnums,
    const std::vector<array>& outputs) {
  if (argnums != std::vector<int>{0}) {
    return Fused::vjp(primals, cotangents, argnums, outputs);
  }
  Turn back = turn_;
  back.scale = -back.scale;
  std::vector<array> inputs = primals;
  inputs[0] = mx::astype(cotangents[0], primals[0].dtype(), stream());
  return {rope(back, std::move(inputs), stream())};
}

Turn turn_of(
    int dims,
    bool traditional,
    std::optional<float> base,
    float scale,
    const std::variant<int, array>& offset) {
  Turn turn{dims / 2, traditional, base, scale, std::nullopt};
  if (auto* one = std::get_if<int>(&offset)) {
    turn.offset = *one;
  }
  return turn;
}

std::vector<array> inputs_of(
    const array& x, const std::variant<int, array>& offset, const std::optional<array>& periods) {
  std::vector<array> inputs{x};
  if (auto* several = std::get_if<array>(&offset)) {
    inputs.push_back(*several);
  }
  if (periods) {
    inputs.push_back(*periods);
  }
  return inputs;
}

}  // namespace

bool fuses_rope(
    const array& x,
    int dims,
    std::optional<float> base,
    const std::variant<int, array>& offset,
    const std::optional<array>& freqs,
    mx::StreamOrDevice s) {
  if (!can_fuse({x}, s) || dims <= 0 || dims % 2 != 0 || base.has_value() == freqs.has_value()) {
    return false;
  }
  auto* several = std::get_if<array>(&offset);
  if (several && !mx::issubdtype(several->dtype(), mx::integer)) {
    return false;
  }
  return fits(turn_of(dims, false, base, 1, offset), inputs_of(x, offset, freqs));
}

array rope(
    const array& x,
    int dims,
    bool traditional,
    std::optional<float> base,
    float scale,
    const std::variant<int, array>& offset,
    const std::optional<array>& freqs,
    mx::StreamOrDevice s) {
  const mx::Stream stream = mx::to_stream(s);
  const Turn turn = turn_of(dims, traditional, base, scale, offset);
  std::vector<array> inputs = inputs_of(x, offset, freqs);
  if (!turn.offset) {
    inputs[1] = mx::astype(inputs[1], mx::int64, stream);
  }
  if (!turn.base) {
    inputs.back() = mx::astype(inputs.back(), mx::float32, stream);
  }
  return rope(turn, std::move(inputs), stream);
}

std::optional<int> rope_offset(mx::Primitive& primitive) {
  const auto* rope = dynamic_cast<const RoPE*>(&primitive);
  return rope ? rope->turn().offset : std::nullopt;
}

std::function<std::shared_ptr<mx::Primitive>(const std::vector<std::int64_t>&)> rope_at(
    mx::Primitive& primitive) {
  return [turn = dynamic_cast<RoPE&>(primitive).turn(),
          stream = primitive.stream()](const std::vector<std::int64_t>& offset) {
    Turn other = turn;
    other.offset = static_cast<int>(offset[0]);
    return primitive_of(other, stream);
  };
}

}  // namespace mlx_c::cpu

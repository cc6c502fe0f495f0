#include "cpu/ops/attention/step.hpp"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include <mlx/ops.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/arrays/strided.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/attention/forms.hpp"
#include "cpu/ops/indexing/checks.hpp"
#include "cpu/ops/slice_update.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;
using Arrays = std::vector<array>;

// Inputs before the buffers, and the axis of these along which positions lie.
constexpr std::size_t before_buffers = 4;
constexpr int positions_axis = 2;

// Matrices of one array, and how many rows and columns they have.
struct Matrices {
  MatrixView at;
  int count, rows, columns;

  Matrices(const array& a, ElementType type)
      : at(a, type), count(a.shape(1)), rows(a.shape(2)), columns(a.shape(3)) {}
};

// Writes the rows of one position, those of sequence `from` of `rows`, into a buffer.
void write_rows(
    const Matrices& rows, int from, const Matrices& buffer, std::int64_t offset, std::size_t item) {
  for (int head = 0; head < buffer.count; head++) {
    const Operand source = rows.at[from * buffer.count + head], held = buffer.at[head];
    const auto row = static_cast<std::ptrdiff_t>(item) * held.row * offset;
    auto* target = const_cast<char*>(static_cast<const char*>(held.data)) + row;
    copy_strided(source.data, source.column, buffer.columns, item, target);
  }
}

class AttentionStep : public Fused {
 public:
  AttentionStep(mx::Stream stream, Function definition, float scale)
      : Fused(stream, std::move(definition)), scale_(scale) {}

  std::vector<mx::Shape> output_shapes(const Arrays& inputs) override {
    std::size_t of_four_axes = 0;
    for (const array& input : inputs) {
      of_four_axes += input.ndim() == 4 ? 1 : 0;
    }
    require(of_four_axes + 1 == inputs.size(), "attention_step", inputs);
    const array &q = inputs[0], &k = inputs[1], &v = inputs[2];
    const auto count = static_cast<std::size_t>(q.shape(0));
    bool fits = inputs.size() == before_buffers + 2 * count && inputs[3].size() == count &&
        q.shape(2) == 1 && k.shape(1) > 0 && q.shape(1) % k.shape(1) == 0 &&
        k.shape(3) == q.shape(3) && v.shape(1) == k.shape(1) && k.shape(2) == 1 && v.shape(2) == 1;
    mx::Shape shape = q.shape();
    shape[3] = v.shape(3);
    std::vector<mx::Shape> shapes{std::move(shape)};
    for (std::size_t i = before_buffers; i < inputs.size(); i++) {
      const array& rows = i < before_buffers + count ? k : v;
      const auto& buffer = inputs[i].shape();
      fits = fits && rows.shape(0) == q.shape(0) && buffer[0] == 1 && buffer[1] == rows.shape(1) &&
          buffer[3] == rows.shape(3) &&
          (i < before_buffers + count || buffer[2] == inputs[i - count].shape(2));
      shapes.push_back(buffer);
    }
    require(fits, "attention_step", inputs);
    return shapes;
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto* same = dynamic_cast<const AttentionStep*>(&other);
    return same && same->scale_ == scale_;
  }

  const char* name() const override {
    return "AttentionStep";
  }

  bool overwrites_inputs() const override {
    return true;
  }

 protected:
  void compute(const Arrays& inputs, Arrays& outputs) override {
    const array &q = inputs[0], &k = inputs[1], &v = inputs[2];
    const View queries(q);
    const ElementType type = queries.type;
    array& y = outputs[0];
    allocate_for(y);
    std::vector<Matrices> buffers;
    for (std::size_t i = 1; i < outputs.size(); i++) {
      hold(inputs[before_buffers + i - 1], outputs[i]);
      buffers.emplace_back(outputs[i], type);
    }
    const Attention p{
        q.shape(0) * q.shape(1),
        q.shape(1) / k.shape(1),
        1,
        0,
        q.shape(3),
        v.shape(3),
        scale_,
        false};
    dispatch(
        stream(),
        [table = kernels(),
         p,
         queries,
         keys = Matrices(k, type),
         values = Matrices(v, type),
         buffers = std::move(buffers),
         offsets = inputs[3].data<std::int64_t>(),
         reports = std::vector<ErrorReport>(outputs.begin(), outputs.end()),
         item = y.itemsize(),
         bytes = y.nbytes(),
         to = y.data<void>()] {
          const int count = static_cast<int>(buffers.size() / 2);
          for (int i = 0; i < count; i++) {
            const std::int64_t room = buffers[i].rows;
            if (offsets[i] < 0 || offsets[i] >= room) {
              const Limit limit{positions_axis, room, 1, false};
              const auto message =
                  index_message("attention_step", std::to_string(offsets[i]), limit);
              for (const ErrorReport& report : reports) {
                report(message);
              }
              std::memset(to, 0, bytes);
              return;
            }
          }
          std::vector<SharedKeys> groups;
          for (int i = 0; i < count; i++) {
            const Matrices &held = buffers[i], &held_values = buffers[count + i];
            const std::int64_t offset = offsets[i];
            write_rows(keys, i, held, offset, item);
            write_rows(values, i, held_values, offset, item);
            for (int head = 0; head < held.count; head++) {
              groups.push_back({held.at[head], held_values.at[head], static_cast<int>(offset + 1)});
            }
          }
          attend_groups(*table, p, queries, groups, to);
        });
  }

 private:
  // The buffer itself if nobody else needs it, else a copy; its rows are contiguous.
  void hold(const array& x, array& y) {
    if (x.flags().row_contiguous) {
      return copy_on_write(x, y, stream());
    }
    allocate_for(y);
    dispatch(stream(), copy_of(x, y));
  }

  const float scale_;
};

}  // namespace

std::vector<array> attention_step(
    float scale, Arrays inputs, Function definition, mx::Stream stream) {
  const auto step = std::make_shared<AttentionStep>(stream, std::move(definition), scale);
  auto shapes = step->output_shapes(inputs);
  std::vector<mx::Dtype> types(shapes.size(), inputs[0].dtype());
  return array::make_arrays(std::move(shapes), types, step, inputs);
}

}  // namespace mlx_c::cpu

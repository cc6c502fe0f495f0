// take_along_axis and put_along_axis: an index per element, along one axis.
#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/arrays/dtypes.hpp"
#include "cpu/arrays/strided.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/indexing/reader.hpp"
#include "cpu/ops/indexing/scatter.hpp"
#include "cpu/ops/ops.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Indices that are read at a time.
constexpr std::size_t block_size = 512;
// Elements of one task.
constexpr std::size_t task_size = 1 << 14;

std::size_t product(const mx::Shape& shape, std::size_t begin, std::size_t end) {
  std::size_t result = 1;
  for (; begin < end; begin++) {
    result *= static_cast<std::size_t>(shape[begin]);
  }
  return result;
}

struct Taking {
  const void* source;
  Walk walk;          // over the source, at index 0 of the axis
  std::int64_t step;  // along the axis
  IndexReader places;
  void* target;
  std::size_t size;
  mx::Dtype type;
  ErrorReport report;

  template <class T>
  void take() const {
    const auto wrong = run_tasks((size + task_size - 1) / task_size, [this](std::size_t task) {
      std::optional<std::string> wrong;
      const std::size_t end = std::min(size, (task + 1) * task_size);
      for (std::size_t at = task * task_size; at < end; at += block_size) {
        const std::size_t count = std::min(block_size, end - at);
        std::int64_t place[block_size];
        auto message = places.read("take_along_axis", at, count, place);
        if (!wrong) {
          wrong = std::move(message);
        }
        const std::int64_t* next = place;
        T* out = static_cast<T*>(target) + at;
        walk.for_runs(at, count, [&](std::ptrdiff_t offset, std::size_t run) {
          const T* in = static_cast<const T*>(source) + offset;
          const std::ptrdiff_t inner = walk.strides.back();
          for (std::size_t i = 0; i < run; i++, in += inner) {
            *out++ = in[*next++ * step];
          }
        });
      }
      return wrong;
    });
    if (wrong) {
      report(*wrong);
    }
  }

  void operator()() const {
    if (places.impossible()) {
      std::memset(target, 0, size * type.size());
      std::int64_t place;
      return report(*places.read("take_along_axis", 0, 1, &place));
    }
    with_bytes(type.size(), [this]<class T>(T) { take<T>(); });
  }
};

class GatherAxis : public KernelOverride {
 public:
  GatherAxis(std::shared_ptr<mx::Primitive> original, int axis)
      : KernelOverride(std::move(original)), axis_(axis) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    array& y = outputs[0];
    allocate_for(y);
    if (y.size() == 0) {
      return;
    }
    mx::Strides strides = x.strides();
    strides[axis_] = 0;
    dispatch(
        stream(),
        Taking{
            x.data<void>(),
            Walk(y.shape(), strides, y.shape()),
            x.strides(axis_),
            IndexReader(inputs[1], y.shape(), {axis_, x.shape(axis_), 1, true}),
            y.data<void>(),
            y.size(),
            y.dtype(),
            ErrorReport(y)});
  }

 private:
  const int axis_;
};

// The axes before the indexed one are merged into one, and so are those after it.
struct Putting {
  ScatterReduce how;
  mx::Dtype type;
  void* target;
  std::size_t before, behind;
  std::size_t extent, updated;  // of the axis, in the target and in the updates
  const void* updates;
  Walk walk;  // over the updates
  IndexReader places;
  ErrorReport report;

  template <ScatterReduce how, class T>
  void put() const {
    if (how == ScatterReduce::replace || !is_half(type)) {
      return put_all<how>(static_cast<T*>(target));
    }
    // Rounded once.
    const ElementType narrow = *float_type(type);
    const std::size_t size = before * extent * behind;
    const Buffer<float> wide(size);
    kernels()->convert.widen(target, narrow, wide.data(), size);
    put_all<how>(wide.data());
    kernels()->convert.narrow(wide.data(), target, narrow, size);
  }

  // Tasks write disjoint elements of the target.
  template <ScatterReduce how, class T>
  void put_all(T* target) const {
    const std::size_t wanted = before * updated * behind / task_size;
    const std::size_t lines = before > 1 ? before : behind;
    const std::size_t tasks = std::clamp<std::size_t>(wanted, 1, lines);
    const auto wrong = run_tasks(tasks, [&](std::size_t task) {
      const std::size_t begin = lines * task / tasks, end = lines * (task + 1) / tasks;
      std::optional<std::string> wrong;
      if (before > 1) {
        put_some<how>(target, begin * updated * behind, (end - begin) * updated * behind, wrong);
      } else if (tasks == 1) {
        put_some<how>(target, 0, updated * behind, wrong);
      } else {
        for (std::size_t row = 0; row < updated; row++) {
          put_some<how>(target, row * behind + begin, end - begin, wrong);
        }
      }
      return wrong;
    });
    if (wrong) {
      report(*wrong);
    }
  }

  // A range of the updates, from element `start` on.
  template <ScatterReduce how, class T>
  void put_some(
      T* target, std::size_t start, std::size_t count, std::optional<std::string>& wrong) const {
    std::size_t column = start % behind, row = start / behind % updated;
    target += start / behind / updated * extent * behind;
    for (std::size_t done = 0; done < count; done += block_size) {
      const std::size_t some = std::min(block_size, count - done);
      std::int64_t place[block_size];
      auto message = places.read("put_along_axis", start + done, some, place);
      if (!wrong) {
        wrong = std::move(message);
      }
      T values[block_size];
      read_updates(start + done, some, values);
      for (std::size_t i = 0; i < some;) {
        // The updates of one row, or of all rows of one column.
        const std::size_t rest = behind == 1 ? updated - row : behind - column;
        const std::size_t next = std::min(some, i + rest), first = i;
        for (; i < next; i++) {
          const auto at = static_cast<std::size_t>(place[i]);
          T& old = behind == 1 ? target[at] : target[at * behind + column + i - first];
          old = scatter_value<how>(old, values[i]);
        }
        (behind == 1 ? row : column) += next - first;
        if (column == behind) {
          column = 0, row++;
        }
        if (row == updated) {
          row = 0, target += extent * behind;
        }
      }
    }
  }

  template <class T>
  void read_updates(std::size_t start, std::size_t count, T* values) const {
    if (sizeof(T) == type.size()) {
      return walk.copy(updates, sizeof(T), start, count, values);
    }
    if constexpr (std::is_same_v<T, float>) {
      std::uint16_t halves[block_size];
      walk.copy(updates, sizeof *halves, start, count, halves);
      kernels()->convert.widen(halves, *float_type(type), values, count);
    }
  }

  void operator()() const {
    if (places.impossible()) {
      std::int64_t place;
      return report(*places.read("put_along_axis", 0, 1, &place));
    }
    with_scatter_reduce(how, type, [this]<ScatterReduce how, class T>() { put<how, T>(); });
  }
};

class ScatterAxis : public KernelOverride {
 public:
  ScatterAxis(std::shared_ptr<mx::Primitive> original, ScatterReduce how, int axis)
      : KernelOverride(std::move(original)), how_(how), axis_(axis) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array &x = inputs[0], &updates = inputs[2];
    array& y = outputs[0];
    start_update(x, y, stream());
    if (updates.size() == 0) {
      return;
    }
    dispatch(
        stream(),
        Putting{
            how_,
            y.dtype(),
            y.data<void>(),
            product(y.shape(), 0, axis_),
            product(y.shape(), axis_ + 1, y.ndim()),
            static_cast<std::size_t>(y.shape(axis_)),
            static_cast<std::size_t>(updates.shape(axis_)),
            updates.data<void>(),
            Walk(updates, updates.shape()),
            IndexReader(inputs[1], updates.shape(), {axis_, y.shape(axis_), 1, true}),
            ErrorReport(y)});
  }

 private:
  const ScatterReduce how_;
  const int axis_;
};

}  // namespace

Override gather_axis(array& node) {
  if (is_stock() || !holds_indices(node.inputs()[1])) {
    return checked_gather_axis(node);
  }
  const int axis = static_cast<const mx::GatherAxis&>(node.primitive()).state();
  return std::make_shared<GatherAxis>(node.primitive_ptr(), axis);
}

Override scatter_axis(array& node) {
  const auto [type, axis] = static_cast<const mx::ScatterAxis&>(node.primitive()).state();
  const ScatterReduce how =
      type == mx::ScatterAxis::Sum ? ScatterReduce::sum : ScatterReduce::replace;
  if (is_stock() || !holds_indices(node.inputs()[1])) {
    return checked_scatter_axis(node);
  }
  return std::make_shared<ScatterAxis>(node.primitive_ptr(), how, axis);
}

}  // namespace mlx_c::cpu

#include "cpu/ops/indexing/scatter.hpp"

#include <algorithm>
#include <utility>

#include <mlx/backend/common/utils.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/dtypes.hpp"
#include "cpu/arrays/radix_sort.hpp"
#include "cpu/arrays/strided.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/ops.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Elements from which several threads pay.
constexpr std::size_t small = 1 << 14;
// Indices that one task reads.
constexpr std::size_t task_size = 1 << 14;

// Runs of contiguous elements, in the updates and in the target, where each begins at a multiple of
// the length.
struct Runs {
  const std::int64_t* begin;
  std::size_t count, length;
};

template <ScatterReduce how, class T>
void combine_run(const T* updates, T* target, std::size_t length) {
  if (length == 1) {
    *target = scatter_value<how>(*target, *updates);
  } else {
    scatter_values<how>(target, updates, length);
  }
}

// Each task owns a part of the target and applies the updates to it in their order.
template <ScatterReduce how, class T>
void scatter_exact(const Runs& runs, T* target, std::size_t size, const T* updates) {
  // Finding the owner of a run costs as much as combining a few elements. More tasks balance the
  // load better.
  const std::size_t tasks = runs.count * runs.length <= small || runs.length < 8
      ? 1
      : thread_count() * std::clamp<std::size_t>(runs.length / 16, 1, 4);
  parallel_for(static_cast<int>(tasks), [&](int task) {
    auto bound = [&](std::size_t i) { return size / runs.length * i / tasks * runs.length; };
    const std::size_t low = bound(task), extent = bound(task + 1) - low;
    in_parts(0, runs.count, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; i++) {
        if (static_cast<std::size_t>(runs.begin[i]) - low < extent) {
          combine_run<how>(updates + i * runs.length, target + runs.begin[i], runs.length);
        }
      }
    });
  });
}

struct Run {
  std::uint64_t begin;
  std::size_t number;
};

std::uint64_t key_of(const Run& run) {
  return run.begin;
}

// Each task owns runs that begin at the same positions, whose sums it keeps as floats.
template <ScatterReduce how>
void scatter_halves(
    const Runs& runs, ElementType type, std::uint16_t* target, const void* updates) {
  const std::size_t length = runs.length;
  const Buffer<float> wide_updates(runs.count * length);
  kernels()->convert.widen(updates, type, wide_updates.data(), runs.count * length);
  const Buffer<Run> memory(2 * runs.count);
  Run* sorted = memory.data();
  for (std::size_t i = 0; i < runs.count; i++) {
    sorted[i] = {static_cast<std::uint64_t>(runs.begin[i]), i};
  }
  radix_sort(sorted, sorted + runs.count, runs.count);
  const std::size_t tasks = std::min(runs.count, runs.count * length / small + 1);
  // The first run of a position at or after the i-th part.
  auto bound = [&](std::size_t i) {
    std::size_t at = runs.count * i / tasks;
    while (0 < at && at < runs.count && sorted[at].begin == sorted[at - 1].begin) {
      at++;
    }
    return at;
  };
  parallel_for(static_cast<int>(tasks), [&](int task) {
    const Buffer<float> totals(length);
    for (std::size_t i = bound(task); i < bound(task + 1);) {
      const std::uint64_t begin = sorted[i].begin;
      kernels()->convert.widen(target + begin, type, totals.data(), length);
      for (; i < runs.count && sorted[i].begin == begin; i++) {
        combine_run<how>(wide_updates.data() + sorted[i].number * length, totals.data(), length);
      }
      kernels()->convert.narrow(totals.data(), target + begin, type, length);
    }
  });
}

class Scatter : public KernelOverride {
 public:
  Scatter(std::shared_ptr<mx::Primitive> original, ScatterReduce how, std::vector<int> axes)
      : KernelOverride(std::move(original)), how_(how), axes_(std::move(axes)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array &x = inputs[0], &updates = inputs.back();
    array& y = outputs[0];
    start_update(x, y, stream());
    // The updates have the axes of the indices, and behind them those of the target.
    const int before = updates.ndim() - x.ndim();
    mx::Shape slice(updates.shape().begin() + before, updates.shape().end());
    dispatch(
        stream(),
        ScatterTask{
            how_,
            y.dtype(),
            y.data<void>(),
            y.size(),
            0,
            axis_indices(inputs, axes_, slice, y.strides()),
            axes_.empty() ? 1 : inputs[1].size(),
            std::move(slice),
            y.strides(),
            copy_in_order(updates),
            updates.flags().row_contiguous,
            ErrorReport(y)});
  }

 private:
  const ScatterReduce how_;
  const std::vector<int> axes_;
};

}  // namespace

void ScatterTask::operator()() const {
  const Buffer<std::int64_t> offsets(count);
  const auto wrong = run_tasks((count + task_size - 1) / task_size, [&](std::size_t task) {
    const std::size_t first = task * task_size, some = std::min(task_size, count - first);
    return read_offsets("scatter", indices, first, some, offsets.data() + first);
  });
  if (wrong) {
    return (*report)(*wrong);
  }

  const Walk walk(slice, strides, slice);
  const std::size_t slice_size = walk.size();
  if (count * slice_size == 0) {
    return;
  }
  std::size_t length = walk.strides.back() == 1 ? walk.inner() : 1;
  // Runs that partly overlap are split into elements.
  auto cuts = [&](std::int64_t step) { return step % static_cast<std::int64_t>(length) != 0; };
  if (cuts(start) || std::any_of(walk.strides.begin(), walk.strides.end() - 1, cuts) ||
      std::any_of(indices.begin(), indices.end(), [&](auto& axis) { return cuts(axis.step); })) {
    length = 1;
  }
  const std::size_t parts = slice_size / length;
  std::optional<Buffer<std::int64_t>> begins;
  if (parts > 1 || start != 0) {
    std::int64_t* begin = begins.emplace(count * parts).data();
    std::size_t part = 0;
    walk.for_runs(0, slice_size, [&](std::ptrdiff_t offset, std::size_t run) {
      for (std::size_t i = 0; i < run / length; i++) {
        begin[part++] = start + offset + static_cast<std::ptrdiff_t>(i) * walk.strides.back();
      }
    });
    for (std::size_t i = count; i-- > 0;) {
      for (part = 0; part < parts; part++) {
        begin[i * parts + part] = offsets.data()[i] + begin[part];
      }
    }
  }
  const Runs runs{(begins ? *begins : offsets).data(), count * parts, length};

  std::optional<Buffer<char>> memory;
  const void* values = updates.source;
  if (!in_order) {
    Copy copy = updates;
    copy.target = memory.emplace(count * slice_size * updates.item).data();
    copy();
    values = copy.target;
  }
  with_scatter_reduce(how, type, [&]<ScatterReduce how, class T>() {
    if (how != ScatterReduce::replace && is_half(type)) {
      scatter_halves<how>(runs, *float_type(type), static_cast<std::uint16_t*>(target), values);
    } else {
      scatter_exact<how>(runs, static_cast<T*>(target), size, static_cast<const T*>(values));
    }
  });
}

void start_update(const array& x, array& y, mx::Stream stream) {
  if (x.is_donatable() && x.flags().row_contiguous && x.size() == x.data_size()) {
    return y.copy_shared_buffer(x);
  }
  allocate_for(y);
  dispatch(stream, copy_of(x, y));
}

Override scatter(array& node) {
  const auto [type, axes] = static_cast<const mx::Scatter&>(node.primitive()).state();
  const auto& inputs = node.inputs();
  const ScatterReduce how = scatter_reduce(type);
  if (is_stock() || !can_scatter_reduce(how, node.dtype()) ||
      !std::all_of(inputs.begin() + 1, inputs.end() - 1, holds_indices)) {
    return checked_scatter(node);
  }
  return std::make_shared<Scatter>(node.primitive_ptr(), how, axes);
}

}  // namespace mlx_c::cpu

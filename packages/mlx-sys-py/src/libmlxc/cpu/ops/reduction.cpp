// Reductions over axes: sum, prod, min, max, all, any.
#include <algorithm>
#include <array>
#include <complex>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/arrays/dtypes.hpp"
#include "cpu/arrays/strided.hpp"
#include "cpu/arrays/view.hpp"
#include "cpu/kernels/reduce/ops.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/elementwise.hpp"
#include "cpu/ops/ops.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// Elements that one task reads.
constexpr std::size_t task_size = 1 << 16;
// Elements gathered into one block, and results per block of rows.
constexpr std::size_t block_size = 1024;
// Columns that are reduced together: long runs of each row, and partial results that stay in the L1
// cache.
constexpr std::size_t column_block = 4096;
// Parts that one result is computed in: their number depends on sizes only, so the order of
// additions does not depend on the number of threads.
constexpr std::size_t max_parts = 32;

Reduce to_reduce(mlx::core::Reduce::ReduceType type) {
  switch (type) {
    case mlx::core::Reduce::And:
      return Reduce::all;
    case mlx::core::Reduce::Or:
      return Reduce::any;
    case mlx::core::Reduce::Sum:
      return Reduce::sum;
    case mlx::core::Reduce::Prod:
      return Reduce::prod;
    case mlx::core::Reduce::Min:
      return Reduce::min;
    default:
      return Reduce::max;
  }
}

// The type of the accumulators.
ElementType total_type(ElementType result) {
  return result == ElementType::f16 || result == ElementType::bf16 ? ElementType::f32 : result;
}

using Item = std::array<char, 8>;

template <class T>
Item item_of(T value) {
  Item item{};
  std::memcpy(item.data(), &value, sizeof value);
  return item;
}

template <class T>
Item neutral_number(Reduce op) {
  using Limits = std::numeric_limits<T>;
  switch (op) {
    case Reduce::sum:
      return item_of(T(0));
    case Reduce::prod:
      return item_of(T(1));
    case Reduce::min:
      return item_of(Limits::has_infinity ? Limits::infinity() : Limits::max());
    default:
      return item_of(Limits::has_infinity ? -Limits::infinity() : Limits::lowest());
  }
}

// The neutral element.
Item neutral(Reduce op, ElementType type) {
  switch (type) {
    case ElementType::u8:
      return neutral_number<std::uint8_t>(op);
    case ElementType::u16:
      return neutral_number<std::uint16_t>(op);
    case ElementType::u32:
      return neutral_number<std::uint32_t>(op);
    case ElementType::u64:
      return neutral_number<std::uint64_t>(op);
    case ElementType::i8:
      return neutral_number<std::int8_t>(op);
    case ElementType::i16:
      return neutral_number<std::int16_t>(op);
    case ElementType::i32:
      return neutral_number<std::int32_t>(op);
    case ElementType::i64:
      return neutral_number<std::int64_t>(op);
    case ElementType::f32:
      return neutral_number<float>(op);
    case ElementType::f64:
      return neutral_number<double>(op);
    default:
      return item_of(op == Reduce::all || op == Reduce::prod || op == Reduce::min);
  }
}

struct Reducing {
  Reduction reduction;  // of the input
  Reduction combining;  // of results
  Elementwise finishing;
  Item start;
  ElementType total;
  std::ptrdiff_t item, total_item, result_item;
};

// The axes that are reduced, or those that are kept.
Walk part_of(const array& x, const std::vector<int>& axes, bool reduced) {
  mlx::core::Shape shape;
  mlx::core::Strides strides;
  mlx::core::SmallVector<int> order(x.ndim());
  std::iota(order.begin(), order.end(), 0);
  // The reduced axes are walked in memory order.
  if (reduced) {
    std::sort(order.begin(), order.end(), [&](int a, int b) {
      return x.strides(a) > x.strides(b) || (x.strides(a) == x.strides(b) && a < b);
    });
  }
  for (const int d : order) {
    if ((std::find(axes.begin(), axes.end(), d) != axes.end()) != reduced) {
      continue;
    }
    shape.push_back(x.shape(d));
    strides.push_back(x.strides(d));
  }
  return Walk(shape, strides, shape);
}

class Run {
 public:
  Run(const Reducing& how, const char* x, const Walk& kept, const Walk& reduced, char* out)
      : how_(how),
        x_(x),
        kept_(kept),
        reduced_(reduced),
        out_(out),
        results_(kept.size()),
        elements_(reduced.size()),
        by_columns_(
            reduced.strides.back() != 1 && results_ > 1 &&
            (kept.strides.back() == 1 || kept.inner() > reduced.inner())) {}

  void operator()() const {
    if (results_ == 0) {
      return;
    }
    const std::size_t block = by_columns_
        ? std::min(results_, column_block)
        : std::clamp(task_size / std::max<std::size_t>(elements_, 1), std::size_t{1}, block_size);
    const std::size_t blocks = (results_ + block - 1) / block;
    const std::size_t block_elements = std::min(block, results_) * elements_;
    const std::size_t parts =
        std::clamp(block_elements / task_size, std::size_t{1}, blocks >= max_parts ? 1 : max_parts);
    if (parts == 1) {
      // Small blocks are grouped into one task.
      const std::size_t step =
          std::max<std::size_t>(1, task_size / std::max<std::size_t>(block_elements, 1));
      parallel_for(static_cast<int>((blocks + step - 1) / step), [&](int task) {
        struct Totals;
        char* const totals = static_cast<char*>(scratch<Totals>(block * how_.total_item));
        for (std::size_t b = task * step; b < std::min(blocks, (task + 1) * step); b++) {
          const std::size_t first = b * block, count = std::min(block, results_ - first);
          start(totals, count);
          reduce(first, count, 0, elements_, totals);
          finish(first, count, totals);
        }
      });
      return;
    }
    Buffer<char> totals(parts * results_ * how_.total_item);
    parallel_for(static_cast<int>(blocks * parts), [&](int task) {
      const std::size_t part = task % parts, first = task / parts * block;
      const std::size_t count = std::min(block, results_ - first);
      char* mine = totals.data() + (part * results_ + first) * how_.total_item;
      const std::size_t begin = elements_ * part / parts, end = elements_ * (part + 1) / parts;
      start(mine, count);
      reduce(first, count, begin, end - begin, mine);
    });
    const std::size_t row = results_ * how_.total_item;
    how_.combining.columns(
        totals.data() + row, static_cast<std::ptrdiff_t>(row), parts - 1, results_, totals.data());
    finish(0, results_, totals.data());
  }

 private:
  void start(char* totals, std::size_t count) const {
    for (std::size_t i = 0; i < count; i++) {
      std::memcpy(totals + i * how_.total_item, how_.start.data(), how_.total_item);
    }
  }

  void finish(std::size_t first, std::size_t count, const char* totals) const {
    char* out = out_ + first * how_.result_item;
    if (how_.finishing) {
      const void* operand = totals;
      how_.finishing(&operand, out, count);
    } else {
      std::memcpy(out, totals, count * how_.result_item);
    }
  }

  void reduce(
      std::size_t first,
      std::size_t count,
      std::size_t begin,
      std::size_t size,
      char* totals) const {
    const std::ptrdiff_t step = kept_.strides.back();
    kept_.for_runs(first, count, [&](std::ptrdiff_t offset, std::size_t run) {
      if (by_columns_) {
        add_columns(offset, run, begin, size, totals);
      } else {
        for (std::size_t i = 0; i < run; i++) {
          add_row(
              offset + static_cast<std::ptrdiff_t>(i) * step,
              begin,
              size,
              totals + i * how_.total_item);
        }
      }
      totals += run * how_.total_item;
    });
  }

  void add_row(std::ptrdiff_t start, std::size_t begin, std::size_t size, char* total) const {
    const char* x = address(start);
    const bool one_run = reduced_.shape.size() == 1;
    if (reduced_.strides.back() == 1 && (one_run || reduced_.inner() >= block_size)) {
      reduced_.for_runs(begin, size, [&](std::ptrdiff_t offset, std::size_t run) {
        // Partial sums keep the rounding error of long sums small.
        for (std::size_t at = 0; at < run; at += long_row) {
          how_.reduction.row(
              x + (offset + static_cast<std::ptrdiff_t>(at)) * item(),
              std::min(long_row, run - at),
              total);
        }
      });
      return;
    }
    // Short runs and strided elements are gathered: long rows are faster and have less rounding
    // error.
    char memory[block_size * 8];
    for (std::size_t done = 0; done < size; done += block_size) {
      const std::size_t count = std::min(block_size, size - done);
      reduced_.copy(x, how_.item, begin + done, count, memory);
      how_.reduction.row(memory, count, total);
    }
  }

  void add_columns(
      std::ptrdiff_t start,
      std::size_t columns,
      std::size_t begin,
      std::size_t size,
      char* totals) const {
    const std::ptrdiff_t step = kept_.strides.back();
    const std::ptrdiff_t row = reduced_.strides.back();
    reduced_.for_runs(begin, size, [&](std::ptrdiff_t offset, std::size_t run) {
      const std::ptrdiff_t first = start + offset;
      if (step == 1) {
        return how_.reduction.columns(address(first), row * item(), run, columns, totals);
      }
      char memory[column_block * 8];
      for (std::size_t i = 0; i < run; i++) {
        copy_strided(
            address(first + static_cast<std::ptrdiff_t>(i) * row),
            step,
            columns,
            how_.item,
            memory);
        how_.reduction.columns(memory, 0, 1, columns, totals);
      }
    });
  }

  std::ptrdiff_t item() const {
    return static_cast<std::ptrdiff_t>(how_.item);
  }

  const char* address(std::ptrdiff_t index) const {
    return x_ + index * item();
  }

  static constexpr std::size_t long_row = 1 << 14;

  const Reducing& how_;
  const char* const x_;
  const Walk& kept_;
  const Walk& reduced_;
  char* const out_;
  const std::size_t results_, elements_;
  const bool by_columns_;
};

class ReduceKernel : public KernelOverride {
 public:
  ReduceKernel(std::shared_ptr<mlx::core::Primitive> original, std::vector<int> axes, Reducing how)
      : KernelOverride(std::move(original)), axes_(std::move(axes)), how_(how) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    array& out = outputs[0];
    allocate_for(out);
    dispatch(
        stream(),
        [how = how_,
         data = x.data<char>(),
         kept = part_of(x, axes_, false),
         reduced = part_of(x, axes_, true),
         target = out.data<char>()] { Run(how, data, kept, reduced, target)(); });
  }

 private:
  const std::vector<int> axes_;
  const Reducing how_;
};

// Over axes of one element each: the result is the input. MLX's kernel would read and write outside
// of the arrays; MLX itself makes such a node in functions that are compiled for all shapes only.
class SingleElements : public KernelOverride {
 public:
  using KernelOverride::KernelOverride;

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    array& out = outputs[0];
    if (x.dtype() == out.dtype()) {
      return out.copy_shared_buffer(x);
    }
    // Whether a complex number is not 0.
    allocate_for(out);
    dispatch(stream(), [copy = copy_in_order(x), size = x.size(), target = out.data<bool>()] {
      std::vector<std::complex<float>> numbers(size);
      Copy filled = copy;
      filled.target = numbers.data();
      filled();
      std::ranges::transform(numbers, target, [](auto number) { return number != 0.0f; });
    });
  }
};

}  // namespace

Override reduce(array& node) {
  const array& input = node.inputs()[0];
  const auto type = element_type(input.dtype()), result = element_type(node.dtype());
  const auto [kind, axes] = static_cast<mlx::core::Reduce&>(node.primitive()).state();
  if (type == ElementType::c64 || is_stock()) {
    const char* reason = is_stock() ? stock_reason : "no kernel for complex numbers";
    const bool is_single =
        std::ranges::all_of(axes, [&](int axis) { return input.shape(axis) == 1; });
    if (is_single && (type == result || type == ElementType::c64)) {
      return {std::make_shared<SingleElements>(node.primitive_ptr()), reason};
    }
    if (!is_single) {
      return keep_mlx(reason);
    }
  }
  const Reduce op = to_reduce(kind);
  const ElementType total = total_type(result);
  Reducing how{
      kernels()->reduce.find(op, type),
      kernels()->reduce.find(op, total),
      total == result ? nullptr : kernels()->elementwise.find(Op::cast, total, result),
      neutral(op, total),
      total,
      item_size(type),
      item_size(total),
      item_size(result)};
  return std::make_shared<ReduceKernel>(node.primitive_ptr(), axes, how);
}

}  // namespace mlx_c::cpu

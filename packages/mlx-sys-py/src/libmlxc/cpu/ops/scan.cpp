// Scans (cumulative operations): sum, prod, min, max, logaddexp.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <type_traits>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/arrays/dtypes.hpp"
#include "cpu/arrays/scatter_reduce.hpp"
#include "cpu/kernels/stop.hpp"
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

// Elements of one task.
constexpr std::size_t task_size = 1 << 15;

template <ScatterReduce how, class T>
struct Accumulate {
  static T start() {
    using Limits = std::numeric_limits<T>;
    if constexpr (how == ScatterReduce::sum) {
      return T(0);
    }
    if constexpr (how == ScatterReduce::prod) {
      return T(1);
    }
    if constexpr (how == ScatterReduce::min) {
      return Limits::has_infinity ? Limits::infinity() : Limits::max();
    }
    if constexpr (how == ScatterReduce::max) {
      return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    }
  }
  static T apply(T total, T value) {
    return scatter_value<how>(total, value);
  }
};

template <class T>
struct AddExponentials {
  static T start() {
    return -std::numeric_limits<T>::infinity();
  }
  static T apply(T total, T value) {
    const T high = scatter_value<ScatterReduce::max>(total, value);
    // The difference of infinities is NaN.
    return std::isinf(high) ? high : high + std::log1p(std::exp(-std::abs(total - value)));
  }
};

// The axes before the scanned one are merged into one, and so are those after it.
template <class F, class T>
struct Lines {
  const T* in;
  T* out;
  std::size_t before, length, behind;
  bool reverse, inclusive;

  void operator()() const {
    if (before * length * behind == 0) {
      return;
    }
    const std::size_t wanted = before * length * behind / task_size;
    const std::size_t lines = before > 1 ? before : behind;
    const std::size_t tasks = std::clamp<std::size_t>(wanted, 1, lines);
    parallel_for(static_cast<int>(tasks), [&](int task) {
      const std::size_t begin = lines * task / tasks, end = lines * (task + 1) / tasks;
      if (behind == 1) {
        return scan_lines(begin, end);
      }
      if (before == 1) {
        return scan(in, out, begin, end);
      }
      for (std::size_t i = begin; i < end; i++) {
        scan(in + i * length * behind, out + i * length * behind, 0, behind);
      }
    });
  }

 private:
  std::size_t at(std::size_t i) const {
    return (reverse ? length - 1 - i : i) * behind;
  }

  // Scans along the rows, for a range of columns.
  void scan(const T* x, T* y, std::size_t begin, std::size_t end) const {
    for (std::size_t j = begin; j < end; j++) {
      y[at(0) + j] = inclusive ? x[at(0) + j] : F::start();
    }
    const std::size_t rows_at_once = std::max<std::size_t>(1, at_once / (end - begin + 1));
    for (std::size_t i = 1; i < length; i++) {
      if (i % rows_at_once == 0) {
        check_stop();
      }
      const T *last = y + at(i - 1), *values = x + at(inclusive ? i : i - 1);
      T* sums = y + at(i);
      for (std::size_t j = begin; j < end; j++) {
        sums[j] = F::apply(last[j], values[j]);
      }
    }
  }

  // Elements between two looks at whether to stop.
  static constexpr std::size_t at_once = 1 << 18;

  // Contiguous lines: several at once, as the additions within a line depend on each other
  // (latency).
  void scan_lines(std::size_t begin, std::size_t end) const {
    constexpr int some = 4;
    if constexpr (adds_floats) {
      if (inclusive && !reverse) {
        // The lines would map to the same cache sets.
        const bool apart = length * sizeof(T) % 4096 != 0;
        for (; apart && begin + 2 * some <= end; begin += 2 * some) {
          add_lines<2>(begin);
        }
        for (; begin + some <= end; begin += some) {
          add_lines<1>(begin);
        }
      }
    }
    for (; begin + some <= end; begin += some) {
      scan_lines<some>(begin);
    }
    for (; begin < end; begin++) {
      scan_lines<1>(begin);
    }
  }

  static constexpr bool adds_floats = std::is_same_v<F, Accumulate<ScatterReduce::sum, float>>;

  // Four lines at a time: blocks of 4x4 elements are transposed, so that one vector addition
  // advances all four.
  template <int groups>
  void add_lines(std::size_t first) const {
    using Four [[gnu::vector_size(16)]] = float;
    const auto offset = [&](int line) { return (first + static_cast<std::size_t>(line)) * length; };
    // The neutral element of addition: -0, which keeps the sign of a zero.
    Four totals[groups];
    for (Four& total : totals) {
      total = -0.0f - Four{};
    }
    std::size_t i = 0;
    for (; i + 4 <= length; i += 4) {
      for (int group = 0; group < groups; group++) {
        Four items[4];
        for (int k = 0; k < 4; k++) {
          std::memcpy(&items[k], in + offset(4 * group + k) + i, sizeof items[k]);
        }
        transpose(items);
        for (Four& item : items) {
          item = totals[group] += item;
        }
        transpose(items);
        for (int k = 0; k < 4; k++) {
          std::memcpy(out + offset(4 * group + k) + i, &items[k], sizeof items[k]);
        }
      }
    }
    for (; i < length; i++) {
      for (int line = 0; line < 4 * groups; line++) {
        out[offset(line) + i] = totals[line / 4][line % 4] += in[offset(line) + i];
      }
    }
  }

  // Transposes.
  template <class Four>
  static void transpose(Four (&rows)[4]) {
    const Four a = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
    const Four b = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
    const Four c = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
    const Four d = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
    rows[0] = __builtin_shufflevector(a, b, 0, 1, 4, 5);
    rows[1] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
    rows[2] = __builtin_shufflevector(c, d, 0, 1, 4, 5);
    rows[3] = __builtin_shufflevector(c, d, 2, 3, 6, 7);
  }

  // With the running sums in registers.
  template <int count>
  void scan_lines(std::size_t first) const {
    const T* x = in + first * length;
    T* y = out + first * length;
    T totals[count];
    for (int line = 0; line < count; line++) {
      totals[line] = inclusive ? x[line * length + at(0)] : F::start();
      y[line * length + at(0)] = totals[line];
    }
    for (std::size_t begin = 1, end; begin < length; begin = end) {
      check_stop();
      end = std::min(length, begin + at_once);
      for (std::size_t i = begin; i < end; i++) {
        const std::size_t from = at(inclusive ? i : i - 1), to = at(i);
        for (int line = 0; line < count; line++) {
          totals[line] = F::apply(totals[line], x[line * length + from]);
          y[line * length + to] = totals[line];
        }
      }
    }
  }
};

struct Scanning {
  std::optional<ScatterReduce> how;  // none for logaddexp
  std::optional<Copy> gather;        // if the input is not contiguous
  const void* source;
  void* target;
  mx::Dtype from, type;  // before and after
  std::size_t before, length, behind;
  bool reverse, inclusive;

  void operator()() const {
    const std::size_t size = before * length * behind;
    std::optional<Buffer<char>> gathered, widened, wide;
    const void* in = source;
    if (gather) {
      Copy copy = *gather;
      copy.target = gathered.emplace(size * copy.item).data();
      copy();
      in = copy.target;
    }
    if (is_half(type)) {
      float* values = reinterpret_cast<float*>(widened.emplace(4 * size).data());
      kernels()->convert.widen(in, *float_type(type), values, size);
      scan(values, wide.emplace(4 * size).data());
      kernels()->convert.narrow(
          reinterpret_cast<const float*>(wide->data()), target, *float_type(type), size);
    } else if (from != type) {
      // Booleans are counted.
      void* values = widened.emplace(type.size() * size).data();
      kernels()->elementwise.find(Op::cast, ElementType::b8, ElementType::i32)(&in, values, size);
      scan(values, target);
    } else {
      scan(in, target);
    }
  }

 private:
  void scan(const void* in, void* out) const {
    if (how) {
      with_scatter_reduce(*how, type, [&]<ScatterReduce how, class T>() {
        if constexpr (how != ScatterReduce::replace) {
          scan_as<Accumulate<how, T>, T>(in, out);
        }
      });
    } else if (type == mx::float64) {
      scan_as<AddExponentials<double>, double>(in, out);
    } else {
      scan_as<AddExponentials<float>, float>(in, out);
    }
  }

  template <class F, class T>
  void scan_as(const void* in, void* out) const {
    Lines<F, T>{
        static_cast<const T*>(in),
        static_cast<T*>(out),
        before,
        length,
        behind,
        reverse,
        inclusive}();
  }
};

class Scan : public KernelOverride {
 public:
  Scan(
      std::shared_ptr<mx::Primitive> original,
      std::optional<ScatterReduce> how,
      int axis,
      bool reverse,
      bool inclusive)
      : KernelOverride(std::move(original)),
        how_(how),
        axis_(axis),
        reverse_(reverse),
        inclusive_(inclusive) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    array& y = outputs[0];
    allocate_for(y);
    auto product = [&](int begin, int end) {
      return std::accumulate(
          x.shape().begin() + begin, x.shape().begin() + end, std::size_t{1}, std::multiplies<>());
    };
    dispatch(
        stream(),
        Scanning{
            how_,
            x.flags().row_contiguous ? std::nullopt : std::optional(copy_in_order(x)),
            x.data<void>(),
            y.data<void>(),
            x.dtype(),
            y.dtype(),
            product(0, axis_),
            product(axis_, axis_ + 1),
            product(axis_ + 1, static_cast<int>(x.ndim())),
            reverse_,
            inclusive_});
  }

 private:
  const std::optional<ScatterReduce> how_;
  const int axis_;
  const bool reverse_, inclusive_;
};

}  // namespace

Override scan(array& node) {
  const auto [kind, axis, reverse, inclusive] =
      static_cast<const mx::Scan&>(node.primitive()).state();
  std::optional<ScatterReduce> how = scatter_reduce(kind);
  if (kind == mx::Scan::LogAddExp) {
    how = std::nullopt;
  }
  const mx::Dtype from = node.inputs()[0].dtype(), type = node.dtype();
  const bool takes_types = (from == type && (how || mx::issubdtype(type, mx::floating))) ||
      (from == mx::bool_ && type == mx::int32);
  if (!takes_types || !can_scatter_reduce(how.value_or(ScatterReduce::max), type)) {
    return keep_mlx("no kernel for these types");
  }
  return std::make_shared<Scan>(node.primitive_ptr(), how, axis, reverse, inclusive);
}

}  // namespace mlx_c::cpu

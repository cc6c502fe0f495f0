// Sorting and partitioning along an axis, of values or of their indices.
#include <algorithm>
#include <bit>
#include <optional>
#include <type_traits>
#include <utility>

#include <mlx/backend/common/utils.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/arrays/radix_sort.hpp"
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

// Elements of one task, which sorts whole rows; longer rows are sorted in parallel parts.
constexpr std::size_t task_size = 1 << 14;
constexpr std::size_t long_row = 1 << 17;
// Threads from which parallel parts pay: each radix pass moves all records between cores.
constexpr int least_threads = 4;

// The record that is sorted: a key, or a key with its index.
struct Index {
  std::uint32_t value;
};

struct Sorting {
  mx::Dtype type;
  bool indices;            // are wanted
  std::optional<int> kth;  // a partition suffices
  std::size_t rows, length;
  // Null if rows are already where they are needed.
  std::optional<Copy> gather, release;
  const void* source;
  void* target;

  // Floats are made keys of once, not for each digit, where the keys can be made floats of again.
  template <class T>
  bool sort_keys(const T* in, T* out, int parts) const {
    using U = Unsigned<sizeof(T)>;
    const Buffer<U> memory(2 * length);
    U* const keys = memory.data();
    bool other = false;
    in_parts(0, length, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; i++) {
        keys[i] = ordered(std::bit_cast<U>(in[i]));
        other |= keys[i] != key_of(in[i]);
      }
    });
    if (other) {
      return false;
    }
    radix_sort(keys, keys + length, length, parts);
    in_parts(0, length, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; i++) {
        out[i] = std::bit_cast<T>(unordered(keys[i]));
      }
    });
    return true;
  }

  template <class T>
  void sort_row(const T* in, T* out, int parts) const {
    if constexpr (!std::is_integral_v<T>) {
      if (!kth && length > few_records && sort_keys(in, out, parts)) {
        return;
      }
    }
    const Buffer<T> scratch(length);
    if (in != out) {
      std::copy_n(in, length, out);
    }
    arrange(out, scratch.data(), parts);
  }

  template <class T>
  void sort_row(const T* in, Index* out, int parts) const {
    using Record = Indexed<decltype(key_of(*in))>;
    const Buffer<Record> memory(2 * length);
    Record* records = memory.data();
    in_parts(0, length, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; i++) {
        records[i] = {key_of(in[i]), static_cast<std::uint32_t>(i)};
      }
    });
    arrange(records, records + length, parts);
    in_parts(0, length, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; i++) {
        out[i].value = records[i].index;
      }
    });
  }

  template <class R>
  void arrange(R* records, R* scratch, int parts) const {
    if (kth) {
      radix_select(records, scratch, length, static_cast<std::size_t>(*kth));
    } else {
      radix_sort(records, scratch, length, parts);
    }
  }

  template <class T, class Out>
  void sort_rows(const T* in, Out* out) const {
    const int threads = thread_count();
    const bool few_rows = rows < static_cast<std::size_t>(2 * threads);
    if (length >= long_row && few_rows && threads >= least_threads) {
      for (std::size_t row = 0; row < rows; row++) {
        sort_row(in + row * length, out + row * length, threads);
      }
      return;
    }
    const std::size_t step = std::max<std::size_t>(1, task_size / length);
    parallel_for(static_cast<int>((rows + step - 1) / step), [&](int task) {
      for (std::size_t row = task * step; row < std::min(rows, (task + 1) * step); row++) {
        sort_row(in + row * length, out + row * length, 1);
      }
    });
  }

  template <class T>
  void sort_all() const {
    const std::size_t size = rows * length;
    std::optional<Buffer<T>> gathered;
    const void* in = source;
    if (gather) {
      Copy copy = *gather;
      copy.target = gathered.emplace(size).data();
      copy();
      in = copy.target;
    }
    auto finish = [&]<class Out>(Out) {
      std::optional<Buffer<Out>> sorted;
      void* out = release ? sorted.emplace(size).data() : target;
      sort_rows(static_cast<const T*>(in), static_cast<Out*>(out));
      if (!release) {
        return;
      }
      Copy copy = *release;
      copy.source = out;
      copy();
    };
    if (indices) {
      finish(Index{});
    } else {
      finish(T{});
    }
  }

  void operator()() const {
    if (rows * length == 0) {
      return;
    }
    switch (type) {
      case mx::bool_:
      case mx::uint8:
        return sort_all<std::uint8_t>();
      case mx::uint16:
        return sort_all<std::uint16_t>();
      case mx::uint32:
        return sort_all<std::uint32_t>();
      case mx::uint64:
        return sort_all<std::uint64_t>();
      case mx::int8:
        return sort_all<std::int8_t>();
      case mx::int16:
        return sort_all<std::int16_t>();
      case mx::int32:
        return sort_all<std::int32_t>();
      case mx::int64:
        return sort_all<std::int64_t>();
      case mx::float16:
        return sort_all<Float16>();
      case mx::bfloat16:
        return sort_all<BFloat16>();
      case mx::float64:
        return sort_all<double>();
      default:
        return sort_all<float>();
    }
  }
};

// The axis becomes the last one.
template <class T>
T moved(T values, int axis) {
  std::rotate(values.begin() + axis, values.begin() + axis + 1, values.end());
  return values;
}

class Sort : public KernelOverride {
 public:
  Sort(std::shared_ptr<mx::Primitive> original, bool indices, int axis, std::optional<int> kth)
      : KernelOverride(std::move(original)), indices_(indices), axis_(axis), kth_(kth) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    array& y = outputs[0];
    allocate_for(y);
    const auto length = static_cast<std::size_t>(x.shape(axis_));
    Sorting sorting{
        x.dtype(),
        indices_,
        kth_,
        length == 0 ? 0 : x.size() / length,
        length,
        std::nullopt,
        std::nullopt,
        x.data<void>(),
        y.data<void>()};
    const bool last = axis_ == static_cast<int>(x.ndim()) - 1;
    const mx::Shape shape = moved(x.shape(), axis_);
    const mx::Strides in_order = mx::make_contiguous_strides(shape);
    if (!last || !x.flags().row_contiguous) {
      sorting.gather = {
          x.data<void>(), moved(x.strides(), axis_), nullptr, in_order, shape, x.itemsize()};
    }
    if (!last) {
      sorting.release = {
          nullptr, in_order, y.data<void>(), moved(y.strides(), axis_), shape, y.itemsize()};
    }
    dispatch(stream(), std::move(sorting));
  }

 private:
  const bool indices_;
  const int axis_;
  const std::optional<int> kth_;
};

bool has_order(const array& node) {
  return node.inputs()[0].dtype() != mx::complex64;
}

template <class P>
Override sorted(array& node, bool indices) {
  if (!has_order(node)) {
    return keep_mlx("no kernel for complex numbers");
  }
  const int axis = static_cast<const P&>(node.primitive()).state();
  return std::make_shared<Sort>(node.primitive_ptr(), indices, axis, std::nullopt);
}

template <class P>
Override partitioned(array& node, bool indices) {
  if (!has_order(node)) {
    return keep_mlx("no kernel for complex numbers");
  }
  const auto [kth, axis] = static_cast<const P&>(node.primitive()).state();
  return std::make_shared<Sort>(node.primitive_ptr(), indices, axis, kth);
}

}  // namespace

Override sort(array& node) {
  return sorted<mx::Sort>(node, false);
}

Override argsort(array& node) {
  return sorted<mx::ArgSort>(node, true);
}

Override partition(array& node) {
  return partitioned<mx::Partition>(node, false);
}

Override argpartition(array& node) {
  return partitioned<mx::ArgPartition>(node, true);
}

}  // namespace mlx_c::cpu

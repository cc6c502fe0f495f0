// Places of values in a sorted vector.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <type_traits>

#include <mlx/primitives.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/arrays/radix_sort.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/ops.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Values of one task, and those that are looked for at once: their loads overlap.
constexpr std::size_t task_size = 1 << 12;
constexpr int group_size = 16;

template <class T>
bool is_nan(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::isnan(value);
  } else if constexpr (!std::is_integral_v<T>) {
    return key_of(value) == 0xffff;
  } else {
    return false;
  }
}

struct Searching {
  mx::Dtype type;
  bool right;
  std::size_t length, size;
  // Null if the arrays are contiguous.
  std::optional<Copy> gather_keys, gather_values;
  const void* keys;
  const void* values;
  std::uint32_t* target;

  // Whether a key is before the place of a value.
  template <bool right, class T>
  static bool is_before(T key, T value) {
    if constexpr (std::is_arithmetic_v<T>) {
      return right ? key <= value : key < value;
    } else {
      const auto a = key_of(key), b = key_of(value);
      return right ? a <= b : a < b;
    }
  }

  // How many of the keys are before the place of each value.
  template <bool right, class T>
  void find(const T* sorted, const T* wanted, std::size_t count, std::uint32_t* places) const {
    std::uint32_t at[group_size] = {};
    for (std::size_t left = length; left > 1;) {
      const std::size_t half = left / 2;
      for (int i = 0; i < group_size; i++) {
        at[i] += is_before<right>(sorted[at[i] + half - 1], wanted[i]) ? half : 0;
      }
      left -= half;
    }
    for (std::size_t i = 0; i < count; i++) {
      places[i] = at[i] + (is_before<right>(sorted[at[i]], wanted[i]) ? 1 : 0);
      if (is_nan(wanted[i])) {
        // NaN comes last.
        places[i] = static_cast<std::uint32_t>(
            right ? length
                  : std::partition_point(
                        sorted, sorted + length, [](T key) { return !is_nan(key); }) -
                    sorted);
      }
    }
  }

  template <bool right, class T>
  void find_all(const T* sorted, const T* wanted) const {
    parallel_for(static_cast<int>((size + task_size - 1) / task_size), [&](int task) {
      const std::size_t begin = task * task_size, end = std::min(size, begin + task_size);
      std::size_t i = begin;
      for (; i + group_size <= end; i += group_size) {
        find<right>(sorted, wanted + i, group_size, target + i);
      }
      if (i < end) {
        T rest[group_size];
        std::fill_n(rest, group_size, wanted[i]);
        std::copy(wanted + i, wanted + end, rest);
        find<right>(sorted, rest, end - i, target + i);
      }
    });
  }

  template <class T>
  void run() const {
    std::optional<Buffer<T>> gathered_keys, gathered_values;
    const auto* sorted = static_cast<const T*>(keys);
    const auto* wanted = static_cast<const T*>(values);
    if (gather_keys) {
      Copy copy = *gather_keys;
      copy.target = gathered_keys.emplace(length).data();
      copy();
      sorted = gathered_keys->data();
    }
    if (gather_values) {
      Copy copy = *gather_values;
      copy.target = gathered_values.emplace(size).data();
      copy();
      wanted = gathered_values->data();
    }
    if (right) {
      find_all<true>(sorted, wanted);
    } else {
      find_all<false>(sorted, wanted);
    }
  }

  void operator()() const {
    if (length == 0) {
      std::fill_n(target, size, 0);
      return;
    }
    switch (type) {
      case mx::bool_:
      case mx::uint8:
        return run<std::uint8_t>();
      case mx::uint16:
        return run<std::uint16_t>();
      case mx::uint32:
        return run<std::uint32_t>();
      case mx::uint64:
        return run<std::uint64_t>();
      case mx::int8:
        return run<std::int8_t>();
      case mx::int16:
        return run<std::int16_t>();
      case mx::int32:
        return run<std::int32_t>();
      case mx::int64:
        return run<std::int64_t>();
      case mx::float16:
        return run<Float16>();
      case mx::bfloat16:
        return run<BFloat16>();
      case mx::float64:
        return run<double>();
      default:
        return run<float>();
    }
  }
};

// Makes a contiguous copy; none if it is contiguous.
std::optional<Copy> gathering(const array& a) {
  if (a.flags().row_contiguous) {
    return std::nullopt;
  }
  return copy_in_order(a);
}

class SearchSorted : public KernelOverride {
 public:
  SearchSorted(std::shared_ptr<mx::Primitive> original, bool right)
      : KernelOverride(std::move(original)), right_(right) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    allocate_for(y);
    dispatch(
        stream(),
        Searching{
            inputs[0].dtype(),
            right_,
            inputs[0].size(),
            inputs[1].size(),
            gathering(inputs[0]),
            gathering(inputs[1]),
            inputs[0].data<void>(),
            inputs[1].data<void>(),
            y.data<std::uint32_t>()});
  }

 private:
  const bool right_;
};

}  // namespace

Override searchsorted(array& node) {
  const auto& inputs = node.inputs();
  if (inputs[0].dtype() != inputs[1].dtype() || inputs[0].dtype() == mx::complex64 ||
      inputs[0].ndim() != 1) {
    return keep_mlx("no kernel for complex numbers, several rows or mixed types");
  }
  const bool right = static_cast<const mx::SearchSorted&>(node.primitive()).state();
  return std::make_shared<SearchSorted>(node.primitive_ptr(), right);
}

}  // namespace mlx_c::cpu

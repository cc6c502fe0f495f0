// Which elements are among some values.
#include <algorithm>
#include <cstdint>
#include <vector>

#include <mlx/ops.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/radix_sort.hpp"
#include "cpu/nodes/fused.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/searching_ops.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Elements of one task, and those that are looked for at once: their loads overlap.
constexpr std::size_t task_size = 1 << 14;
constexpr int group_size = 16;

// The bits of a table that are worth it for each element or value.
constexpr std::uint64_t bits_for_each = 64;

struct Membership {
  mx::Dtype type;
  const void* elements;
  std::size_t size;
  const void* values;
  std::size_t count;
  bool* target;

  template <class F>
  void in_tasks(F find) const {
    parallel_for(static_cast<int>((size + task_size - 1) / task_size), [&](int task) {
      find(task * task_size, std::min(size, (task + 1) * task_size));
    });
  }

  // A set of bits, one for each key from the least to the greatest.
  template <class T, class U>
  void by_table(const T* x, const T* wanted, U least, U greatest) const {
    const U range = greatest - least;
    std::vector<std::uint64_t> table(range / 64 + 1, 0);
    for (std::size_t i = 0; i < count; i++) {
      const U key = key_of(wanted[i]) - least;
      // A NaN is not equal to itself.
      if (key <= range) {
        table[key / 64] |= std::uint64_t{1} << key % 64;
      }
    }
    in_tasks([&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; i++) {
        const U key = static_cast<U>(key_of(x[i]) - least);
        const U inside = std::min(key, range);
        target[i] = (table[inside / 64] >> inside % 64 & 1) != 0 && key == inside;
      }
    });
  }

  // Bisection in the sorted keys.
  template <class T, class U>
  void by_search(const T* x, std::vector<U>& keys, bool has_nan) const {
    std::vector<U> memory(count);
    radix_sort(keys.data(), memory.data(), count);
    in_tasks([&](std::size_t begin, std::size_t end) {
      for (std::size_t first = begin; first < end; first += group_size) {
        const int group = static_cast<int>(std::min<std::size_t>(group_size, end - first));
        U wanted[group_size] = {};
        for (int i = 0; i < group; i++) {
          wanted[i] = key_of(x[first + i]);
        }
        std::uint32_t at[group_size] = {};
        for (std::size_t left = count; left > 1;) {
          const std::size_t half = left / 2;
          for (int i = 0; i < group_size; i++) {
            at[i] += keys[at[i] + half] <= wanted[i] ? half : 0;
          }
          left -= half;
        }
        for (int i = 0; i < group; i++) {
          target[first + i] = keys[at[i]] == wanted[i] && !(has_nan && wanted[i] == U(~U(0)));
        }
      }
    });
  }

  template <class T>
  void run() const {
    using U = decltype(key_of(T{}));
    const auto* const x = static_cast<const T*>(elements);
    const auto* const wanted = static_cast<const T*>(values);
    constexpr bool has_nan = !std::is_integral_v<T>;
    std::vector<U> keys(count);
    U least = ~U(0), greatest = 0;
    for (std::size_t i = 0; i < count; i++) {
      keys[i] = key_of(wanted[i]);
      // NaN has the greatest key, and is among no values.
      if (!has_nan || keys[i] != U(~U(0))) {
        least = std::min(least, keys[i]);
        greatest = std::max(greatest, keys[i]);
      }
    }
    if (least > greatest) {
      std::fill_n(target, size, false);
    } else if (static_cast<std::uint64_t>(greatest - least) / bits_for_each <= size + count) {
      by_table<T, U>(x, wanted, least, greatest);
    } else {
      by_search<T, U>(x, keys, has_nan);
    }
  }

  void operator()() const {
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

class IsIn : public Fused {
 public:
  using Fused::Fused;

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    return {inputs[0].shape()};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    return dynamic_cast<const IsIn*>(&other) != nullptr;
  }

  const char* name() const override {
    return "IsIn";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    allocate_for(y);
    dispatch(
        stream(),
        Membership{
            inputs[0].dtype(),
            inputs[0].data<void>(),
            inputs[0].size(),
            inputs[1].data<void>(),
            inputs[1].size(),
            y.data<bool>()});
  }
};

}  // namespace

std::optional<array> isin(
    const array& element, const array& values, Function definition, mx::StreamOrDevice s) {
  if (!can_fuse(s) || element.size() == 0 || element.dtype() == mx::complex64) {
    return std::nullopt;
  }
  return array(
      element.shape(),
      mx::bool_,
      std::make_shared<IsIn>(mx::to_stream(s), std::move(definition)),
      {mx::contiguous(element, false, s), mx::contiguous(values, false, s)});
}

}  // namespace mlx_c::cpu

// Elements at given places of the sorted order.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <vector>

#include <mlx/ops.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/radix_sort.hpp"
#include "cpu/nodes/fused.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/searching_ops.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Elements of one task, which takes whole rows; of longer rows, parts are counted in parallel.
constexpr std::size_t task_size = 1 << 14;
constexpr std::size_t long_row = 1 << 16;

struct Selection {
  mx::Dtype type;
  std::size_t rows, length;
  std::vector<std::uint32_t> ranks;
  const void* source;
  void* target;

  // Puts the sought elements of records in their places.
  template <class T, class Less>
  static void select(
      T* records, std::size_t count, const std::vector<std::uint32_t>& ranks, Less less) {
    T* begin = records;
    for (const std::uint32_t rank : ranks) {
      if (records + rank >= begin) {
        std::nth_element(begin, records + rank, records + count, less);
        begin = records + rank + 1;
      }
    }
  }

  // Keys are compared faster than elements. Of the two zeros, which have one key, it gives the
  // positive one.
  template <class T>
  void select_row(const T* in, T* out) const {
    using U = decltype(key_of(*in));
    const Buffer<U> memory(length);
    U* const keys = memory.data();
    for (std::size_t i = 0; i < length; i++) {
      keys[i] = key_of(in[i]);
    }
    select(keys, length, ranks, std::less<>());
    for (std::size_t i = 0; i < ranks.size(); i++) {
      if constexpr (std::is_integral_v<T>) {
        out[i] = static_cast<T>(key_of(static_cast<T>(keys[ranks[i]])));
      } else {
        out[i] = std::bit_cast<T>(unordered(keys[ranks[i]]));
      }
    }
  }

  // The highest 16 bits of the keys are counted; then only the elements that share those of a
  // sought one are looked at.
  template <class T>
  void select_long_row(const T* in, T* out) const {
    using U = decltype(key_of(*in));
    constexpr int shift = 8 * sizeof(U) - 16;
    constexpr std::size_t digits = 1 << 16;
    const int parts = thread_count();
    auto part_begin = [&](int part) { return length * part / parts; };
    auto digit = [](T value) { return static_cast<std::size_t>(key_of(value) >> shift); };
    std::vector<std::uint32_t> counts(digits * parts, 0);
    parallel_for(parts, [&](int part) {
      std::uint32_t* const mine = counts.data() + digits * part;
      for (std::size_t i = part_begin(part); i < part_begin(part + 1); i++) {
        mine[digit(in[i])]++;
      }
    });
    // For each digit of a sought element, a list of its elements.
    struct Group {
      std::size_t first;  // in the sorted order
      std::vector<std::uint32_t> ranks;
      std::vector<std::size_t> begins;  // of each part
      std::vector<T> elements;
    };
    std::vector<Group> groups;
    std::vector<std::uint8_t> group_of(digits, 0);
    std::size_t less = 0, rank = 0;
    for (std::size_t d = 0; d < digits && rank < ranks.size(); d++) {
      std::size_t count = 0;
      for (int part = 0; part < parts; part++) {
        count += counts[digits * part + d];
      }
      if (ranks[rank] < less + count) {
        if (groups.size() == 255) {
          return select_row(in, out);
        }
        Group group{less, {}, {}, std::vector<T>(count)};
        std::size_t begin = 0;
        for (int part = 0; part < parts; part++) {
          group.begins.push_back(begin);
          begin += counts[digits * part + d];
        }
        while (rank < ranks.size() && ranks[rank] < less + count) {
          group.ranks.push_back(ranks[rank++] - static_cast<std::uint32_t>(less));
        }
        groups.push_back(std::move(group));
        group_of[d] = static_cast<std::uint8_t>(groups.size());
      }
      less += count;
    }
    parallel_for(parts, [&](int part) {
      for (std::size_t i = part_begin(part); i < part_begin(part + 1); i++) {
        if (const int number = group_of[digit(in[i])]) {
          Group& group = groups[number - 1];
          group.elements[group.begins[part]++] = in[i];
        }
      }
    });
    for (Group& group : groups) {
      select(group.elements.data(), group.elements.size(), group.ranks, by_key);
      for (const std::uint32_t place : group.ranks) {
        *out++ = group.elements[place];
      }
    }
  }

  template <class T>
  void select_all() const {
    const auto* in = static_cast<const T*>(source);
    auto* out = static_cast<T*>(target);
    if constexpr (sizeof(T) > 1) {
      if (length >= long_row && rows < static_cast<std::size_t>(2 * thread_count())) {
        for (std::size_t row = 0; row < rows; row++) {
          select_long_row(in + row * length, out + row * ranks.size());
        }
        return;
      }
    }
    const std::size_t step = std::max<std::size_t>(1, task_size / length);
    parallel_for(static_cast<int>((rows + step - 1) / step), [&](int task) {
      for (std::size_t row = task * step; row < std::min(rows, (task + 1) * step); row++) {
        select_row(in + row * length, out + row * ranks.size());
      }
    });
  }

  void operator()() const {
    switch (type) {
      case mx::bool_:
      case mx::uint8:
        return select_all<std::uint8_t>();
      case mx::uint16:
        return select_all<std::uint16_t>();
      case mx::uint32:
        return select_all<std::uint32_t>();
      case mx::uint64:
        return select_all<std::uint64_t>();
      case mx::int8:
        return select_all<std::int8_t>();
      case mx::int16:
        return select_all<std::int16_t>();
      case mx::int32:
        return select_all<std::int32_t>();
      case mx::int64:
        return select_all<std::int64_t>();
      case mx::float16:
        return select_all<Float16>();
      case mx::bfloat16:
        return select_all<BFloat16>();
      case mx::float64:
        return select_all<double>();
      default:
        return select_all<float>();
    }
  }
};

class OrderStatistics : public Fused {
 public:
  OrderStatistics(mx::Stream stream, Function definition, std::vector<int> ranks)
      : Fused(stream, std::move(definition)), ranks_(std::move(ranks)) {}

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    mx::Shape shape = inputs[0].shape();
    require(!shape.empty() && shape.back() > ranks_.back(), "quantile", inputs);
    shape.back() = static_cast<int>(ranks_.size());
    return {shape};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto* same = dynamic_cast<const OrderStatistics*>(&other);
    return same && same->ranks_ == ranks_;
  }

  const char* name() const override {
    return "OrderStatistics";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    array& y = outputs[0];
    allocate_for(y);
    const auto length = static_cast<std::size_t>(x.shape(-1));
    dispatch(
        stream(),
        Selection{
            x.dtype(),
            x.size() / length,
            length,
            {ranks_.begin(), ranks_.end()},
            x.data<void>(),
            y.data<void>()});
  }

 private:
  const std::vector<int> ranks_;
};

}  // namespace

std::optional<array> order_statistics(
    const array& a, const std::vector<int>& ranks, Function definition, mx::StreamOrDevice s) {
  if (!can_fuse(s) || a.size() == 0 || ranks.empty() || a.dtype() == mx::complex64) {
    return std::nullopt;
  }
  mx::Shape shape = a.shape();
  shape.back() = static_cast<int>(ranks.size());
  return array(
      shape,
      a.dtype(),
      std::make_shared<OrderStatistics>(mx::to_stream(s), std::move(definition), ranks),
      {mx::contiguous(a, false, s)});
}

}  // namespace mlx_c::cpu

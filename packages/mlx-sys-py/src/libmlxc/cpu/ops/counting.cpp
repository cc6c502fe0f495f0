// Counts of numbers, and of elements in bins.
#include <algorithm>
#include <cstdint>
#include <vector>

#include <mlx/ops.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/nodes/fused.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/searching_ops.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Elements from which parts are counted in parallel, each in a table of its own.
constexpr std::size_t long_input = 1 << 15;

// Adds up `size` elements in parts, each of which calls add(table, begin, end), where the table has
// an entry more than the result, for what does not count.
template <class Sum, class F>
void in_tables(Sum* result, std::size_t length, std::size_t size, F add) {
  // A table that is larger than a part takes longer than what it counts.
  std::size_t parts = 1;
  if (size >= long_input) {
    parts = std::clamp<std::size_t>(size / (length + 1), 1, thread_count());
  }
  std::vector<std::vector<Sum>> tables(parts);
  parallel_for(static_cast<int>(parts), [&](int part) {
    tables[part].assign(length + 1, Sum(0));
    add(tables[part].data(), size * part / parts, size * (part + 1) / parts);
  });
  for (std::size_t i = 0; i < length; i++) {
    Sum total = 0;
    for (const auto& table : tables) {
      total += table[i];
    }
    result[i] = total;
  }
}

// The place of a number in a table.
template <class T>
struct Number {
  const T* numbers;
  std::uint64_t length;

  std::size_t operator()(std::size_t i) const {
    // A negative one is larger than all others.
    return std::min(static_cast<std::uint64_t>(static_cast<std::int64_t>(numbers[i])), length);
  }
};

// The bin of an element, found by what its place would be if all bins were equally wide.
template <class T>
struct UniformBin {
  const T* elements;
  const double* edges;
  std::size_t bins;
  double first, last, scale;

  UniformBin(const T* elements, const double* edges, std::size_t bins)
      : elements(elements),
        edges(edges),
        bins(bins),
        first(edges[0]),
        last(edges[bins]),
        scale(static_cast<double>(bins) / (last - first)) {}

  std::size_t operator()(std::size_t i) const {
    const double x = elements[i];
    // Also if it is NaN.
    if (!(x >= first && x <= last)) {
      return bins;
    }
    auto bin = std::min(static_cast<std::size_t>((x - first) * scale), bins - 1);
    while (x < edges[bin]) {
      bin--;
    }
    while (bin + 1 < bins && x >= edges[bin + 1]) {
      bin++;
    }
    return bin;
  }
};

// The same by bisection.
template <class T>
struct Bin {
  const T* elements;
  const double* edges;
  std::size_t bins;

  std::size_t operator()(std::size_t i) const {
    const double x = elements[i];
    if (!(x >= edges[0] && x <= edges[bins])) {
      return bins;
    }
    // The last edge that is not greater.
    const double* at = edges;
    for (std::size_t left = bins; left > 1;) {
      const std::size_t half = left / 2;
      at += at[half] <= x ? half : 0;
      left -= half;
    }
    return static_cast<std::size_t>(at - edges);
  }
};

// What a node counts, or adds up.
struct Counting {
  std::size_t size;
  std::size_t length;
  mx::Dtype sum_type;
  const void* weights;  // of the type of the sums; null for counts
  void* target;

  template <class Place>
  void run(Place place) const {
    if (!weights) {
      in_tables(
          static_cast<std::int32_t*>(target),
          length,
          size,
          [&](std::int32_t* table, std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; i++) {
              table[place(i)]++;
            }
          });
    } else if (sum_type == mx::float64) {
      add(place, static_cast<const double*>(weights), static_cast<double*>(target));
    } else {
      add(place, static_cast<const float*>(weights), static_cast<float*>(target));
    }
  }

  template <class Place, class T>
  void add(Place place, const T* weight, T* sums) const {
    std::vector<double> totals(length);
    in_tables(totals.data(), length, size, [&](double* table, std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; i++) {
        table[place(i)] += weight[i];
      }
    });
    std::copy(totals.begin(), totals.end(), sums);
  }
};

Counting counting(const std::vector<array>& inputs, std::size_t weights, array& y) {
  allocate_for(y);
  return {
      inputs[0].size(),
      y.size(),
      y.dtype(),
      inputs.size() > weights ? inputs[weights].data<void>() : nullptr,
      y.data<void>()};
}

class Bincount : public Fused {
 public:
  Bincount(mx::Stream stream, Function definition, int length)
      : Fused(stream, std::move(definition)), length_(length) {}

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    require(inputs.back().shape() == inputs[0].shape(), "bincount", inputs);
    return {{length_}};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto* same = dynamic_cast<const Bincount*>(&other);
    return same && same->length_ == length_;
  }

  const char* name() const override {
    return "Bincount";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    dispatch(
        stream(),
        [task = counting(inputs, 1, outputs[0]),
         numbers = inputs[0].data<void>(),
         wide = inputs[0].dtype() == mx::int64] {
          if (wide) {
            task.run(Number{static_cast<const std::int64_t*>(numbers), task.length});
          } else {
            task.run(Number{static_cast<const std::int32_t*>(numbers), task.length});
          }
        });
  }

 private:
  const int length_;
};

class HistogramCounts : public Fused {
 public:
  HistogramCounts(mx::Stream stream, Function definition, bool uniform)
      : Fused(stream, std::move(definition)), uniform_(uniform) {}

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    require(inputs[1].ndim() == 1 && inputs[1].size() > 1, "histogram", inputs);
    return {{inputs[1].shape(0) - 1}};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto* same = dynamic_cast<const HistogramCounts*>(&other);
    return same && same->uniform_ == uniform_;
  }

  const char* name() const override {
    return "HistogramCounts";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    dispatch(
        stream(),
        [task = counting(inputs, 2, outputs[0]),
         elements = inputs[0].data<void>(),
         wide = inputs[0].dtype() == mx::float64,
         edges = inputs[1].data<double>(),
         uniform = uniform_] {
          if (wide) {
            count(task, static_cast<const double*>(elements), edges, uniform);
          } else {
            count(task, static_cast<const float*>(elements), edges, uniform);
          }
        });
  }

 private:
  template <class T>
  static void count(const Counting& task, const T* elements, const double* edges, bool uniform) {
    // The difference of the ends may be zero, or overflow.
    const double width = edges[task.length] - edges[0];
    if (uniform && width > 0 && width < 1e300) {
      task.run(UniformBin<T>(elements, edges, task.length));
    } else {
      task.run(Bin<T>{elements, edges, task.length});
    }
  }

  const bool uniform_;
};

}  // namespace

std::optional<array> bincount(
    const array& x,
    const std::optional<array>& weights,
    int length,
    Function definition,
    mx::StreamOrDevice s) {
  if (!can_fuse(s) || x.size() == 0 || length == 0) {
    return std::nullopt;
  }
  std::vector<array> inputs{mx::contiguous(x, false, s)};
  if (weights) {
    if (weights->dtype() == mx::complex64) {
      return std::nullopt;
    }
    inputs.push_back(mx::contiguous(*weights, false, s));
  }
  return array(
      {length},
      weights ? weights->dtype() : mx::int32,
      std::make_shared<Bincount>(mx::to_stream(s), std::move(definition), length),
      std::move(inputs));
}

std::optional<array> histogram_counts(
    const array& a,
    const array& edges,
    const std::optional<array>& weights,
    bool uniform,
    Function definition,
    mx::StreamOrDevice s) {
  // A double holds all values of these types.
  auto is_exact = [](mx::Dtype type) {
    return type != mx::int64 && type != mx::uint64 && type != mx::complex64;
  };
  if (!can_fuse(s) || a.size() == 0 || edges.size() < 2 || !is_exact(a.dtype()) ||
      !is_exact(edges.dtype()) || (weights && weights->dtype() == mx::complex64)) {
    return std::nullopt;
  }
  const bool floating = mx::issubdtype(a.dtype(), mx::floating) && a.dtype() != mx::float64;
  const bool small = mx::size_of(a.dtype()) < 4;
  std::vector<array> inputs{
      mx::contiguous(mx::astype(a, floating || small ? mx::float32 : mx::float64, s), false, s),
      mx::contiguous(mx::astype(edges, mx::float64, s), false, s)};
  if (weights) {
    inputs.push_back(mx::contiguous(*weights, false, s));
  }
  return array(
      {edges.shape(0) - 1},
      weights ? weights->dtype() : mx::int32,
      std::make_shared<HistogramCounts>(mx::to_stream(s), std::move(definition), uniform),
      std::move(inputs));
}

}  // namespace mlx_c::cpu

// Reductions. Compiled once per instruction set.

#include "cpu/kernels/reduce/ops.hpp"

#include "cpu/kernels/math/math.hpp"
#include "cpu/kernels/simd/element_types.hpp"

namespace {

using mlx_c::cpu::ArgReduction;
using mlx_c::cpu::ElementType;
using mlx_c::cpu::Reduce;
using mlx_c::cpu::Reduction;
using mlx_c::cpu::RowFunctions;

struct Sum {
  template <class V>
  V operator()(V x, V y) const {
    return x + y;
  }
};

struct Product {
  template <class V>
  V operator()(V x, V y) const {
    return x * y;
  }
};

// NaN wins, whichever side it is on.
struct Least {
  template <class V>
  V operator()(V x, V y) const {
    return (y < x) | (y != y) ? y : x;
  }
};

struct Greatest {
  template <class V>
  V operator()(V x, V y) const {
    return (y > x) | (y != y) ? y : x;
  }
};

struct And {
  template <class V>
  V operator()(V x, V y) const {
    return x & y;
  }
};

struct Or {
  template <class V>
  V operator()(V x, V y) const {
    return x | y;
  }
};

// n elements of type T as vectors of the type of the result.
template <class T, class Result, int n>
inline vec<computed<Result>, n> load_as(const void* p) {
  const auto v = load<T, n>(p);
  if constexpr (same<Result, boolean>) {
    return to_bools<n>(v != 0);
  } else {
    return __builtin_convertvector(v, vec<computed<Result>, n>);
  }
}

// Lanes that are filled with both types.
template <class T, class Result>
constexpr int common_lanes = lanes_of<T> < lanes_of<Result> ? lanes_of<T> : lanes_of<Result>;

template <class F, class T, class Result>
struct Reducer {
  using R = computed<Result>;
  static constexpr int n = common_lanes<T, Result>;
  using V = vec<R, n>;
  static constexpr int width = 4;

  static void row(const void* x, std::size_t size, void* result) {
    auto* in = static_cast<const char*>(x);
    auto* total = static_cast<R*>(result);
    auto at = [in](std::size_t i) { return load_as<T, Result, n>(in + i * sizeof(T)); };
    std::size_t i = 0;
    if (size >= n) {
      V part = at(0);
      i = n;
      if (size >= 5 * n) {
        // Several independent sums: an addition need not wait for the one before.
        V second = at(i), third = at(i + n), fourth = at(i + 2 * n);
        for (i += 3 * n; i + 4 * n <= size; i += 4 * n) {
          part = F{}(part, at(i));
          second = F{}(second, at(i + n));
          third = F{}(third, at(i + 2 * n));
          fourth = F{}(fourth, at(i + 3 * n));
        }
        part = F{}(F{}(part, second), F{}(third, fourth));
      }
      for (; i + n <= size; i += n) {
        part = F{}(part, at(i));
      }
      scatter_values(total, part, n);
    }
    if (i < size) {
      scatter_values(total, last(in, i, size), (int)(size - i));
    }
  }

  static void columns(
      const void* x, std::ptrdiff_t row, std::size_t rows, std::size_t size, void* results) {
    constexpr std::size_t many = 8;
    auto* in = static_cast<const char*>(x);
    auto* out = static_cast<R*>(results);
    // Several rows at once, as each time the results are loaded and stored.
    for (; rows >= many; rows -= many, in += row * (std::ptrdiff_t)many) {
      add_rows<many>(in, row, size, out);
    }
    for (; rows > 0; rows--, in += row) {
      add_rows<1>(in, row, size, out);
    }
  }

 private:
  template <int rows>
  static void add_rows(const char* in, std::ptrdiff_t row, std::size_t size, R* out) {
    std::size_t i = 0;
    for (; i + n <= size; i += n) {
      auto at = [](const char* x) { return load_as<T, Result, n>(x); };
      const V v = F{}(load_raw<V>(out + i), joined<rows>(in + i * sizeof(T), row, at));
      std::memcpy(out + i, &v, sizeof v);
    }
    if (i == size) {
      return;
    }
    const std::size_t count = size - i;
    auto at = [count](const char* x) { return last(x, 0, count); };
    const V v = joined<rows>(in + i * sizeof(T), row, at);
    R values[n];
    std::memcpy(values, &v, sizeof v);
    for (int lane = 0; i < size; lane++, i++) {
      out[i] = (R)F{}(out[i], values[lane]);
    }
  }

  // Vectors of so many rows, each half with the other.
  template <int rows, class At>
  static V joined(const char* in, std::ptrdiff_t row, At at) {
    if constexpr (rows == 1) {
      return at(in);
    } else {
      return F{}(joined<rows / 2>(in, row, at), joined<rows / 2>(in + row * (rows / 2), row, at));
    }
  }

  static V last(const char* in, std::size_t i, std::size_t size) {
    return load_as<T, Result, n>(Last<T, n>(in + i * sizeof(T), size - i).bytes);
  }

  static void scatter_values(R* total, V v, int count) {
    R values[n];
    std::memcpy(values, &v, sizeof v);
    // Each half with the other: shorter chains of operations, and less rounding.
    for (int half; count > 1; count = half) {
      half = (count + 1) / 2;
      for (int i = 0; half + i < count; i++) {
        values[i] = (R)F{}(values[i], values[half + i]);
      }
    }
    *total = (R)F{}(*total, values[0]);
  }
};

template <class F, class T, class Result>
constexpr Reduction reducer = {Reducer<F, T, Result>::row, Reducer<F, T, Result>::columns};

// The sum of a type: of small integers in 32 bits.
template <class T>
struct Summed {
  using type = computed<T>;
};
template <>
struct Summed<boolean> {
  using type = std::int32_t;
};
template <>
struct Summed<std::int8_t> {
  using type = std::int32_t;
};
template <>
struct Summed<std::int16_t> {
  using type = std::int32_t;
};
template <>
struct Summed<std::uint8_t> {
  using type = std::uint32_t;
};
template <>
struct Summed<std::uint16_t> {
  using type = std::uint32_t;
};

template <class T>
Reduction reduction_of(Reduce op) {
  using Total = typename Summed<T>::type;
  switch (op) {
    case Reduce::all:
      return reducer<And, T, boolean>;
    case Reduce::any:
      return reducer<Or, T, boolean>;
    case Reduce::sum:
      return reducer<Sum, T, Total>;
    case Reduce::prod:
      return reducer<Product, T, Total>;
    case Reduce::min:
      return reducer<Least, T, computed<T>>;
    case Reduce::max:
      return reducer<Greatest, T, computed<T>>;
  }
  return {};
}

// Whether a comparison is true for any lane.
template <class Mask>
inline bool any(Mask mask) {
  // As integers of 64 bits, of which there are few.
  std::uint64_t words[sizeof mask / 8], any = 0;
  std::memcpy(words, &mask, sizeof mask);
  for (const std::uint64_t word : words) {
    any |= word;
  }
  return any != 0;
}

template <class T, class F>
std::uint32_t first_of(const void* x, std::size_t size) {
  constexpr int n = lanes_of<T>;
  auto* in = static_cast<const char*>(x);
  computed<T> best = load<T, n>(Last<T, n>(in, 1).bytes)[0];
  Reducer<F, T, computed<T>>::row(x, size, &best);
  const auto sought = best - vec<computed<T>, n>{};
  const bool nan = best != best;
  const auto hits = [&](const char* items) {
    const auto v = load<T, n>(items);
    return nan ? v != v : v == sought;
  };
  const auto hits_at = [&](std::size_t i) { return hits(in + i * sizeof(T)); };
  std::size_t i = 0;
  // Four vectors at once, as to ask for any lane takes longer than to compare.
  while (i + 4 * n <= size &&
         !any(hits_at(i) | hits_at(i + n) | hits_at(i + 2 * n) | hits_at(i + 3 * n))) {
    i += 4 * n;
  }
  while (i + n <= size && !any(hits_at(i))) {
    i += n;
  }
  // At the end of a row, the vector is filled up with zeros, which come behind the one sought.
  const auto hit =
      i + n <= size ? hits_at(i) : hits(Last<T, n>(in + i * sizeof(T), size - i).bytes);
  for (int lane = 0; lane < n; lane++) {
    if (hit[lane]) {
      return (std::uint32_t)i + (std::uint32_t)lane;
    }
  }
  return (std::uint32_t)i;
}

// Calls f(i, v) with vectors v of floats, and what is missing in the last one set to -infinity.
template <class T, class F>
inline void for_floats(const char* x, std::size_t size, F f) {
  std::size_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    f(i, load<T>(x + i * sizeof(T)));
  }
  if (i == size) {
    return;
  }
  vfloat last = load<T>(Last<T, lanes>(x + i * sizeof(T), size - i).bytes);
  for (int lane = (int)(size - i); lane < lanes; lane++) {
    last[lane] = -infinity;
  }
  f(i, last);
}

template <class T>
inline float highest(const char* x, std::size_t size) {
  float top = -infinity;
  Reducer<Greatest, T, float>::row(x, size, &top);
  return top;
}

template <class T>
inline void store_some(void* y, std::size_t i, std::size_t size, vfloat v) {
  char* at = static_cast<char*>(y) + i * sizeof(T);
  if (i + lanes <= size) {
    return store<T>(at, v);
  }
  char last[lanes * sizeof(T)];
  store<T>(last, v);
  std::memcpy(at, last, (size - i) * sizeof(T));
}

template <class T>
void softmax_row(const void* x, std::size_t size, void* y) {
  auto* in = static_cast<const char*>(x);
  const float top = highest<T>(in, size);
  vfloat total = {};
  for_floats<T>(in, size, [&](std::size_t i, vfloat v) {
    const vfloat e = exponential(v - top);
    total += e;
    if constexpr (same<T, float>) {
      store_some<T>(y, i, size, e);
    }
  });
  const float factor = 1 / sum(total);
  if constexpr (same<T, float>) {
    auto* out = static_cast<float*>(y);
    for (std::size_t i = 0; i < size; i++) {
      out[i] *= factor;
    }
  } else {
    // Once more rather than keep them as floats, or round twice.
    for_floats<T>(in, size, [&](std::size_t i, vfloat v) {
      store_some<T>(y, i, size, exponential(v - top) * factor);
    });
  }
}

template <class T>
void logsumexp_row(const void* x, std::size_t size, void* y) {
  auto* in = static_cast<const char*>(x);
  float top = highest<T>(in, size);
  if (magnitude(splat(top))[0] < infinity) {
    vfloat total = {};
    for_floats<T>(in, size, [&](std::size_t, vfloat v) { total += exponential(v - top); });
    top += logarithm(splat(sum(total)))[0];
  }
  std::memcpy(y, &top, sizeof top);
}

}  // namespace

namespace mlx_c::cpu::MLX_C_ISA {

Reduction reduction(Reduce op, ElementType type);
ArgReduction arg_reduction(bool greatest, ElementType type);
RowFunctions row_functions(ElementType type);

Reduction reduction(Reduce op, ElementType type) {
  return with_type(type, [&]<class T>(T) { return reduction_of<T>(op); });
}

ArgReduction arg_reduction(bool greatest, ElementType type) {
  return with_type(type, [&]<class T>(T) -> ArgReduction {
    return greatest ? first_of<T, Greatest> : first_of<T, Least>;
  });
}

RowFunctions row_functions(ElementType type) {
  switch (type) {
    case ElementType::f32:
      return {softmax_row<float>, logsumexp_row<float>};
    case ElementType::f16:
      return {softmax_row<half>, logsumexp_row<half>};
    case ElementType::bf16:
      return {softmax_row<brain>, logsumexp_row<brain>};
    default:
      return {};
  }
}

}  // namespace mlx_c::cpu::MLX_C_ISA

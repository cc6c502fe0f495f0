#include "cpu/kernels/reduce/reduce.hpp"

#include "cpu/kernels/simd/elements.hpp"

namespace {

using mlx_c::cpu::ArgReduction;
using mlx_c::cpu::Reduce;
using mlx_c::cpu::Reduction;

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

struct Min {
  template <class V>
  V operator()(V x, V y) const {
    return min_or_nan(y, x);
  }
};

struct Max {
  template <class V>
  V operator()(V x, V y) const {
    return max_or_nan(y, x);
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

// A vector as one of the type of the result.
template <class Result, int n, class V>
inline Vec<Computed<Result>, n> convert(V v) {
  if constexpr (std::is_same_v<Result, Bool>) {
    return to_bools<n>(v != 0);
  } else {
    return __builtin_convertvector(v, Vec<Computed<Result>, n>);
  }
}

template <class F, class T, class Result>
struct Reducer {
  using R = Computed<Result>;
  static constexpr int n = common_lanes<T, Result>;
  using V = Vec<R, n>;

  static void row(const void* x, std::size_t size, void* result) {
    auto* in = static_cast<const char*>(x);
    auto* total = static_cast<R*>(result);
    auto at = [in](std::size_t i) { return whole(in + i * sizeof(T)); };
    std::size_t i = 0;
    if (size >= n) {
      V part = at(0);
      i = n;
      if (size >= 5 * n) {
        // Several independent results: an operation need not wait for the one before.
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
      reduce_lanes(part, n, total);
    }
    if (i < size) {
      const int count = (int)(size - i);
      reduce_lanes(some(in + i * sizeof(T), count), count, total);
    }
  }

  static void columns(
      const void* x, std::ptrdiff_t row, std::size_t rows, std::size_t size, void* results) {
    constexpr std::size_t many = 8;
    auto* in = static_cast<const char*>(x);
    auto* out = static_cast<R*>(results);
    // Several rows at once, as results are loaded and stored each time.
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
      auto at = [](const char* x) { return whole(x); };
      const V v = F{}(load_raw<V>(out + i), joined<rows>(in + i * sizeof(T), row, at));
      std::memcpy(out + i, &v, sizeof v);
    }
    if (i == size) {
      return;
    }
    const int count = (int)(size - i);
    auto at = [count](const char* x) { return some(x, count); };
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

  static V whole(const char* in) {
    return convert<Result, n>(load<T, n>(in));
  }

  static V some(const char* in, int count) {
    return convert<Result, n>(load_some<T, n>(in, count));
  }

  static void reduce_lanes(V v, int count, R* total) {
    if (count > n) {
      __builtin_unreachable();
    }
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

// What a type is summed up in: small integers in 32 bits.
template <class T>
struct Summed {
  using type = Computed<T>;
};
template <>
struct Summed<Bool> {
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
      return reducer<And, T, Bool>;
    case Reduce::any:
      return reducer<Or, T, Bool>;
    case Reduce::sum:
      return reducer<Sum, T, Total>;
    case Reduce::prod:
      return reducer<Product, T, Total>;
    case Reduce::min:
      return reducer<Min, T, Computed<T>>;
    case Reduce::max:
      return reducer<Max, T, Computed<T>>;
  }
  return {};
}

template <class T, class F>
std::uint32_t first_of(const void* x, std::size_t size) {
  constexpr int n = lanes_of<T>;
  auto* in = static_cast<const char*>(x);
  Computed<T> best = load_some<T, n>(in, 1)[0];
  Reducer<F, T, Computed<T>>::row(x, size, &best);
  const auto sought = best - Vec<Computed<T>, n>{};
  const bool nan = best != best;
  const auto hits = [&](auto v) { return nan ? v != v : v == sought; };
  const auto hits_at = [&](std::size_t i) { return hits(load<T, n>(in + i * sizeof(T))); };
  std::size_t i = 0;
  // Four vectors at once, as `any` takes longer than a comparison.
  while (i + 4 * n <= size &&
         !any(hits_at(i) | hits_at(i + n) | hits_at(i + 2 * n) | hits_at(i + 3 * n))) {
    i += 4 * n;
  }
  while (i + n <= size && !any(hits_at(i))) {
    i += n;
  }
  // The last vector of a row is filled up with zeros, which come behind the element sought.
  const auto hit =
      i + n <= size ? hits_at(i) : hits(load_some<T, n>(in + i * sizeof(T), (int)(size - i)));
  for (int lane = 0; lane < n; lane++) {
    if (hit[lane]) {
      return (std::uint32_t)i + (std::uint32_t)lane;
    }
  }
  return (std::uint32_t)i;
}

}  // namespace

namespace mlx_c::cpu::MLX_C_ISA {

Reduction find_reduction(Reduce op, ElementType type) {
  return with_type(type, [&]<class T>(T) { return reduction_of<T>(op); });
}

ArgReduction find_arg_reduction(bool max, ElementType type) {
  return with_type(
      type, [&]<class T>(T) -> ArgReduction { return max ? first_of<T, Max> : first_of<T, Min>; });
}

}  // namespace mlx_c::cpu::MLX_C_ISA

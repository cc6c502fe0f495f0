// The types of elements, and vectors of elements as they are computed with.
#pragma once

#include "cpu/kernels/element_type.hpp"
#include "cpu/kernels/simd/vector.hpp"

namespace {

using mlx_c::cpu::ElementType;

// Types that are not computed with as they are.
struct Half {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};
struct Bool {
  std::uint8_t value;
};

template <class T>
struct ComputedAs {
  using type = T;
};
template <>
struct ComputedAs<Half> {
  using type = float;
};
template <>
struct ComputedAs<BFloat16> {
  using type = float;
};
template <>
struct ComputedAs<Bool> {
  using type = std::uint8_t;
};

// What elements of a type are in registers.
template <class T>
using Computed = typename ComputedAs<T>::type;

template <class T>
constexpr int lanes_of = register_bytes / (int)sizeof(Computed<T>);

// As many lanes as registers have for elements of both types.
template <class T, class U>
constexpr int common_lanes = lanes_of<T> < lanes_of<U> ? lanes_of<T> : lanes_of<U>;

template <class T>
constexpr bool is_float = std::is_floating_point_v<Computed<T>>;

// The signed integer as wide as T, which comparisons of vectors give.
template <int bytes>
struct Integer;
template <>
struct Integer<1> {
  using type = std::int8_t;
};
template <>
struct Integer<2> {
  using type = std::int16_t;
};
template <>
struct Integer<4> {
  using type = std::int32_t;
};
template <>
struct Integer<8> {
  using type = std::int64_t;
};
template <class T>
using IntegerLike = typename Integer<sizeof(T)>::type;

inline float bits_to_float(std::uint32_t u) {
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}

inline std::uint32_t float_to_bits(float f) {
  std::uint32_t u;
  std::memcpy(&u, &f, 4);
  return u;
}

// One element as it is computed with.
template <class T>
inline T widen(T x) {
  return x;
}

inline float widen(Half h) {
#if defined(__F16C__)
  return _cvtsh_ss(h.bits);
#else
  // The exponent is rebased by a multiplication, which gets subnormal numbers right as well;
  // what has the largest exponent (infinity, NaN) must keep it.
  std::uint32_t magnitude = (std::uint32_t)(h.bits & 0x7fff) << 13;
  std::uint32_t rebased = float_to_bits(bits_to_float(magnitude) * 0x1p112f);
  std::uint32_t special = magnitude >= 0x0f800000u ? 0x7f800000u : 0;
  return bits_to_float(rebased | special | (std::uint32_t)(h.bits & 0x8000) << 16);
#endif
}

inline float widen(BFloat16 h) {
  return bits_to_float((std::uint32_t)h.bits << 16);
}

// And back, rounded to the nearest.
template <class T>
inline T narrow(Computed<T> x) {
  return x;
}

template <>
inline Half narrow<Half>(float f) {
#if defined(__F16C__)
  return {(std::uint16_t)_cvtss_sh(f, _MM_FROUND_TO_NEAREST_INT)};
#else
  std::uint32_t u = float_to_bits(f), sign = u >> 16 & 0x8000, magnitude = u & 0x7fffffff;
  if (magnitude > 0x7f800000u) {
    return {(std::uint16_t)(sign | 0x7e00)};
  }
  if (magnitude >= 0x477ff000u) {
    return {(std::uint16_t)(sign | 0x7c00)};
  }
  if (magnitude < 0x38800000u) {
    // Subnormal: adding 0.5 leaves the rounded multiple of 2^-24 in the low bits.
    std::uint32_t shifted = float_to_bits(bits_to_float(magnitude) + 0.5f);
    return {(std::uint16_t)(sign | (shifted - 0x3f000000u))};
  }
  std::uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1) - 0x38000000u;
  return {(std::uint16_t)(sign | rounded >> 13)};
#endif
}

template <>
inline BFloat16 narrow<BFloat16>(float f) {
  std::uint32_t u = float_to_bits(f);
  if ((u & 0x7fffffff) > 0x7f800000u) {
    return {(std::uint16_t)(u >> 16 | 0x40)};
  }
  return {(std::uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16)};
}

// The same of n elements in memory.
template <int n>
inline Vec<float, n> load_halves(const void* p) {
#if defined(__AVX512F__)
  if constexpr (n == 16) {
    return (Vec<float, n>)_mm512_cvtph_ps(load_raw<__m256i>(p));
  }
#endif
#if defined(__F16C__)
  if constexpr (n == 8) {
    return (Vec<float, n>)_mm256_cvtph_ps(load_raw<__m128i>(p));
  }
  if constexpr (n == 4) {
    return (Vec<float, n>)_mm_cvtph_ps(_mm_loadl_epi64((const __m128i*)p));
  }
#endif
  auto* halves = static_cast<const Half*>(p);
  Vec<float, n> v;
  for (int i = 0; i < n; i++) {
    v[i] = widen(halves[i]);
  }
  return v;
}

template <int n>
inline void store_halves(void* p, Vec<float, n> v) {
#if defined(__AVX512F__)
  if constexpr (n == 16) {
    const __m256i h = _mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT);
    std::memcpy(p, &h, sizeof h);
    return;
  }
#endif
#if defined(__F16C__)
  if constexpr (n == 8) {
    const __m128i h = _mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT);
    std::memcpy(p, &h, sizeof h);
    return;
  }
  if constexpr (n == 4) {
    _mm_storel_epi64((__m128i*)p, _mm_cvtps_ph((__m128)v, _MM_FROUND_TO_NEAREST_INT));
    return;
  }
#endif
  auto* halves = static_cast<Half*>(p);
  for (int i = 0; i < n; i++) {
    halves[i] = narrow<Half>(v[i]);
  }
}

template <int n>
inline Vec<float, n> load_bfloat16(const void* p) {
  const auto bits = load_raw<Vec<std::uint16_t, n>>(p);
  return (Vec<float, n>)(__builtin_convertvector(bits, Vec<std::uint32_t, n>) << 16);
}

template <int n>
inline void store_bfloat16(void* p, Vec<float, n> v) {
  const auto u = (Vec<std::uint32_t, n>)v;
  const auto rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
  const auto nan = u >> 16 | 0x40;
  const auto result = __builtin_convertvector(v == v ? rounded : nan, Vec<std::uint16_t, n>);
  std::memcpy(p, &result, sizeof result);
}

// n elements, as they are computed with.
template <class T, int n = lanes_of<T>>
inline Vec<Computed<T>, n> load(const void* p) {
  if constexpr (std::is_same_v<T, Half>) {
    return load_halves<n>(p);
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return load_bfloat16<n>(p);
  } else {
    return load_raw<Vec<Computed<T>, n>>(p);
  }
}

template <class T>
inline Vec<Computed<T>> load(const T* p) {
  return load<T>(static_cast<const void*>(p));
}

template <class T, int n = lanes_of<T>>
inline void store(void* p, Vec<Computed<T>, n> v) {
  if constexpr (std::is_same_v<T, Half>) {
    store_halves<n>(p, v);
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    store_bfloat16<n>(p, v);
  } else {
    std::memcpy(p, &v, sizeof v);
  }
}

template <class T>
inline void store(T* p, Vec<Computed<T>> v) {
  store<T>(static_cast<void*>(p), v);
}

// Whether masked loads and stores have lanes for n elements of a type.
template <class T, int n>
constexpr bool has_mask = sizeof(T) == 4 && n == lanes;

// The first `count` < n elements, and zeros; nothing behind them is read.
template <class T, int n = lanes_of<T>>
inline Vec<Computed<T>, n> load_some(const void* p, int count) {
#if defined(__AVX512F__)
  if constexpr (has_mask<T, n>) {
    return (Vec<T, n>)_mm512_maskz_loadu_epi32((__mmask16)((1u << count) - 1), p);
  }
#elif defined(__AVX2__)
  if constexpr (has_mask<T, n>) {
    const vint lane = {0, 1, 2, 3, 4, 5, 6, 7};
    return (Vec<T, n>)_mm256_maskload_epi32((const int*)p, (__m256i)(lane < count));
  }
#endif
  alignas(64) char items[n * sizeof(T)] = {};
  std::memcpy(items, p, sizeof(T) * (std::size_t)count);
  return load<T, n>(items);
}

// Stores the first `count` < n elements.
template <class T, int n = lanes_of<T>>
inline void store_some(void* p, Vec<Computed<T>, n> v, int count) {
#if defined(__AVX512F__)
  if constexpr (has_mask<T, n>) {
    return _mm512_mask_storeu_epi32(p, (__mmask16)((1u << count) - 1), (__m512i)v);
  }
#endif
  char items[n * sizeof(T)];
  store<T, n>(items, v);
  std::memcpy(p, items, sizeof(T) * (std::size_t)count);
}

// Masks of any width as 0 and 1.
template <int n, class Mask>
inline Vec<std::uint8_t, n> to_bools(Mask mask) {
  return (Vec<std::uint8_t, n>)(__builtin_convertvector(mask, Vec<std::int8_t, n>) & 1);
}

// Bytes as the integers of V; compilers would convert one after another.
template <class V, class Bytes>
inline V widen_bytes(Bytes bytes) {
#if defined(__AVX2__)
  constexpr int item = sizeof(V) / sizeof(Bytes);
  constexpr bool is_signed = std::is_same_v<Bytes, Vec<std::int8_t, (int)sizeof(Bytes)>>;
  if constexpr (sizeof(V) == register_bytes && (item == 4 || item == 8)) {
    __m128i low = _mm_setzero_si128();
    std::memcpy(&low, &bytes, sizeof bytes);
#if defined(__AVX512F__)
    if constexpr (item == 4) {
      return (V)(is_signed ? _mm512_cvtepi8_epi32(low) : _mm512_cvtepu8_epi32(low));
    }
    return (V)(is_signed ? _mm512_cvtepi8_epi64(low) : _mm512_cvtepu8_epi64(low));
#else
    if constexpr (item == 4) {
      return (V)(is_signed ? _mm256_cvtepi8_epi32(low) : _mm256_cvtepu8_epi32(low));
    }
    return (V)(is_signed ? _mm256_cvtepi8_epi64(low) : _mm256_cvtepu8_epi64(low));
#endif
  }
#endif
  return __builtin_convertvector(bytes, V);
}

// Calls f with a value of the C++ type for `type`, as one argument. No vectors are made of complex
// numbers: the result is empty.
template <class F>
inline auto with_type(ElementType type, F f) {
  switch (type) {
    case ElementType::b8:
      return f(Bool{});
    case ElementType::u8:
      return f(std::uint8_t{});
    case ElementType::u16:
      return f(std::uint16_t{});
    case ElementType::u32:
      return f(std::uint32_t{});
    case ElementType::u64:
      return f(std::uint64_t{});
    case ElementType::i8:
      return f(std::int8_t{});
    case ElementType::i16:
      return f(std::int16_t{});
    case ElementType::i32:
      return f(std::int32_t{});
    case ElementType::i64:
      return f(std::int64_t{});
    case ElementType::f16:
      return f(Half{});
    case ElementType::bf16:
      return f(BFloat16{});
    case ElementType::f32:
      break;
    case ElementType::f64:
      return f(double{});
    case ElementType::c64:
      return decltype(f(float{})){};
  }
  return f(float{});
}

// The same for the types that are computed with as float.
template <class F>
inline auto with_float_type(ElementType type, F f) {
  switch (type) {
    case ElementType::f16:
      return f(Half{});
    case ElementType::bf16:
      return f(BFloat16{});
    default:
      return f(float{});
  }
}

}  // namespace

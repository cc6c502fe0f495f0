// Floats of one type in memory as those of another.
#pragma once

#include "cpu/kernels/simd/elements.hpp"

namespace {

inline const void* advance(const void* p, ElementType type, std::size_t count) {
  return static_cast<const char*>(p) + (std::ptrdiff_t)count * item_size(type);
}

template <class T, int n = lanes>
inline void widen(const T* source, float* target, std::size_t size) {
  if constexpr (std::is_same_v<T, float>) {
    std::memcpy(target, source, sizeof(float) * size);
    return;
  }
  std::size_t i = 0;
  for (; i + n <= size; i += n) {
    store<float, n>(target + i, load<T, n>(source + i));
  }
  if constexpr (n > 8) {
    return widen<T, n / 2>(source + i, target + i, size - i);
  }
  for (; i < size; i++) {
    target[i] = widen(source[i]);
  }
}

template <class T, int n = lanes>
inline void narrow(const float* source, T* target, std::size_t size) {
  if constexpr (std::is_same_v<T, float>) {
    std::memcpy(target, source, sizeof(float) * size);
    return;
  }
  std::size_t i = 0;
  for (; i + n <= size; i += n) {
    store<T, n>(target + i, load<float, n>(source + i));
  }
  if constexpr (n > 8) {
    return narrow<T, n / 2>(source + i, target + i, size - i);
  }
  for (; i < size; i++) {
    target[i] = narrow<T>(source[i]);
  }
}

inline void widen(const void* source, ElementType type, float* target, std::size_t size) {
  with_float_type(type, [&]<class T>(T) { widen(static_cast<const T*>(source), target, size); });
}

inline void narrow(const float* source, void* target, ElementType type, std::size_t size) {
  with_float_type(type, [&]<class T>(T) { narrow(source, static_cast<T*>(target), size); });
}

}  // namespace

#include "cpu/kernels/reduce/softmax.hpp"

#include "cpu/kernels/math/math.hpp"
#include "cpu/kernels/simd/rows.hpp"

namespace {

using mlx_c::cpu::RowFunctions;

// The sum of e^(x - max), whose vectors are given to f(i, v).
template <class T, class F>
inline float sum_exponentials(const T* x, std::size_t size, float max, F f) {
  vfloat total = {};
  for_vectors(x, size, -infinity, [&](std::size_t i, vfloat v) {
    const vfloat e = exponential(v - max);
    total += e;
    f(i, e);
  });
  return sum(total);
}

template <class T>
void softmax_row(const void* x, std::size_t size, void* y) {
  auto* in = static_cast<const T*>(x);
  auto* out = static_cast<T*>(y);
  const float max = max_of_row(in, size);
  if constexpr (std::is_same_v<T, float>) {
    const auto keep = [&](std::size_t i, vfloat e) { store_at(out, i, size, e); };
    const float factor = 1 / sum_exponentials(in, size, max, keep);
    for (std::size_t i = 0; i < size; i++) {
      out[i] *= factor;
    }
  } else {
    const float factor = 1 / sum_exponentials(in, size, max, [](std::size_t, vfloat) {});
    // Once more rather than keep them as floats, or round twice.
    for_vectors(in, size, -infinity, [&](std::size_t i, vfloat v) {
      store_at(out, i, size, exponential(v - max) * factor);
    });
  }
}

template <class T>
void logsumexp_row(const void* x, std::size_t size, void* y) {
  auto* in = static_cast<const T*>(x);
  const float max = max_of_row(in, size);
  // An infinite one does without: the sum is infinite or 0, or NaN where there is one.
  const float offset = __builtin_isfinite(max) ? max : 0;
  const float total = sum_exponentials(in, size, offset, [](std::size_t, vfloat) {});
  const float result = offset + logarithm(splat(total))[0];
  std::memcpy(y, &result, sizeof result);
}

}  // namespace

namespace mlx_c::cpu::MLX_C_ISA {

RowFunctions find_row_functions(ElementType type) {
  switch (type) {
    case ElementType::f16:
      return {softmax_row<Half>, logsumexp_row<Half>};
    case ElementType::bf16:
      return {softmax_row<BFloat16>, logsumexp_row<BFloat16>};
    case ElementType::f32:
      return {softmax_row<float>, logsumexp_row<float>};
    default:
      return {};
  }
}

void softmax(float* x, int size) {
  softmax_row<float>(x, (std::size_t)size, x);
}

void softmax_gradients(const float* y, float* gradient, int size) {
  vfloat products = {};
  for_vectors(gradient, (std::size_t)size, 0, [&](std::size_t i, vfloat g) {
    products += g * load_at(y, i, (std::size_t)size);
  });
  const float mean = sum(products);
  for (int i = 0; i < size; i++) {
    gradient[i] = y[i] * (gradient[i] - mean);
  }
}

float exponentials(float* x, int size, float& max) {
  const auto count = (std::size_t)size;
  max = max_of_row(x, count);
  // Where all are -infinity, so that their exponentials are 0.
  const float offset = max == -infinity ? 0 : max;
  return sum_exponentials(
      x, count, offset, [&](std::size_t i, vfloat e) { store_at(x, i, count, e); });
}

}  // namespace mlx_c::cpu::MLX_C_ISA

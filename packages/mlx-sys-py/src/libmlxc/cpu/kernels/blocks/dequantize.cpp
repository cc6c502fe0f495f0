// Compiled without contraction to fused multiply-adds: every product is rounded, as NumPy's are.
#include "cpu/kernels/blocks/dequantize.hpp"

#include "cpu/kernels/blocks/decode.hpp"

namespace mlx_c::cpu::MLX_C_ISA {

namespace {

template <class T>
void dequantize(const std::uint8_t* block, std::size_t count, float* target) {
  for (std::size_t i = 0; i < count; i++, block += T::nbytes) {
    alignas(64) std::uint8_t codes[T::size];
    float scales[T::groups], biases[T::groups];
    T::decode(block, codes, scales, biases);
    for (int g = 0; g < T::groups; g++, target += T::group) {
      for (int j = 0; j < T::group; j++) {
        target[j] = blocks::weight<T>(scales[g], codes[g * T::group + j], biases[g]);
      }
    }
  }
}

}  // namespace

void dequantize_blocks(int type, const std::uint8_t* blocks, std::size_t count, float* target) {
  blocks::with_type(type, [&]<class T>(T) { dequantize<T>(blocks, count, target); });
}

}  // namespace mlx_c::cpu::MLX_C_ISA

// Compiled once per instruction set, with MLX_C_ISA as the name of the set.

#include "cpu/kernels/attention/decode.hpp"
#include "cpu/kernels/attention/rope.hpp"
#include "cpu/kernels/gemm/depthwise.hpp"
#include "cpu/kernels/gemm/gemm_entry.hpp"
#include "cpu/kernels/gemm/gemm_int16_pack.hpp"
#include "cpu/kernels/qgemm/qgemv.hpp"
#include "cpu/kernels/qgemm/unpack.hpp"
#include "cpu/kernels/reduce/softmax.hpp"
#include "cpu/kernels/simd/convert.hpp"

namespace mlx_c::cpu::MLX_C_ISA {

// in elementwise.cpp
Elementwise elementwise(Op op, ElementType operands, ElementType result);
// in normalization.cpp
void normalize(const NormArgs&, const float* x, const float* weight, const float* bias, float* y);
void normalize_gradients(
    const NormArgs&,
    const float* x,
    const float* weight,
    const float* gradient,
    float* of_x,
    float* of_weight,
    float* of_bias);
// in random.cpp
void random_words(
    const std::uint32_t* key,
    std::uint32_t x,
    std::uint32_t y,
    std::size_t count,
    std::uint32_t* first,
    std::uint32_t* second);
// in reductions.cpp
Reduction reduction(Reduce op, ElementType type);
ArgReduction arg_reduction(bool greatest, ElementType type);
RowFunctions row_functions(ElementType type);

namespace {

template <class B>
constexpr Kernels functions = {
    dequantize,
    packed_row,
    scratch,
    pack_rows,
    multiply,
    integers::table,
    dense::product_scratch<B>,
    dense::product<B>,
    dense::weigh_rows,
    normalize,
    normalize_gradients,
    softmax,
    softmax_gradients,
    exponentials,
    attention::attend,
    rotation::rotate,
    widen,
    narrow,
    random_words,
    elementwise,
    reduction,
    arg_reduction,
    row_functions};

}  // namespace

extern const Kernels table;
const Kernels table = functions<dense::BrainPair>;

#if defined(__AVX512BF16__)
extern const Kernels table_with_tiles;
const Kernels table_with_tiles = functions<dense::BrainTiles>;
#endif

}  // namespace mlx_c::cpu::MLX_C_ISA

// Compiled once per instruction set, with MLX_C_ISA as the name of the set.

#include "cpu/kernels/attention/decode.hpp"
#include "cpu/kernels/attention/rope.hpp"
#include "cpu/kernels/elementwise/elementwise.hpp"
#include "cpu/kernels/gemm/convolution.hpp"
#include "cpu/kernels/gemm/depthwise.hpp"
#include "cpu/kernels/gemm/gemm_entry.hpp"
#include "cpu/kernels/gemm/gemm_int16_pack.hpp"
#include "cpu/kernels/gemm/gemm_integer.hpp"
#include "cpu/kernels/qgemm/qgemv.hpp"
#include "cpu/kernels/qgemm/unpack.hpp"
#include "cpu/kernels/random/threefry.hpp"
#include "cpu/kernels/recurrent/recurrent.hpp"
#include "cpu/kernels/reduce/normalization.hpp"
#include "cpu/kernels/reduce/reduce.hpp"
#include "cpu/kernels/reduce/softmax.hpp"
#include "cpu/kernels/simd/convert.hpp"

namespace mlx_c::cpu::MLX_C_ISA {

namespace {

#define MLX_C_TEXT(name) #name
#define MLX_C_NAME(name) MLX_C_TEXT(name)

// B is what GEMM computes bfloat16 with.
template <class B>
constexpr Kernels kernels_with(const char* level) {
  return {
      .level = level,
      .elementwise = {.find = find_elementwise},
      .reduce = {.find = find_reduction, .find_arg = find_arg_reduction},
      .softmax =
          {
              .find = find_row_functions,
              .in_place = softmax,
              .gradients = softmax_gradients,
              .exponentials = exponentials,
          },
      .normalization = {.normalize = normalize, .gradients = normalize_gradients},
      .gemm =
          {
              .bf16_tiles = !std::is_same_v<B, gemm::BFloat16Pair>,
              .scratch_size = gemm::scratch_size<B>,
              .multiply = gemm::multiply<B>,
              .weigh_rows = gemm::weigh_rows,
          },
      .convolution =
          {
              .takes = convolution::takes<B>,
              .has_pairs = convolution::is_pair<gemm::BFloat16Pair>,
              .tile_rows = gemm::tile_rows,
              .panel_width = convolution::width_of_panel,
              .pack_panel = convolution::pack_panel,
              .multiply = convolution::multiply_tile,
              .multiply_weight_gradient = convolution::multiply_weight_tile,
          },
      .integer_gemm =
          {
              .panel_width = gemm_integer::panel_width,
              .scratch_size = gemm_integer::scratch_size,
              .multiply = gemm_integer::multiply_part,
          },
      .qgemm = {.dequantize = dequantize},
      .qgemv =
          {
              .packed_row_size = qgemv::packed_row_size,
              .scratch_size = qgemv::scratch_size,
              .pack_x = qgemv::pack_x,
              .multiply = qgemv::multiply,
          },
      .int16_gemm = int16_gemm::table,
      .attention = {.decode = attention::decode, .rope = attention::rope},
      .recurrent =
          {
              .panel_count = recurrent::panel_count,
              .weight_size = recurrent::weight_size,
              .pack_weight = recurrent::pack_weight,
              .rows_size = recurrent::rows_size,
              .pack_rows = recurrent::pack_rows,
              .forward = recurrent::forward,
              .backward = recurrent::backward,
              .backward_start = recurrent::backward_start,
          },
      .random = {.threefry = threefry},
      .convert = {.widen = widen, .narrow = narrow},
  };
}

}  // namespace

extern const Kernels table;
const Kernels table = kernels_with<gemm::BFloat16Pair>(MLX_C_NAME(MLX_C_ISA));

#if defined(__AVX512BF16__)
extern const Kernels table_amx;
const Kernels table_amx = kernels_with<gemm::BFloat16Tiles>("v4_amx");
#endif

}  // namespace mlx_c::cpu::MLX_C_ISA

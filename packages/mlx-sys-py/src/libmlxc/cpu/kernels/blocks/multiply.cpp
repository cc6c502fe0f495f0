#include "cpu/kernels/blocks/multiply.hpp"

#include "cpu/kernels/blocks/dequantize.hpp"

namespace mlx_c::cpu::MLX_C_ISA {

extern const BlockKernels blocks_table;
const BlockKernels blocks_table = {
    .dequantize = dequantize_blocks,
    .to_affine = blocks::to_affine,
    .packed_row_size = blocks::packed_row_size,
    .pack_x = blocks::pack_x,
    .multiply = blocks::multiply_blocks,
};

}  // namespace mlx_c::cpu::MLX_C_ISA

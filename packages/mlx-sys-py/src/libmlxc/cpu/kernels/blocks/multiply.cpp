#include "cpu/kernels/blocks/multiply.hpp"

#include "cpu/kernels/blocks/dequantize.hpp"

// Of the header for products of integers, what a panel is made of is all that is needed here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "cpu/kernels/blocks/pack_integers.hpp"
#pragma GCC diagnostic pop

namespace mlx_c::cpu::MLX_C_ISA {

extern const BlockKernels blocks_table;
const BlockKernels blocks_table = {
    .dequantize = dequantize_blocks,
    .to_affine = blocks::to_affine,
    .pack_integers = blocks::pack_integers,
    .packed_row_size = blocks::packed_row_size,
    .pack_x = blocks::pack_x,
    .multiply = blocks::multiply_blocks,
};

}  // namespace mlx_c::cpu::MLX_C_ISA

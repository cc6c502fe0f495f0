#include "cpu/kernels/bytes/table.hpp"

// With AVX-512 there are exact products of digits of rows (VNNI), beside which bytes have not been
// measured.
#if defined(__AVX2__) && !defined(__AVX512F__)
#include "cpu/kernels/bytes/multiply.hpp"
#endif

namespace mlx_c::cpu::MLX_C_ISA {

extern const ByteKernels* const bytes_table;

#if defined(__AVX2__) && !defined(__AVX512F__)
namespace {

constexpr ByteKernels table = {
    .takes = bytes::takes,
    .order = bytes::order_of,
    .row_size = bytes::row_size,
    .pack_x = bytes::pack_x,
    .scratch_size = bytes::scratch_size,
    .multiply = bytes::multiply,
};

}  // namespace

const ByteKernels* const bytes_table = &table;
#else
const ByteKernels* const bytes_table = nullptr;
#endif

}  // namespace mlx_c::cpu::MLX_C_ISA

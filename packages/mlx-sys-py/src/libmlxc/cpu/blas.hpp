// The matrix product of OpenBLAS, if the package scipy-openblas32 is installed.
#pragma once

#include "kernels.hpp"

namespace mlx_c::cpu {

bool has_blas();

// c = alpha * a b + beta * c, where c is (m, n) with rows `c_row` apart. Each of a and b has one
// stride of 1, the other being at least the extent along it. Runs in the calling thread alone: we
// divide the work ourselves, so that there is one set of threads. Needs has_blas().
void gemm(Matrix a, Matrix b, int m, int n, int k, float alpha, float beta, float* c, int c_row);

}  // namespace mlx_c::cpu

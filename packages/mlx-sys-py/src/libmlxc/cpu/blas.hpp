// The matrix product of OpenBLAS, if the package scipy-openblas32 is installed.
#pragma once

namespace mlx_c::cpu {

using Sgemm = void (*)(
    int order,
    int transpose_a,
    int transpose_b,
    int m,
    int n,
    int k,
    float alpha,
    const float* a,
    int lda,
    const float* b,
    int ldb,
    float beta,
    float* c,
    int ldc);

constexpr int row_major = 101, no_transpose = 111, transpose = 112;

// cblas_sgemm, which runs in the calling thread alone: we divide the work ourselves, so that there
// is one set of threads. Null if the library is not there.
Sgemm sgemm();

}  // namespace mlx_c::cpu

#include "blas.hpp"

#include <dlfcn.h>

namespace mlx_c::cpu {

namespace {

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

Sgemm load() {
  // Found by our run path; this copy of OpenBLAS is no one else's (NumPy and SciPy bring their
  // own), so its thread count is ours to set.
#if defined(__APPLE__)
  void* library = dlopen("@rpath/libscipy_openblas.dylib", RTLD_NOW | RTLD_LOCAL);
#else
  void* library = dlopen("libscipy_openblas.so", RTLD_NOW | RTLD_LOCAL);
#endif
  if (!library) return nullptr;
  auto set_threads =
      reinterpret_cast<void (*)(int)>(dlsym(library, "scipy_openblas_set_num_threads"));
  auto function = reinterpret_cast<Sgemm>(dlsym(library, "scipy_cblas_sgemm"));
  if (!set_threads || !function) return nullptr;
  set_threads(1);
  return function;
}

Sgemm sgemm() {
  static const Sgemm function = load();
  return function;
}

}  // namespace

bool has_blas() {
  return sgemm() != nullptr;
}

void gemm(Matrix a, Matrix b, int m, int n, int k, float alpha, float beta, float* c, int c_row) {
  // With an extent of one, both strides may be 1.
  const bool a_rows = a.column == 1 && a.row >= k, b_rows = b.column == 1 && b.row >= n;
  sgemm()(
      row_major,
      a_rows ? no_transpose : transpose,
      b_rows ? no_transpose : transpose,
      m,
      n,
      k,
      alpha,
      a.data,
      static_cast<int>(a_rows ? a.row : a.column),
      b.data,
      static_cast<int>(b_rows ? b.row : b.column),
      beta,
      c,
      c_row);
}

}  // namespace mlx_c::cpu

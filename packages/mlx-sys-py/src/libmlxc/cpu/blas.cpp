#include "blas.hpp"

#include <dlfcn.h>

namespace mlx_c::cpu {

namespace {

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

}  // namespace

Sgemm sgemm() {
  static const Sgemm function = load();
  return function;
}

}  // namespace mlx_c::cpu

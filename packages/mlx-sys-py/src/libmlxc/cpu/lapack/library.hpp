// LAPACK: OpenBLAS, which the package scipy-openblas64 installs beside MLX.
//
// The library is loaded when the first matrix is to be factorised, and its functions are found by
// name, so that nothing is linked to it: without the package MLX's own kernels do the work, with
// the LAPACK that MLX is linked to. Its integers have 64 bits, as sizes of workspaces need them.
//
// None of its functions is ever called with arguments that it would call XERBLA for.
#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <type_traits>

namespace mlx_c::cpu::lapack {

using Int = std::int64_t;
using In = const Int*;
using Text = const char*;
// The lengths of texts, which Fortran passes behind all arguments.
using Length = std::size_t;

// The functions for one type of elements, each named as in LAPACK without the letter of its type.
template <class T>
struct Routines {
  void (*geqrf)(In m, In n, T* a, In lda, T* tau, T* work, In lwork, Int* info);
  void (*orgqr)(In m, In n, In k, T* a, In lda, const T* tau, T* work, In lwork, Int* info);
  void (*gesdd)(
      Text job,
      In m,
      In n,
      T* a,
      In lda,
      T* s,
      T* u,
      In ldu,
      T* vt,
      In ldvt,
      T* work,
      In lwork,
      Int* iwork,
      Int* info,
      Length);
  void (*syevd)(
      Text job,
      Text triangle,
      In n,
      T* a,
      In lda,
      T* w,
      T* work,
      In lwork,
      Int* iwork,
      In liwork,
      Int* info,
      Length,
      Length);
  void (*geev)(
      Text left,
      Text right,
      In n,
      T* a,
      In lda,
      T* real,
      T* imaginary,
      T* vl,
      In ldvl,
      T* vr,
      In ldvr,
      T* work,
      In lwork,
      Int* info,
      Length,
      Length);
  void (*getrf)(In m, In n, T* a, In lda, Int* pivots, Int* info);
  void (*getrs)(
      Text trans, In n, In nrhs, const T* a, In lda, In pivots, T* b, In ldb, Int* info, Length);
  void (*getri)(In n, T* a, In lda, In pivots, T* work, In lwork, Int* info);
  void (*potrf)(Text triangle, In n, T* a, In lda, Int* info, Length);
  void (*trtri)(Text triangle, Text diagonal, In n, T* a, In lda, Int* info, Length, Length);
  void (*trsm)(
      Text side,
      Text triangle,
      Text trans,
      Text diagonal,
      In m,
      In n,
      const T* alpha,
      const T* a,
      In lda,
      T* b,
      In ldb,
      Length,
      Length,
      Length,
      Length);
};

template <>
struct Routines<std::complex<float>> {
  using T = std::complex<float>;
  void (*heevd)(
      Text job,
      Text triangle,
      In n,
      T* a,
      In lda,
      float* w,
      T* work,
      In lwork,
      float* rwork,
      In lrwork,
      Int* iwork,
      In liwork,
      Int* info,
      Length,
      Length);
  void (*geev)(
      Text left,
      Text right,
      In n,
      T* a,
      In lda,
      T* w,
      T* vl,
      In ldvl,
      T* vr,
      In ldvr,
      T* work,
      In lwork,
      float* rwork,
      Int* info,
      Length,
      Length);
};

struct Library {
  Routines<float> f32;
  Routines<double> f64;
  Routines<std::complex<float>> c64;
  void (*set_threads)(int count);
};

// Null if it is not installed or does not load.
const Library* library();

template <class T>
const Routines<T>& routines() {
  if constexpr (std::is_same_v<T, float>) {
    return library()->f32;
  } else if constexpr (std::is_same_v<T, double>) {
    return library()->f64;
  } else {
    return library()->c64;
  }
}

// While it exists, calls of the library use so many threads. The number is one for the whole
// process, so that one of these exists at a time.
class Threads {
 public:
  explicit Threads(int count);

 private:
  const std::lock_guard<std::mutex> lock_;
};

}  // namespace mlx_c::cpu::lapack

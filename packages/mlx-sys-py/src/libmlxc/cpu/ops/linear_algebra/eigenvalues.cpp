// Eigenvalues and eigenvectors.
//
// LAPACK's matrices are in column-major order, in which ours are transposed: symmetric ones are the
// same with the other triangle, Hermitian ones are conjugated.
#include <mlx/primitives.h>

#include "cpu/ops/linear_algebra/factorization.hpp"
#include "cpu/ops/ops.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using lapack::Int;
using mx::array;

constexpr double operations_of_symmetric = 9, operations_of_general = 25;

// The result of one call for a symmetric or Hermitian matrix of the size n.
template <class T>
Int symmetric(bool vectors, bool lower, Int n, T* a, T* w) {
  const char* const job = vectors ? "V" : "N";
  const char* const triangle = lower ? "U" : "L";
  Int info = 0, query = -1, integers = 0;
  T size = 0;
  const auto& call = lapack::routines<T>().syevd;
  call(job, triangle, &n, a, &n, w, &size, &query, &integers, &query, &info, 1, 1);
  const Int count = lapack::size_from(size);
  T* const work = lapack::workspace<T, struct Work>(count);
  Int* const iwork = lapack::workspace<Int, struct IntegerWork>(integers);
  call(job, triangle, &n, a, &n, w, work, &count, iwork, &integers, &info, 1, 1);
  return info;
}

Int hermitian(bool vectors, bool lower, Int n, std::complex<float>* a, float* w) {
  const char* const job = vectors ? "V" : "N";
  const char* const triangle = lower ? "U" : "L";
  Int info = 0, query = -1, integers = 0;
  std::complex<float> size = 0;
  float real_size = 0;
  const auto& call = lapack::routines<std::complex<float>>().heevd;
  call(
      job,
      triangle,
      &n,
      a,
      &n,
      w,
      &size,
      &query,
      &real_size,
      &query,
      &integers,
      &query,
      &info,
      1,
      1);
  const Int count = lapack::size_from(size), reals = lapack::size_from(real_size);
  auto* const work = lapack::workspace<std::complex<float>, struct Work>(count);
  auto* const rwork = lapack::workspace<float, struct RealWork>(reals);
  Int* const iwork = lapack::workspace<Int, struct IntegerWork>(integers);
  call(job, triangle, &n, a, &n, w, work, &count, rwork, &reals, iwork, &integers, &info, 1, 1);
  return info;
}

// Turns vectors that are rows into columns.
template <class T>
void transpose_in_place(T* a, Int n) {
  constexpr Int tile = 16;
  for (Int i = 0; i < n; i += tile) {
    for (Int j = i; j < n; j += tile) {
      for (Int k = i; k < std::min(i + tile, n); k++) {
        for (Int l = std::max(j, k + 1); l < std::min(j + tile, n); l++) {
          std::swap(a[k * n + l], a[l * n + k]);
        }
      }
    }
  }
}

template <class T>
void conjugate(T* a, Int size) {
  if constexpr (!std::is_arithmetic_v<T>) {
    std::transform(a, a + size, a, [](T value) { return std::conj(value); });
  }
}

template <class T>
struct Symmetric {
  using Real = decltype(std::real(T()));

  Copy input;
  std::size_t count;
  Int n;
  bool lower;
  Real* values;
  T* vectors;  // null if they are not wanted
  std::shared_ptr<Failures> failures;

  void operator()() const {
    const Buffer<T> copy(vectors ? 0 : count * n * n);
    T* const matrices = vectors ? vectors : copy.data();
    fill(input, matrices);
    lapack::for_matrices(count, operations_of_symmetric * n * n * n, [&](std::size_t i) {
      T* const a = matrices + i * n * n;
      Real* const w = values + i * n;
      if (!is_finite(a, n, n, lower ? Part::lower : Part::upper)) {
        failures->add(not_finite);
        std::fill(a, a + n * n, T(0));
        std::fill(w, w + n, Real(0));
        return;
      }
      if (solve(a, w) != 0) {
        failures->add(not_converged);
      }
      if (vectors) {
        conjugate(a, n * n);
        transpose_in_place(a, n);
      }
    });
    failures->report();
  }

 private:
  Int solve(T* a, Real* w) const {
    if constexpr (std::is_arithmetic_v<T>) {
      return symmetric(vectors != nullptr, lower, n, a, w);
    } else {
      return hermitian(vectors != nullptr, lower, n, a, w);
    }
  }
};

class Eigh : public KernelOverride {
 public:
  using KernelOverride::KernelOverride;

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate_all(outputs);
    switch (inputs[0].dtype()) {
      case mx::float64:
        return compute<double>(inputs[0], outputs);
      case mx::complex64:
        return compute<std::complex<float>>(inputs[0], outputs);
      default:
        return compute<float>(inputs[0], outputs);
    }
  }

 private:
  template <class T>
  void compute(const array& a, std::vector<array>& outputs) {
    const auto [triangle, vectors] = static_cast<const mx::Eigh&>(*original_).state();
    const auto* const function = vectors ? "eigh" : "eigvalsh";
    dispatch(
        stream(),
        Symmetric<T>{
            copy_in_order(a),
            matrix_count(a),
            a.shape(-1),
            triangle == "L",
            outputs[0].data<typename Symmetric<T>::Real>(),
            vectors ? outputs[1].data<T>() : nullptr,
            std::make_shared<Failures>(function, ErrorReport(outputs[0]))});
  }
};

using Complex = std::complex<float>;

// The eigenvalues of a, which is overwritten, and as rows the vectors.
template <class T>
Int general(bool vectors, Int n, T* a, Complex* values, Complex* rows) {
  const char* const job = vectors ? "V" : "N";
  Int info = 0, query = -1;
  T size = 0;
  T* const w = lapack::workspace<T, struct Values>(2 * n);
  T* const v = lapack::workspace<T, struct Vectors>(vectors ? n * n : 1);
  const auto& call = lapack::routines<T>().geev;
  call("N", job, &n, a, &n, w, w + n, v, &n, v, &n, &size, &query, &info, 1, 1);
  const Int count = lapack::size_from(size);
  T* const work = lapack::workspace<T, struct Work>(count);
  call("N", job, &n, a, &n, w, w + n, v, &n, v, &n, work, &count, &info, 1, 1);
  const auto number = [](T real, T imaginary) {
    return Complex(static_cast<float>(real), static_cast<float>(imaginary));
  };
  for (Int i = 0; i < n; i++) {
    values[i] = number(w[i], w[n + i]);
  }
  // Of a pair of conjugate values the vectors are conjugate: real parts, then imaginary parts.
  for (Int j = 0; vectors && j < n; j++) {
    const bool is_pair = w[n + j] != 0 && j + 1 < n;
    const T *const real = v + j * n, *const imaginary = real + n;
    for (Int i = 0; i < n; i++) {
      rows[j * n + i] = number(real[i], is_pair ? imaginary[i] : T(0));
      if (is_pair) {
        rows[(j + 1) * n + i] = number(real[i], -imaginary[i]);
      }
    }
    j += is_pair;
  }
  return info;
}

template <>
Int general(bool vectors, Int n, Complex* a, Complex* values, Complex* rows) {
  const char* const job = vectors ? "V" : "N";
  Int info = 0, query = -1;
  Complex size = 0, unused = 0;
  Complex* const v = vectors ? rows : &unused;
  float* const rwork = lapack::workspace<float, struct RealWork>(2 * n);
  const auto& call = lapack::routines<Complex>().geev;
  call("N", job, &n, a, &n, values, v, &n, v, &n, &size, &query, rwork, &info, 1, 1);
  const Int count = lapack::size_from(size);
  Complex* const work = lapack::workspace<Complex, struct Work>(count);
  call("N", job, &n, a, &n, values, v, &n, v, &n, work, &count, rwork, &info, 1, 1);
  return info;
}

template <class T>
struct General {
  Copy input;
  std::size_t count;
  Int n;
  Complex *values, *vectors;
  std::shared_ptr<Failures> failures;

  void operator()() const {
    const Buffer<T> copy(count * n * n);
    fill(input, copy.data());
    lapack::for_matrices(count, operations_of_general * n * n * n, [&](std::size_t i) {
      T* const a = copy.data() + i * n * n;
      Complex *const w = values + i * n, *const v = vectors ? vectors + i * n * n : nullptr;
      if (!is_finite(a, n, n, Part::all)) {
        failures->add(not_finite);
        std::fill(w, w + n, Complex(0));
        std::fill(v, v + (v ? n * n : 0), Complex(0));
        return;
      }
      transpose_in_place(a, n);
      if (general(vectors != nullptr, n, a, w, v) != 0) {
        failures->add(not_converged);
      }
      if (v) {
        transpose_in_place(v, n);
      }
    });
    failures->report();
  }
};

class Eig : public KernelOverride {
 public:
  using KernelOverride::KernelOverride;

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate_all(outputs);
    switch (inputs[0].dtype()) {
      case mx::float64:
        return compute<double>(inputs[0], outputs);
      case mx::complex64:
        return compute<Complex>(inputs[0], outputs);
      default:
        return compute<float>(inputs[0], outputs);
    }
  }

 private:
  template <class T>
  void compute(const array& a, std::vector<array>& outputs) {
    const bool vectors = static_cast<const mx::Eig&>(*original_).state();
    dispatch(
        stream(),
        General<T>{
            copy_in_order(a),
            matrix_count(a),
            a.shape(-1),
            outputs[0].data<Complex>(),
            vectors ? outputs[1].data<Complex>() : nullptr,
            std::make_shared<Failures>(vectors ? "eig" : "eigvals", ErrorReport(outputs[0]))});
  }
};

}  // namespace

Override eig(array& node) {
  if (auto kernel = without_elements(node)) {
    return kernel;
  }
  if (!has_lapack() || node.dtype() != mx::complex64) {
    const bool vectors = static_cast<const mx::Eig&>(node.primitive()).state();
    return behind_checks(node, vectors ? "eig" : "eigvals");
  }
  return std::make_shared<Eig>(node.primitive_ptr());
}

Override eigh(array& node) {
  if (auto kernel = without_elements(node)) {
    return kernel;
  }
  if (!has_lapack()) {
    const auto [triangle, vectors] = static_cast<const mx::Eigh&>(node.primitive()).state();
    return behind_checks(
        node, vectors ? "eigh" : "eigvalsh", triangle == "L" ? Part::lower : Part::upper);
  }
  return std::make_shared<Eigh>(node.primitive_ptr());
}

}  // namespace mlx_c::cpu

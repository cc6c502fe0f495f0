// Cholesky and LU factors, and inverses.
#include <algorithm>
#include <cstdint>
#include <numeric>

#include <mlx/primitives.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/ops/linear_algebra/factorization.hpp"
#include "cpu/ops/ops.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using lapack::Int;
using mx::array;

// The triangle of a matrix in row-major order, as LAPACK sees it.
const char* triangle(bool upper) {
  return upper ? "L" : "U";
}

template <class T>
struct CholeskyFactor {
  Copy input;
  std::size_t count;
  Int n;
  bool upper;
  T* result;
  std::shared_ptr<Failures> failures;

  void operator()() const {
    fill(input, result);
    lapack::for_matrices(count, n * n * n / 3.0, [&](std::size_t i) {
      T* const a = result + i * n * n;
      Int info = 0;
      lapack::routines<T>().potrf(triangle(upper), &n, a, &n, &info, 1);
      // Where NaN is met, the factorisation goes on.
      if (info != 0 || std::isnan(a[n * n - 1])) {
        failures->add(not_positive);
      }
      lapack::clear_triangle(a, n, !upper);
    });
    failures->report();
  }
};

class Cholesky : public KernelOverride {
 public:
  using KernelOverride::KernelOverride;

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate_all(outputs);
    const array& a = inputs[0];
    with_real(a.dtype(), [&]<class T>(T) {
      dispatch(
          stream(),
          CholeskyFactor<T>{
              copy_in_order(a),
              matrix_count(a),
              a.shape(-1),
              static_cast<const mx::Cholesky&>(*original_).state(),
              outputs[0].data<T>(),
              std::make_shared<Failures>("cholesky", ErrorReport(outputs[0]))});
    });
  }
};

// The inverse of a transpose is the transpose of the inverse.
template <class T>
struct Inversion {
  Copy input;
  std::size_t count;
  Int n;
  bool is_triangular, upper;
  T* result;
  std::shared_ptr<Failures> failures;

  void operator()() const {
    fill(input, result);
    lapack::for_matrices(count, (is_triangular ? 0.3 : 2.0) * n * n * n, [&](std::size_t i) {
      T* const a = result + i * n * n;
      if ((is_triangular ? invert_triangular(a) : invert(a)) != 0) {
        failures->add(is_singular);
      }
    });
    failures->report();
  }

 private:
  Int invert_triangular(T* a) const {
    Int info = 0;
    lapack::clear_triangle(a, n, !upper);
    lapack::routines<T>().trtri(triangle(upper), "N", &n, a, &n, &info, 1, 1);
    return info;
  }

  Int invert(T* a) const {
    Int* const pivots = lapack::workspace<Int, struct Pivots>(n);
    Int info = 0, query = -1;
    T size = 0;
    const auto& calls = lapack::routines<T>();
    calls.getrf(&n, &n, a, &n, pivots, &info);
    if (info == 0) {
      calls.getri(&n, a, &n, pivots, &size, &query, &info);
      const Int length = lapack::size_from(size);
      calls.getri(&n, a, &n, pivots, lapack::workspace<T, struct Work>(length), &length, &info);
    }
    return info;
  }
};

class Inverse : public KernelOverride {
 public:
  using KernelOverride::KernelOverride;

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate_all(outputs);
    const array& a = inputs[0];
    const auto [is_triangular, upper] = static_cast<const mx::Inverse&>(*original_).state();
    with_real(a.dtype(), [&]<class T>(T) {
      dispatch(
          stream(),
          Inversion<T>{
              copy_in_order(a),
              matrix_count(a),
              a.shape(-1),
              is_triangular,
              upper,
              outputs[0].data<T>(),
              std::make_shared<Failures>(
                  is_triangular ? "tri_inv" : "inv", ErrorReport(outputs[0]))});
    });
  }
};

template <class T>
struct LuFactors {
  Copy input;
  std::size_t count;
  Int rows, columns;
  T* result;  // in columns
  std::uint32_t *pivots, *order;

  void operator()() const {
    const Int least = std::min(rows, columns);
    fill(input, result);
    lapack::for_matrices(count, 0.7 * rows * columns * least, [&](std::size_t i) {
      Int* const exchanged = lapack::workspace<Int, struct Pivots>(least);
      Int info = 0;
      lapack::routines<T>().getrf(
          &rows, &columns, result + i * rows * columns, &rows, exchanged, &info);
      std::uint32_t* const order_of = order + i * rows;
      std::iota(order_of, order_of + rows, 0);
      for (Int j = 0; j < least; j++) {
        pivots[i * least + j] = static_cast<std::uint32_t>(exchanged[j] - 1);
        std::swap(order_of[j], order_of[exchanged[j] - 1]);
      }
    });
  }
};

class Lu : public KernelOverride {
 public:
  using KernelOverride::KernelOverride;

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate_columns(outputs[0]);
    allocate_for(outputs[1]);
    allocate_for(outputs[2]);
    const array& a = inputs[0];
    with_real(a.dtype(), [&]<class T>(T) {
      dispatch(
          stream(),
          LuFactors<T>{
              copy_in_columns(a),
              matrix_count(a),
              a.shape(-2),
              a.shape(-1),
              outputs[0].data<T>(),
              outputs[1].data<std::uint32_t>(),
              outputs[2].data<std::uint32_t>()});
    });
  }
};

}  // namespace

Override cholesky(array& node) {
  if (auto kernel = without_elements(node)) {
    return kernel;
  }
  if (!has_lapack()) {
    return with_positive_diagonal(node);
  }
  return std::make_shared<Cholesky>(node.primitive_ptr());
}

Override inverse(array& node) {
  if (auto kernel = without_elements(node)) {
    return kernel;
  }
  if (!has_lapack()) {
    return keep_mlx("no LAPACK");
  }
  return std::make_shared<Inverse>(node.primitive_ptr());
}

Override lu(array& node) {
  if (auto kernel = without_elements(node)) {
    return kernel;
  }
  if (!has_lapack()) {
    return keep_mlx("no LAPACK");
  }
  return std::make_shared<Lu>(node.primitive_ptr());
}

}  // namespace mlx_c::cpu

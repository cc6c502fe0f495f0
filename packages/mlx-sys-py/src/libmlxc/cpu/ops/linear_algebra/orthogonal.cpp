// Singular values and QR factors.
#include <algorithm>

#include <mlx/linalg.h>
#include <mlx/ops.h>
#include <mlx/primitives.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/ops/linear_algebra/batched.hpp"
#include "cpu/ops/linear_algebra/functions.hpp"
#include "cpu/ops/ops.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using lapack::Int;
using mx::array;

// Of all singular vectors, of those that belong to a singular value, or of none.
enum class Vectors { all, some, none };

// In column-major order a matrix A in row-major order is its transpose, whose singular vectors
// change sides: what LAPACK writes as U is V, in columns, and so the rows of V^T.
template <class T>
struct SingularValues {
  Copy input;
  std::size_t count;
  Int rows, columns;
  Vectors vectors;
  T *u, *s, *vt;
  std::shared_ptr<Failures> failures;

  void operator()() const {
    const Int least = std::min(rows, columns), most = std::max(rows, columns);
    const Int of_u = vectors == Vectors::all ? rows : least;
    const Int of_v = vectors == Vectors::all ? columns : least;
    const Buffer<T> copy(count * rows * columns);
    fill(input, copy.data());
    const double operations = (vectors == Vectors::none ? 4.0 : 20.0) * most * least * least;
    lapack::for_matrices(count, operations, [&](std::size_t i) {
      T* const a = copy.data() + i * rows * columns;
      T* const values = s + i * least;
      T* const left = vectors == Vectors::none ? nullptr : u + i * rows * of_u;
      T* const right = vectors == Vectors::none ? nullptr : vt + i * columns * of_v;
      if (!is_finite(a, rows, columns, Part::all)) {
        failures->add(not_finite);
        std::fill(values, values + least, T(0));
        if (left) {
          std::fill(left, left + rows * of_u, T(0));
          std::fill(right, right + columns * of_v, T(0));
        }
        return;
      }
      if (decompose(a, values, left, of_u, right) != 0) {
        failures->add(not_converged);
      }
    });
    failures->report();
  }

 private:
  Int decompose(T* a, T* values, T* left, Int of_u, T* right) const {
    const char* const job = vectors == Vectors::all ? "A" : vectors == Vectors::some ? "S" : "N";
    Int info = 0, query = -1;
    T size = 0;
    Int* const iwork = lapack::workspace<Int, struct IntegerWork>(8 * std::min(rows, columns));
    const auto& call = lapack::routines<T>().gesdd;
    const auto run = [&](T* work, const Int* length) {
      call(
          job,
          &columns,
          &rows,
          a,
          &columns,
          values,
          right,
          &columns,
          left,
          &of_u,
          work,
          length,
          iwork,
          &info,
          1);
    };
    run(&size, &query);
    const Int length = lapack::size_from(size);
    run(lapack::workspace<T, struct Work>(length), &length);
    return info;
  }
};

template <class T>
SingularValues<T> singular_values(const array& a, Vectors vectors, std::vector<array>& outputs) {
  const bool only_values = vectors == Vectors::none;
  return {
      copy_in_order(a),
      matrix_count(a),
      a.shape(-2),
      a.shape(-1),
      vectors,
      only_values ? nullptr : outputs[0].data<T>(),
      outputs[only_values ? 0 : 1].data<T>(),
      only_values ? nullptr : outputs[2].data<T>(),
      std::make_shared<Failures>("svd", ErrorReport(outputs[0]))};
}

class Svd : public KernelOverride {
 public:
  using KernelOverride::KernelOverride;

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate_all(outputs);
    const bool vectors = static_cast<const mx::SVD&>(*original_).state();
    with_real(inputs[0].dtype(), [&]<class T>(T) {
      dispatch(
          stream(), singular_values<T>(inputs[0], vectors ? Vectors::all : Vectors::none, outputs));
    });
  }
};

// The singular values with those vectors that belong to one.
class ThinSvd : public Batched {
 public:
  explicit ThinSvd(mx::Stream stream)
      : Batched(stream, [stream](const std::vector<array>& inputs) {
          return linalg::svd(inputs[0], true, false, stream);
        }) {}

  static std::vector<mx::Shape> shapes(const array& a) {
    const int rows = a.shape(-2), columns = a.shape(-1), least = std::min(rows, columns);
    mx::Shape values = batch_shape(a);
    values.push_back(least);
    return {
        with_matrix(batch_shape(a), rows, least),
        values,
        with_matrix(batch_shape(a), least, columns)};
  }

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    require(inputs[0].ndim() >= 2, "linalg.svd", inputs);
    return shapes(inputs[0]);
  }

  bool is_equivalent(const mx::Primitive&) const override {
    return true;
  }

  const char* name() const override {
    return "ThinSVD";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate_all(outputs);
    with_real(inputs[0].dtype(), [&]<class T>(T) {
      dispatch(stream(), singular_values<T>(inputs[0], Vectors::some, outputs));
    });
  }
};

template <class T>
struct OrthogonalFactor {
  Copy input;
  std::size_t count;
  Int rows, columns;
  T *q, *r;  // q in columns

  void operator()() const {
    const Int least = std::min(rows, columns);
    // Matrices that are not wide become Q where they are.
    const bool in_place = rows >= columns;
    const Buffer<T> copy(in_place ? 0 : count * rows * columns);
    T* const matrices = in_place ? q : copy.data();
    fill(input, matrices);
    lapack::for_matrices(count, 4.0 * rows * columns * least, [&](std::size_t i) {
      T* const matrix = matrices + i * rows * columns;
      T* const own_q = q + i * rows * least;
      factor(matrix, own_q, r + i * least * columns);
    });
  }

 private:
  void factor(T* matrix, T* own_q, T* own_r) const {
    const Int least = std::min(rows, columns);
    T* const tau = lapack::workspace<T, struct Factors>(least);
    Int info = 0, query = -1;
    T size = 0, other = 0;
    const auto& calls = lapack::routines<T>();
    calls.geqrf(&rows, &columns, matrix, &rows, tau, &size, &query, &info);
    calls.orgqr(&rows, &least, &least, matrix, &rows, tau, &other, &query, &info);
    const Int length = lapack::size_from(std::max(size, other));
    T* const work = lapack::workspace<T, struct Work>(length);
    calls.geqrf(&rows, &columns, matrix, &rows, tau, work, &length, &info);
    for (Int i = 0; i < least; i++) {
      std::fill(own_r + i * columns, own_r + i * columns + i, T(0));
    }
    for (Int j = 0; j < columns; j++) {
      for (Int i = 0; i < std::min(j + 1, least); i++) {
        own_r[i * columns + j] = matrix[j * rows + i];
      }
    }
    if (matrix != own_q) {
      std::copy(matrix, matrix + rows * least, own_q);
    }
    calls.orgqr(&rows, &least, &least, own_q, &rows, tau, work, &length, &info);
  }
};

class Qr : public KernelOverride {
 public:
  using KernelOverride::KernelOverride;

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate_columns(outputs[0]);
    allocate_for(outputs[1]);
    const array& a = inputs[0];
    with_real(a.dtype(), [&]<class T>(T) {
      dispatch(
          stream(),
          OrthogonalFactor<T>{
              copy_in_columns(a),
              matrix_count(a),
              a.shape(-2),
              a.shape(-1),
              outputs[0].data<T>(),
              outputs[1].data<T>()});
    });
  }
};

}  // namespace

Override svd(array& node) {
  if (auto kernel = without_elements(node)) {
    return kernel;
  }
  if (!has_lapack() || mx::issubdtype(node.inputs()[0].dtype(), mx::complexfloating)) {
    return behind_checks(node, "svd");
  }
  return std::make_shared<Svd>(node.primitive_ptr());
}

Override qr(array& node) {
  if (auto kernel = without_elements(node)) {
    return kernel;
  }
  if (!has_lapack()) {
    return keep_mlx("no LAPACK");
  }
  return std::make_shared<Qr>(node.primitive_ptr());
}

}  // namespace mlx_c::cpu

namespace mlx_c::linalg {

namespace mx = mlx::core;

std::vector<mx::array> svd(
    const mx::array& a, bool compute_uv, bool full_matrices, mx::StreamOrDevice s) {
  if (!compute_uv || full_matrices || a.ndim() < 2 || a.shape(-1) == a.shape(-2)) {
    return mx::linalg::svd(a, compute_uv, s);
  }
  const auto shapes = cpu::ThinSvd::shapes(a);
  if (a.size() > 0 && cpu::takes(a, s)) {
    return mx::array::make_arrays(
        shapes,
        std::vector<mx::Dtype>(3, a.dtype()),
        std::make_shared<cpu::ThinSvd>(mx::to_stream(s)),
        {a});
  }
  auto results = mx::linalg::svd(a, true, s);
  for (std::size_t i : {0, 2}) {
    results[i] = mx::slice(results[i], mx::Shape(a.ndim(), 0), shapes[i], s);
  }
  return results;
}

}  // namespace mlx_c::linalg

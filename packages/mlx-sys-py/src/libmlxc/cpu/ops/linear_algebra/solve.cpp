// Systems of equations.
#include <mlx/linalg.h>

#include "cpu/ops/linear_algebra/batched.hpp"
#include "cpu/ops/linear_algebra/functions.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using lapack::Int;
using mx::array;

// Whether the shapes of inputs fit, which have the same axes before the matrices.
bool fits(const std::vector<array>& inputs) {
  const array &a = inputs[0], &b = inputs[1];
  return is_square(a) && b.ndim() == a.ndim() && b.shape(-2) == a.shape(-1) &&
      batch_shape(a) == batch_shape(b);
}

// LAPACK sees a transposed, and takes the right sides as columns.
template <class T>
struct Solution {
  Copy a, b;
  std::size_t count;
  Int n, columns;
  T* x;
  std::shared_ptr<Failures> failures;

  void operator()() const {
    const Buffer<T> matrices(count * n * n);
    fill(a, matrices.data());
    fill(b, x);
    const double operations = 0.7 * n * n * n + 2.0 * n * n * columns;
    lapack::for_matrices(count, operations, [&](std::size_t i) {
      solve(matrices.data() + i * n * n, x + i * n * columns);
    });
    failures->report();
  }

 private:
  void solve(T* matrix, T* right) const {
    Int* const pivots = lapack::workspace<Int, struct Pivots>(n);
    Int info = 0;
    const auto& calls = lapack::routines<T>();
    calls.getrf(&n, &n, matrix, &n, pivots, &info);
    if (info != 0) {
      failures->add(is_singular);
      return;
    }
    if (columns == 1) {
      calls.getrs("T", &n, &columns, matrix, &n, pivots, right, &n, &info, 1);
      return;
    }
    T* const sides = lapack::workspace<T, struct Columns>(n * columns);
    lapack::transpose(right, n, columns, columns, sides, n);
    calls.getrs("T", &n, &columns, matrix, &n, pivots, sides, &n, &info, 1);
    lapack::transpose(sides, columns, n, n, right, columns);
  }
};

class Solve : public Batched {
 public:
  explicit Solve(mx::Stream stream)
      : Batched(stream, [stream](const std::vector<array>& inputs) {
          return std::vector<array>{linalg::solve(inputs[0], inputs[1], stream)};
        }) {}

  std::vector<array> vjp(
      const std::vector<array>& primals,
      const std::vector<array>& cotangents,
      const std::vector<int>& argnums,
      const std::vector<array>& outputs) override {
    const array b = linalg::solve(transposed(primals[0], stream()), cotangents[0], stream());
    std::vector<array> results;
    for (int argnum : argnums) {
      results.push_back(
          argnum == 1
              ? b
              : mx::negative(mx::matmul(b, transposed(outputs[0], stream()), stream()), stream()));
    }
    return results;
  }

  std::vector<array> jvp(
      const std::vector<array>& primals,
      const std::vector<array>& tangents,
      const std::vector<int>& argnums) override {
    array b = mx::zeros_like(primals[1], stream());
    for (std::size_t i = 0; i < argnums.size(); i++) {
      if (argnums[i] == 1) {
        b = mx::add(b, tangents[i], stream());
      } else {
        const array x = linalg::solve(primals[0], primals[1], stream());
        b = mx::subtract(b, mx::matmul(tangents[i], x, stream()), stream());
      }
    }
    return {linalg::solve(primals[0], b, stream())};
  }

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    require(fits(inputs), "linalg.solve", inputs);
    return {inputs[1].shape()};
  }

  bool is_equivalent(const mx::Primitive&) const override {
    return true;
  }

  const char* name() const override {
    return "Solve";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate_all(outputs);
    with_real(outputs[0].dtype(), [&]<class T>(T) {
      dispatch(
          stream(),
          Solution<T>{
              copy_in_order(inputs[0]),
              copy_in_order(inputs[1]),
              matrix_count(inputs[0]),
              inputs[0].shape(-1),
              inputs[1].shape(-1),
              outputs[0].data<T>(),
              std::make_shared<Failures>("solve", ErrorReport(outputs[0]))});
    });
  }
};

template <class T>
struct TriangularSolution {
  Copy a, b;
  std::size_t count;
  Int n, columns;
  bool upper;
  T* x;

  // The right sides are rows of what LAPACK sees: X A' = B' instead of A X = B.
  void operator()() const {
    const Buffer<T> matrices(count * n * n);
    fill(a, matrices.data());
    fill(b, x);
    lapack::for_matrices(count, 1.0 * n * n * columns, [&](std::size_t i) {
      const T one = 1;
      lapack::routines<T>().trsm(
          "R",
          upper ? "L" : "U",
          "N",
          "N",
          &columns,
          &n,
          &one,
          matrices.data() + i * n * n,
          &n,
          x + i * n * columns,
          &columns,
          1,
          1,
          1,
          1);
    });
  }
};

class SolveTriangular : public Batched {
 public:
  SolveTriangular(mx::Stream stream, bool upper)
      : Batched(
            stream,
            [stream, upper](const std::vector<array>& inputs) {
              return std::vector<array>{
                  linalg::solve_triangular(inputs[0], inputs[1], upper, stream)};
            }),
        upper_(upper) {}

  std::vector<array> vjp(
      const std::vector<array>& primals,
      const std::vector<array>& cotangents,
      const std::vector<int>& argnums,
      const std::vector<array>& outputs) override {
    const auto s = stream();
    const array b = linalg::solve_triangular(transposed(primals[0], s), cotangents[0], !upper_, s);
    std::vector<array> results;
    for (int argnum : argnums) {
      results.push_back(
          argnum == 1 ? b : triangle(mx::negative(mx::matmul(b, transposed(outputs[0], s), s), s)));
    }
    return results;
  }

  std::vector<array> jvp(
      const std::vector<array>& primals,
      const std::vector<array>& tangents,
      const std::vector<int>& argnums) override {
    const auto s = stream();
    array b = mx::zeros_like(primals[1], s);
    for (std::size_t i = 0; i < argnums.size(); i++) {
      if (argnums[i] == 1) {
        b = mx::add(b, tangents[i], s);
      } else {
        const array x = linalg::solve_triangular(primals[0], primals[1], upper_, s);
        b = mx::subtract(b, mx::matmul(triangle(tangents[i]), x, s), s);
      }
    }
    return {linalg::solve_triangular(primals[0], b, upper_, s)};
  }

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    require(fits(inputs), "linalg.solve_triangular", inputs);
    return {inputs[1].shape()};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    return upper_ == static_cast<const SolveTriangular&>(other).upper_;
  }

  const char* name() const override {
    return "SolveTriangular";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate_all(outputs);
    with_real(outputs[0].dtype(), [&]<class T>(T) {
      dispatch(
          stream(),
          TriangularSolution<T>{
              copy_in_order(inputs[0]),
              copy_in_order(inputs[1]),
              matrix_count(inputs[0]),
              inputs[0].shape(-1),
              inputs[1].shape(-1),
              upper_,
              outputs[0].data<T>()});
    });
  }

 private:
  array triangle(const array& a) {
    return upper_ ? mx::triu(a, 0, stream()) : mx::tril(a, 0, stream());
  }

  const bool upper_;
};

// The solution as a node that `make` gives a primitive; none if MLX's function is to be asked.
template <class F>
std::optional<array> solved(const array& a, const array& b, mx::StreamOrDevice s, F make) {
  const bool is_vector = b.ndim() == 1;
  if (b.ndim() == 0 || !is_square(a) || b.shape(is_vector ? -1 : -2) != a.shape(-1)) {
    return std::nullopt;
  }
  const mx::Dtype type = mx::promote_types(a.dtype(), b.dtype());
  const array sides = is_vector ? mx::expand_dims(b, -1, s) : b;
  const bool is_empty = a.size() == 0 || b.size() == 0;
  const bool real = mx::issubdtype(type, mx::floating);
  if (!real || (!is_empty && !takes(mx::astype(a, type, s), s))) {
    return std::nullopt;
  }
  const mx::Shape batch = mx::broadcast_shapes(batch_shape(a), batch_shape(sides));
  const int n = a.shape(-1), columns = sides.shape(-1);
  const mx::Shape shape = with_matrix(batch, n, columns);
  const array x = is_empty ? mx::zeros(shape, type, s)
                           : array(
                                 shape,
                                 type,
                                 make(mx::to_stream(s)),
                                 {with_batch(mx::astype(a, type, s), batch, s),
                                  with_batch(mx::astype(sides, type, s), batch, s)});
  return is_vector ? mx::squeeze(x, -1, s) : x;
}

}  // namespace

}  // namespace mlx_c::cpu

namespace mlx_c::linalg {

namespace mx = mlx::core;

mx::array solve(const mx::array& a, const mx::array& b, mx::StreamOrDevice s) {
  const auto x =
      cpu::solved(a, b, s, [](mx::Stream stream) { return std::make_shared<cpu::Solve>(stream); });
  return x ? *x : mx::linalg::solve(a, b, s);
}

mx::array solve_triangular(
    const mx::array& a, const mx::array& b, bool upper, mx::StreamOrDevice s) {
  const auto x = cpu::solved(a, b, s, [&](mx::Stream stream) {
    return std::make_shared<cpu::SolveTriangular>(stream, upper);
  });
  return x ? *x : mx::linalg::solve_triangular(a, b, upper, s);
}

}  // namespace mlx_c::linalg

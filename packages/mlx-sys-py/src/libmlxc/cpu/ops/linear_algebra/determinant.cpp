// Determinants, and what they change by.
#include <algorithm>
#include <limits>

#include <mlx/linalg.h>

#include "cpu/ops/linear_algebra/batched.hpp"
#include "cpu/ops/linear_algebra/functions.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using lapack::Int;
using mx::array;

// Factorises a and returns the sign of the row exchanges.
template <class T>
int factorize(T* a, Int n, Int* pivots) {
  Int info = 0;
  lapack::routines<T>().getrf(&n, &n, a, &n, pivots, &info);
  int sign = 1;
  for (Int i = 0; i < n; i++) {
    sign = pivots[i] != i + 1 ? -sign : sign;
  }
  return sign;
}

// The product of the diagonal of a factor: in double precision, as it may leave the range on the
// way.
template <class T>
double determinant(const T* a, Int n, int sign) {
  double product = sign;
  for (Int i = 0; i < n; i++) {
    product *= a[i * (n + 1)];
  }
  return product;
}

template <class T>
struct Determinants {
  Copy input;
  std::size_t count;
  Int n;
  T *result, *logarithms;  // without logarithms, the result is no sign

  void operator()() const {
    const Buffer<T> copy(count * n * n);
    fill(input, copy.data());
    lapack::for_matrices(count, 0.7 * n * n * n, [&](std::size_t i) {
      T* const a = copy.data() + i * n * n;
      const int sign = factorize(a, n, lapack::workspace<Int, struct Pivots>(n));
      if (!logarithms) {
        result[i] = static_cast<T>(determinant(a, n, sign));
        return;
      }
      T product = static_cast<T>(sign), sum = 0;
      for (Int j = 0; j < n; j++) {
        const T x = a[j * (n + 1)];
        product *= std::isnan(x) ? x : static_cast<T>((x > 0) - (x < 0));
        sum += std::log(std::abs(x));
      }
      result[i] = product;
      logarithms[i] = sum;
    });
  }
};

// The derivative of the determinant by each element. Of a matrix that is not singular it is the
// transposed inverse times the determinant; in general it is U diag(products of the other singular
// values) V^T times the signs of the determinants of U and V.
template <class T>
struct CofactorMatrices {
  Copy input;
  std::size_t count;
  Int n;
  T* result;
  std::shared_ptr<Failures> failures;

  void operator()() const {
    const Buffer<T> copy(count * n * n);
    fill(input, copy.data());
    lapack::for_matrices(count, 3.0 * n * n * n, [&](std::size_t i) {
      const T* const a = copy.data() + i * n * n;
      T* const inverse = lapack::workspace<T, struct Inverses>(n * n);
      // Column-major: this is the inverse of a transposed, which reads as that of a.
      std::copy(a, a + n * n, inverse);
      if (!is_finite(a, n, n, Part::all)) {
        std::fill(result + i * n * n, result + (i + 1) * n * n, T(NAN));
      } else if (!from_inverse(inverse, result + i * n * n)) {
        std::copy(a, a + n * n, inverse);
        from_singular_values(inverse, result + i * n * n);
      }
    });
    failures->report();
  }

 private:
  bool from_inverse(T* a, T* cofactors) const {
    Int* const pivots = lapack::workspace<Int, struct Pivots>(n);
    const int sign = factorize(a, n, pivots);
    T least = std::numeric_limits<T>::infinity(), most = 0;
    for (Int i = 0; i < n; i++) {
      least = std::min(least, std::abs(a[i * (n + 1)]));
      most = std::max(most, std::abs(a[i * (n + 1)]));
    }
    if (!(least > most * std::sqrt(std::numeric_limits<T>::epsilon()))) {
      return false;
    }
    const auto factor = static_cast<T>(determinant(a, n, sign));
    Int info = 0, query = -1;
    T size = 0;
    const auto& getri = lapack::routines<T>().getri;
    getri(&n, a, &n, pivots, &size, &query, &info);
    const Int length = lapack::size_from(size);
    getri(&n, a, &n, pivots, lapack::workspace<T, struct Work>(length), &length, &info);
    lapack::transpose(a, n, n, n, cofactors, n);
    std::transform(cofactors, cofactors + n * n, cofactors, [=](T x) { return x * factor; });
    return true;
  }

  void from_singular_values(T* a, T* cofactors) const {
    T* const vectors = lapack::workspace<T, struct Vectors>(3 * n * n + 3 * n);
    T *const u = vectors, *const vt = u + n * n, *const other = vt + n * n;
    T *const s = other + n * n, *const before = s + n, *const behind = before + n;
    Int* const integers = lapack::workspace<Int, struct IntegerWork>(8 * n);
    Int info = 0, query = -1;
    T size = 0;
    const auto& gesdd = lapack::routines<T>().gesdd;
    gesdd("A", &n, &n, a, &n, s, vt, &n, u, &n, &size, &query, integers, &info, 1);
    const Int length = lapack::size_from(size);
    T* const work = lapack::workspace<T, struct Work>(length);
    gesdd("A", &n, &n, a, &n, s, vt, &n, u, &n, work, &length, integers, &info, 1);
    if (info != 0) {
      failures->add(not_converged);
    }
    double sign = 1;
    for (const T* matrix : {u, vt}) {
      std::copy(matrix, matrix + n * n, other);
      sign *= determinant(other, n, factorize(other, n, integers)) < 0 ? -1 : 1;
    }
    double product = sign;
    for (Int i = 0; i < n; i++) {
      before[i] = static_cast<T>(product);
      product *= s[i];
    }
    product = 1;
    for (Int i = n - 1; i >= 0; i--) {
      behind[i] = static_cast<T>(product);
      product *= s[i];
    }
    std::fill(cofactors, cofactors + n * n, T(0));
    for (Int i = 0; i < n; i++) {
      for (Int j = 0; j < n; j++) {
        const T factor = u[i * n + j] * before[j] * behind[j];
        for (Int k = 0; k < n; k++) {
          cofactors[i * n + k] += factor * vt[j * n + k];
        }
      }
    }
  }
};

array inverse_transposed(const array& a, mx::Stream s) {
  return transposed(mx::linalg::inv(a, s), s);
}

array spread(const array& a, mx::Stream s) {
  return mx::expand_dims(a, {-2, -1}, s);
}

array trace_of_products(const array& a, const array& b, mx::Stream s) {
  return mx::sum(mx::multiply(a, b, s), {-2, -1}, false, s);
}

array cofactors(const array& a, mx::Stream s);

class Cofactors : public Batched {
 public:
  explicit Cofactors(mx::Stream stream)
      : Batched(stream, [stream](const std::vector<array>& inputs) {
          return std::vector<array>{cofactors(inputs[0], stream)};
        }) {}

  // Where the matrix is singular, there is an inverse no more: that is an error.
  std::vector<array> vjp(
      const std::vector<array>& primals,
      const std::vector<array>& cotangents,
      const std::vector<int>&,
      const std::vector<array>& outputs) override {
    const auto s = stream();
    const array inverse = inverse_transposed(primals[0], s);
    return {mx::subtract(
        mx::multiply(spread(trace_of_products(cotangents[0], outputs[0], s), s), inverse, s),
        mx::matmul(outputs[0], mx::matmul(transposed(cotangents[0], s), inverse, s), s),
        s)};
  }

  std::vector<array> jvp(
      const std::vector<array>& primals,
      const std::vector<array>& tangents,
      const std::vector<int>&) override {
    const auto s = stream();
    const array inverse = inverse_transposed(primals[0], s), output = cofactors(primals[0], s);
    return {mx::subtract(
        mx::multiply(spread(trace_of_products(inverse, tangents[0], s), s), output, s),
        mx::matmul(output, mx::matmul(transposed(tangents[0], s), inverse, s), s),
        s)};
  }

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    require(is_square(inputs[0]), "linalg.det", inputs);
    return {inputs[0].shape()};
  }

  bool is_equivalent(const mx::Primitive&) const override {
    return true;
  }

  const char* name() const override {
    return "Cofactors";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate_all(outputs);
    const array& a = inputs[0];
    with_real(a.dtype(), [&]<class T>(T) {
      dispatch(
          stream(),
          CofactorMatrices<T>{
              copy_in_order(a),
              matrix_count(a),
              a.shape(-1),
              outputs[0].data<T>(),
              std::make_shared<Failures>("det", ErrorReport(outputs[0]))});
    });
  }
};

array cofactors(const array& a, mx::Stream s) {
  return array(a.shape(), a.dtype(), std::make_shared<Cofactors>(s), {a});
}

class Determinant : public Batched {
 public:
  Determinant(mx::Stream stream, bool logarithm)
      : Batched(
            stream,
            [stream, logarithm](const std::vector<array>& inputs) {
              if (!logarithm) {
                return std::vector<array>{linalg::det(inputs[0], stream)};
              }
              const auto [sign, value] = linalg::slogdet(inputs[0], stream);
              return std::vector<array>{sign, value};
            }),
        logarithm_(logarithm) {}

  std::vector<array> vjp(
      const std::vector<array>& primals,
      const std::vector<array>& cotangents,
      const std::vector<int>&,
      const std::vector<array>&) override {
    return {mx::multiply(spread(cotangents.back(), stream()), slope(primals[0]), stream())};
  }

  std::vector<array> jvp(
      const std::vector<array>& primals,
      const std::vector<array>& tangents,
      const std::vector<int>&) override {
    array change = trace_of_products(slope(primals[0]), tangents[0], stream());
    if (!logarithm_) {
      return {change};
    }
    return {mx::zeros_like(change, stream()), change};
  }

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    require(is_square(inputs[0]), logarithm_ ? "linalg.slogdet" : "linalg.det", inputs);
    return std::vector<mx::Shape>(logarithm_ ? 2 : 1, batch_shape(inputs[0]));
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    return logarithm_ == static_cast<const Determinant&>(other).logarithm_;
  }

  const char* name() const override {
    return "Determinant";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate_all(outputs);
    const array& a = inputs[0];
    with_real(a.dtype(), [&]<class T>(T) {
      dispatch(
          stream(),
          Determinants<T>{
              copy_in_order(a),
              matrix_count(a),
              a.shape(-1),
              outputs[0].data<T>(),
              logarithm_ ? outputs[1].data<T>() : nullptr});
    });
  }

  // The product of no factors is 1.
  void fill_without_inputs(std::vector<array>& outputs) const override {
    Fused::fill_without_inputs(outputs);
    with_real(outputs[0].dtype(), [&]<class T>(T) {
      std::fill_n(outputs[0].data<T>(), outputs[0].size(), T(1));
    });
  }

 private:
  // What the last output changes by.
  array slope(const array& a) {
    return logarithm_ ? inverse_transposed(a, stream()) : cofactors(a, stream());
  }

  const bool logarithm_;
};

}  // namespace

}  // namespace mlx_c::cpu

namespace mlx_c::linalg {

namespace mx = mlx::core;

mx::array det(const mx::array& a, mx::StreamOrDevice s) {
  if (!cpu::is_square(a) || (a.size() > 0 && !cpu::takes(a, s))) {
    return mx::linalg::det(a, s);
  }
  const mx::Shape shape = cpu::batch_shape(a);
  if (a.size() == 0) {
    return mx::ones(shape, a.dtype(), s);
  }
  return mx::array(
      shape, a.dtype(), std::make_shared<cpu::Determinant>(mx::to_stream(s), false), {a});
}

std::pair<mx::array, mx::array> slogdet(const mx::array& a, mx::StreamOrDevice s) {
  if (!cpu::is_square(a) || (a.size() > 0 && !cpu::takes(a, s))) {
    return mx::linalg::slogdet(a, s);
  }
  const mx::Shape shape = cpu::batch_shape(a);
  if (a.size() == 0) {
    return {mx::ones(shape, a.dtype(), s), mx::zeros(shape, a.dtype(), s)};
  }
  auto results = mx::array::make_arrays(
      {shape, shape},
      {a.dtype(), a.dtype()},
      std::make_shared<cpu::Determinant>(mx::to_stream(s), true),
      {a});
  return {results[0], results[1]};
}

}  // namespace mlx_c::linalg

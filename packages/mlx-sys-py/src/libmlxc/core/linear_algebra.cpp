#include "core/linear_algebra.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <mlx/linalg.h>
#include <mlx/ops.h>
#include <mlx/transforms.h>

#include "core/products.hpp"
#include "core/statistics.hpp"
#include "cpu/nodes/fused.hpp"

namespace mlx_c::linalg {

namespace mx = mlx::core;
using mx::array;

namespace {

[[noreturn]] void refuse(const char* function, const std::string& problem) {
  throw std::invalid_argument("[linalg." + std::string(function) + "] " + problem);
}

void check_matrices(const array& a, const char* function, const char* name = "x") {
  if (a.ndim() < 2) {
    refuse(
        function,
        std::string(name) + " needs at least two dimensions, not " + std::to_string(a.ndim()));
  }
}

void check_square(const array& a, const char* function) {
  check_matrices(a, function);
  if (a.shape(-1) != a.shape(-2)) {
    std::ostringstream problem;
    problem << "x needs square matrices, not matrices of the shape " << a.shape();
    refuse(function, problem.str());
  }
}

double epsilon(mx::Dtype type) {
  return type == mx::float64 ? std::numeric_limits<double>::epsilon()
                             : std::numeric_limits<float>::epsilon();
}

int longer(const array& a) {
  return std::max(a.shape(-1), a.shape(-2));
}

array transposed(const array& a, mx::StreamOrDevice s) {
  return mx::swapaxes(a, -1, -2, s);
}

array singular_values(const array& a, mx::StreamOrDevice s) {
  return mx::linalg::svd(a, false, s)[0];
}

// The largest along the last axis, which stays; 0 if there is none.
array largest(const array& values, mx::StreamOrDevice s) {
  if (values.shape(-1) > 0) {
    return mx::max(values, -1, true, s);
  }
  mx::Shape shape = values.shape();
  shape.back() = 1;
  return mx::zeros(shape, values.dtype(), s);
}

// What singular values are compared with: one number for each matrix, beside its values.
array cutoff(
    const array& values, const std::optional<array>& rtol, double otherwise, mx::StreamOrDevice s) {
  const array relative = rtol ? mx::astype(mx::expand_dims(*rtol, -1, s), values.dtype(), s)
                              : array(otherwise, values.dtype());
  return mx::multiply(relative, largest(values, s), s);
}

array pseudo_inverse(const array& a, const std::optional<array>& rtol, mx::StreamOrDevice s) {
  const auto factors = svd(a, true, false, s);
  const array& values = factors[1];
  const array limit = cutoff(values, rtol, 10.0 * longer(a) * epsilon(a.dtype()), s);
  const array is_large = mx::greater(values, limit, s), one(1, a.dtype()), zero(0, a.dtype());
  const array inverses =
      mx::where(is_large, mx::divide(one, mx::where(is_large, values, one, s), s), zero, s);
  return mx::matmul(
      mx::multiply(transposed(factors[2], s), mx::expand_dims(inverses, -2, s), s),
      transposed(factors[0], s),
      s);
}

// I - a b
array rest_of_identity(const array& a, const array& b, mx::StreamOrDevice s) {
  return mx::subtract(mx::eye(a.shape(-2), a.dtype(), s), mx::matmul(a, b, s), s);
}

// Where the rank stays what it is, Golub and Pereyra's derivative:
// dP = -P dA P + P P^T dA^T (I - A P) + (I - P A) dA^T P^T P
array change_of_inverse(const array& a, const array& p, const array& change, mx::StreamOrDevice s) {
  const array change_t = transposed(change, s), p_t = transposed(p, s);
  const array first = mx::matmul(p, mx::matmul(change, p, s), s);
  const array second =
      mx::matmul(mx::matmul(p, p_t, s), mx::matmul(change_t, rest_of_identity(a, p, s), s), s);
  const array third =
      mx::matmul(mx::matmul(rest_of_identity(p, a, s), change_t, s), mx::matmul(p_t, p, s), s);
  return mx::add(mx::subtract(second, first, s), third, s);
}

// The shape of a product of matrices, `count` of which have these rows and columns.
struct Order {
  std::vector<std::vector<double>> cost;
  std::vector<std::vector<std::size_t>> split;

  explicit Order(const std::vector<array>& matrices)
      : cost(matrices.size(), std::vector<double>(matrices.size())),
        split(matrices.size(), std::vector<std::size_t>(matrices.size())) {
    const std::size_t count = matrices.size();
    for (std::size_t length = 1; length < count; length++) {
      for (std::size_t i = 0; i + length < count; i++) {
        const std::size_t j = i + length;
        cost[i][j] = std::numeric_limits<double>::infinity();
        for (std::size_t k = i; k < j; k++) {
          const double sum = cost[i][k] + cost[k + 1][j] +
              1.0 * matrices[i].shape(0) * matrices[k].shape(1) * matrices[j].shape(1);
          if (sum < cost[i][j]) {
            cost[i][j] = sum;
            split[i][j] = k;
          }
        }
      }
    }
  }

  array product(
      const std::vector<array>& matrices,
      std::size_t first,
      std::size_t last,
      mx::StreamOrDevice s) const {
    if (first == last) {
      return matrices[first];
    }
    const std::size_t k = split[first][last];
    return general_matmul(product(matrices, first, k, s), product(matrices, k + 1, last, s), s);
  }
};

}  // namespace

array diagonal(const array& x, int offset, mx::StreamOrDevice s) {
  check_matrices(x, "diagonal");
  // The copy is for an empty diagonal: MLX reductions run away over the view of it.
  return mx::contiguous(mx::diagonal(x, offset, -2, -1, s), false, s);
}

array trace(const array& x, int offset, mx::Dtype dtype, mx::StreamOrDevice s) {
  check_matrices(x, "trace");
  return mx::sum(mx::astype(diagonal(x, offset, s), dtype, s), -1, false, s);
}

array vector_norm(
    const array& x,
    double ord,
    const std::optional<std::vector<int>>& axes,
    bool keepdims,
    mx::StreamOrDevice s) {
  const int ndim = static_cast<int>(x.ndim());
  std::vector<bool> is_reduced(ndim, !axes);
  for (int axis : axes ? *axes : std::vector<int>{}) {
    const int place = axis < 0 ? axis + ndim : axis;
    if (place < 0 || place >= ndim) {
      throw std::out_of_range(
          "[linalg.vector_norm] axis " + std::to_string(axis) + " is out of bounds for " +
          std::to_string(ndim) + " dimensions");
    }
    if (is_reduced[place]) {
      refuse("vector_norm", "axis " + std::to_string(axis) + " is given twice");
    }
    is_reduced[place] = true;
  }
  // The reduced axes become one, the last.
  std::vector<int> order;
  mx::Shape kept, with_ones;
  int length = 1;
  for (bool reduced : {false, true}) {
    for (int axis = 0; axis < ndim; axis++) {
      if (is_reduced[axis] == reduced) {
        order.push_back(axis);
        reduced ? (void)(length *= x.shape(axis)) : kept.push_back(x.shape(axis));
      }
    }
  }
  for (int axis = 0; axis < ndim; axis++) {
    with_ones.push_back(is_reduced[axis] ? 1 : x.shape(axis));
  }
  mx::Shape flat = kept;
  flat.push_back(length);
  array vectors = mx::reshape(mx::transpose(x, order, s), flat, s);
  if (!mx::issubdtype(x.dtype(), mx::inexact)) {
    vectors = mx::astype(vectors, mx::float32, s);
  }
  array result = vectors;
  if (ord == 0) {
    result = mx::sum(
        mx::astype(mx::not_equal(vectors, array(0, vectors.dtype()), s), vectors.dtype(), s),
        -1,
        false,
        s);
    if (mx::issubdtype(result.dtype(), mx::complexfloating)) {
      result = mx::real(result, s);
    }
  } else if (length == 0 && ord > 0 && std::isinf(ord)) {
    result = mx::zeros(kept, mx::abs(vectors, s).dtype(), s);
  } else {
    result = norm(vectors, ord, std::vector<int>{-1}, false, s);
  }
  return keepdims ? mx::reshape(result, with_ones, s) : result;
}

array matrix_power(const array& x, int n, mx::StreamOrDevice s) {
  check_square(x, "matrix_power");
  if (n == 0) {
    return mx::broadcast_to(mx::eye(x.shape(-1), x.dtype(), s), x.shape(), s);
  }
  array base = n < 0 ? mx::linalg::inv(x, s) : x;
  std::optional<array> result;
  for (auto rest = static_cast<std::uint32_t>(std::abs(static_cast<std::int64_t>(n)));;) {
    if (rest & 1) {
      result = result ? general_matmul(*result, base, s) : base;
    }
    rest >>= 1;
    if (rest == 0) {
      return *result;
    }
    base = general_matmul(base, base, s);
  }
}

array matrix_rank(const array& x, const std::optional<array>& rtol, mx::StreamOrDevice s) {
  check_matrices(x, "matrix_rank");
  const array values = singular_values(x, s);
  const array limit = cutoff(values, rtol, longer(x) * epsilon(x.dtype()), s);
  return mx::sum(mx::astype(mx::greater(values, limit, s), mx::int32, s), -1, false, s);
}

array pinv(const array& a, const std::optional<array>& rtol, mx::StreamOrDevice s) {
  check_matrices(a, "pinv", "a");
  if (a.size() == 0) {
    return transposed(a, s);
  }
  if (!cpu::can_fuse(s)) {
    return pseudo_inverse(a, rtol, s);
  }
  const auto fixed = rtol ? std::optional(mx::stop_gradient(*rtol, s)) : std::nullopt;
  const auto function = [=](const std::vector<array>& inputs) {
    return std::vector<array>{pseudo_inverse(inputs[0], fixed, s)};
  };
  const auto vjp = [=](const std::vector<array>& primals,
                       const std::vector<array>& cotangents,
                       const std::vector<array>&) {
    // What is adjoint to the change is that of the transpose.
    const array p = pinv(primals[0], fixed, s);
    return std::vector<array>{
        change_of_inverse(transposed(primals[0], s), transposed(p, s), cotangents[0], s)};
  };
  const auto jvp = [=](const std::vector<array>& primals,
                       const std::vector<array>& tangents,
                       const std::vector<int>&) {
    const array p = pinv(primals[0], fixed, s);
    return std::vector<array>{change_of_inverse(primals[0], p, tangents[0], s)};
  };
  return mx::custom_function(function, vjp, jvp)({a})[0];
}

array pinv(const array& a, mx::StreamOrDevice s) {
  return pinv(a, std::nullopt, s);
}

array cond(const array& x, double p, mx::StreamOrDevice s) {
  check_matrices(x, "cond");
  if (x.shape(-1) == 0 || x.shape(-2) == 0) {
    refuse("cond", "x holds matrices without elements");
  }
  const std::vector<int> axes{-2, -1};
  if (std::abs(p) != 2) {
    check_square(x, "cond");
    return mx::multiply(
        norm(x, p, axes, false, s), norm(mx::linalg::inv(x, s), p, axes, false, s), s);
  }
  const array values = singular_values(x, s);
  const array most = mx::max(values, -1, false, s), least = mx::min(values, -1, false, s);
  return p < 0 ? mx::divide(least, most, s) : mx::divide(most, least, s);
}

array cond(const array& x, const std::string& p, mx::StreamOrDevice s) {
  check_square(x, "cond");
  const std::vector<int> axes{-2, -1};
  return mx::multiply(
      mx::linalg::norm(x, p, axes, false, s),
      mx::linalg::norm(mx::linalg::inv(x, s), p, axes, false, s),
      s);
}

std::pair<array, array> qr_complete(const array& a, mx::StreamOrDevice s) {
  if (a.ndim() < 2 || a.shape(-2) <= a.shape(-1)) {
    return mx::linalg::qr(a, s);
  }
  // The first columns of the factors are those of A; an identity matrix behind it gives the rest.
  const int rows = a.shape(-2);
  mx::Shape square = a.shape();
  square.back() = rows;
  const array rest = mx::broadcast_to(mx::eye(rows, a.dtype(), s), square, s);
  const auto [q, r] = mx::linalg::qr(mx::concatenate({a, rest}, -1, s), s);
  return {q, mx::slice(r, mx::Shape(a.ndim(), 0), a.shape(), s)};
}

array multi_dot(const std::vector<array>& arrays, mx::StreamOrDevice s) {
  if (arrays.size() < 2) {
    refuse("multi_dot", "arrays must hold at least two");
  }
  std::vector<array> matrices = arrays;
  const bool first_is_vector = matrices.front().ndim() == 1,
             last_is_vector = matrices.back().ndim() == 1;
  if (first_is_vector) {
    matrices.front() = mx::expand_dims(matrices.front(), 0, s);
  }
  if (last_is_vector) {
    matrices.back() = mx::expand_dims(matrices.back(), 1, s);
  }
  for (std::size_t i = 0; i < matrices.size(); i++) {
    if (matrices[i].ndim() != 2) {
      refuse(
          "multi_dot",
          "arrays[" + std::to_string(i) + "] has " + std::to_string(arrays[i].ndim()) +
              " dimensions, where a matrix is needed");
    }
    if (i > 0 && matrices[i - 1].shape(1) != matrices[i].shape(0)) {
      std::ostringstream problem;
      problem << "arrays[" << i - 1 << "] and arrays[" << i << "] of the shapes "
              << arrays[i - 1].shape() << " and " << arrays[i].shape() << " do not fit";
      refuse("multi_dot", problem.str());
    }
  }
  array result = Order(matrices).product(matrices, 0, matrices.size() - 1, s);
  if (last_is_vector) {
    result = mx::squeeze(result, 1, s);
  }
  return first_is_vector ? mx::squeeze(result, 0, s) : result;
}

std::vector<array> lstsq(
    const array& a, const array& b, std::optional<float> rcond, mx::StreamOrDevice s) {
  if (a.ndim() != 2) {
    refuse("lstsq", "a must be a matrix, not of " + std::to_string(a.ndim()) + " dimensions");
  }
  if (b.ndim() < 1 || b.ndim() > 2 || b.shape(0) != a.shape(0)) {
    std::ostringstream problem;
    problem << "b of the shape " << b.shape() << " does not fit a of the shape " << a.shape();
    refuse("lstsq", problem.str());
  }
  const auto type = mx::promote_types(mx::promote_types(a.dtype(), b.dtype()), mx::float32);
  const array matrix = mx::astype(a, type, s);
  const array sides = mx::astype(b.ndim() == 1 ? mx::expand_dims(b, 1, s) : b, type, s);
  const double relative = rcond ? (*rcond < 0 ? epsilon(type) : *rcond) : longer(a) * epsilon(type);
  const array rtol(relative, type);
  array x = mx::matmul(pinv(matrix, rtol, s), sides, s);
  const array values = singular_values(matrix, s);
  const array rank = matrix_rank(matrix, rtol, s);
  const array left = mx::subtract(sides, mx::matmul(matrix, x, s), s);
  const array squares = mx::sum(mx::square(left, s), 0, false, s);
  if (b.ndim() == 1) {
    x = mx::squeeze(x, 1, s);
  }
  return {x, squares, rank, values};
}

}  // namespace mlx_c::linalg

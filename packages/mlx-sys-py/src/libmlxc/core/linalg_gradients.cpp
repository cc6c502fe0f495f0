#include "core/linalg_gradients.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <mlx/linalg.h>
#include <mlx/ops.h>

#include "cpu/ops/linear_algebra/functions.hpp"

namespace mlx_c {

namespace {

namespace mx = mlx::core;
using mx::array;
using Arrays = std::vector<array>;

// Operations on matrices on one stream.
class Matrices {
 public:
  explicit Matrices(mx::Stream s) : s_(s) {}

  array transposed(const array& a) const {
    return mx::swapaxes(a, -1, -2, s_);
  }
  // The conjugate transpose.
  array adjoint(const array& a) const {
    return transposed(is_complex(a) ? mx::conjugate(a, s_) : a);
  }
  array product(const array& a, const array& b) const {
    return mx::matmul(a, b, s_);
  }
  template <class... Rest>
  array product(const array& a, const array& b, const Rest&... rest) const {
    return product(product(a, b), rest...);
  }
  array add(const array& a, const array& b) const {
    return mx::add(a, b, s_);
  }
  array subtract(const array& a, const array& b) const {
    return mx::subtract(a, b, s_);
  }
  array multiply(const array& a, const array& b) const {
    return mx::multiply(a, b, s_);
  }
  array scaled(const array& a, float factor) const {
    return multiply(a, array(factor, a.dtype()));
  }
  array lower(const array& a, int diagonal = 0) const {
    return mx::tril(a, diagonal, s_);
  }
  array upper(const array& a, int diagonal = 0) const {
    return mx::triu(a, diagonal, s_);
  }
  array symmetric(const array& a) const {
    return scaled(add(a, adjoint(a)), 0.5);
  }
  array skew(const array& a) const {
    return subtract(a, adjoint(a));
  }
  // Vectors as rows and as columns: what multiplies the columns of a matrix, and its rows.
  array row(const array& a) const {
    return mx::expand_dims(a, -2, s_);
  }
  array column(const array& a) const {
    return mx::expand_dims(a, -1, s_);
  }
  array diagonal(const array& a) const {
    return multiply(column(a), mx::eye(a.shape(-1), a.dtype(), s_));
  }
  // a / b without the diagonal of square matrices. Where b is 0, nothing is determined but that
  // 0 / 0 changes nothing: the quotient is 0 then, but not its derivative, and else NaN.
  array quotient(const array& a, const array& b, bool square = true) const {
    const array zero(0, a.dtype()), one(1, a.dtype()), nan(NAN, a.dtype());
    array is_zero = mx::equal(b, array(0, b.dtype()), s_), is_out = is_zero;
    if (square) {
      const array on_diagonal = mx::eye(b.shape(-1), mx::bool_, s_);
      is_out = mx::logical_or(is_zero, on_diagonal, s_);
      is_zero = mx::logical_and(is_zero, mx::logical_not(on_diagonal, s_), s_);
    }
    const array divisor = mx::where(is_out, array(1, b.dtype()), b, s_);
    const array determined = mx::where(is_out, zero, mx::divide(a, divisor, s_), s_);
    // The root of 0 is 0, and has no derivative.
    const array rest = mx::where(is_zero, mx::abs(a, s_), array(1, b.dtype()), s_);
    const array undetermined =
        mx::where(mx::equal(rest, array(0, rest.dtype()), s_), mx::sqrt(rest, s_), nan, s_);
    return add(determined, mx::where(is_zero, undetermined, zero, s_));
  }
  // A x = b and x A = b with A triangular.
  array solve(const array& a, const array& b, bool upper) const {
    return linalg::solve_triangular(a, b, upper, s_);
  }
  array solve_right(const array& a, const array& b, bool upper) const {
    return transposed(solve(transposed(a), transposed(b), !upper));
  }
  // A part of a matrix: rows and columns from one number to another.
  array part(const array& a, int row, int row_end, int column, int column_end) const {
    mx::Shape start(a.ndim(), 0), stop = a.shape();
    start[a.ndim() - 2] = row;
    stop[a.ndim() - 2] = row_end;
    start[a.ndim() - 1] = column;
    stop[a.ndim() - 1] = column_end;
    return mx::slice(a, start, stop, s_);
  }
  array columns(const array& a, int begin, int end) const {
    return part(a, 0, a.shape(-2), begin, end);
  }
  array rows(const array& a, int begin, int end) const {
    return part(a, begin, end, 0, a.shape(-1));
  }
  array beside(const array& a, const array& b) const {
    return mx::concatenate({a, b}, -1, s_);
  }
  array above(const array& a, const array& b) const {
    return mx::concatenate({a, b}, -2, s_);
  }
  mx::Stream stream() const {
    return s_;
  }

 private:
  static bool is_complex(const array& a) {
    return mx::issubdtype(a.dtype(), mx::complexfloating);
  }

  const mx::Stream s_;
};

// What a rule is given: a primitive of MLX, its input, its outputs and their cotangents.
struct Node {
  const mx::Primitive& primitive;
  const array& a;
  const Arrays& g;
  const Arrays& y;
  const Matrices m;
};

array eigh(const Node& node) {
  const Matrices& m = node.m;
  const auto [triangle, has_vectors] = static_cast<const mx::Eigh&>(node.primitive).state();
  Arrays y = node.y;
  if (!has_vectors) {
    const auto [w, v] = mx::linalg::eigh(node.a, triangle, m.stream());
    y = {w, v};
  }
  const array& v = y[1];
  array core = m.diagonal(mx::astype(node.g[0], v.dtype(), m.stream()));
  if (has_vectors) {
    const array& w = y[0];
    const array gaps = m.subtract(m.row(w), m.column(w));
    core = m.add(core, m.quotient(m.product(m.adjoint(v), node.g[1]), gaps));
  }
  return m.symmetric(m.product(v, core, m.adjoint(v)));
}

// `u` and `v` may hold more vectors than there are values.
array svd(const Node& node) {
  const Matrices& m = node.m;
  if (node.y.size() == 1) {
    const auto y = linalg::svd(node.a, true, false, m.stream());
    return m.product(m.multiply(y[0], m.row(node.g[0])), y[2]);
  }
  const array &u = node.y[0], &s = node.y[1], v = m.transposed(node.y[2]);
  const array &gu = node.g[0], gv = m.transposed(node.g[2]);
  const int count = s.shape(-1);
  const array u1 = m.columns(u, 0, count), v1 = m.columns(v, 0, count);
  const array of_u = m.product(m.transposed(u), gu), of_v = m.product(m.transposed(v), gv);
  const array x = m.skew(m.part(of_u, 0, count, 0, count));
  const array z = m.skew(m.part(of_v, 0, count, 0, count));
  // (x s_j + s_i z) / (s_j^2 - s_i^2), with the gap between values apart from their sum.
  const array gap = m.subtract(m.row(s), m.column(s)), sum = m.add(m.row(s), m.column(s));
  const auto part = [&](const array& a, float sign) {
    return m.scaled(m.add(m.quotient(a, gap), m.scaled(m.quotient(a, sum), sign)), 0.5);
  };
  const array core = m.add(m.diagonal(node.g[1]), m.add(part(x, 1), part(z, -1)));
  array result = m.product(u1, core, m.transposed(v1));
  // What the vectors gain from the space behind them: (I - U U^T) g if only these are there.
  const auto behind = [&](const array& all, const array& some, const array& g, const array& of) {
    if (all.shape(-1) == count) {
      return m.subtract(g, m.product(some, of));
    }
    const int end = all.shape(-1);
    return m.product(
        m.columns(all, count, end),
        m.subtract(
            m.part(of, count, end, 0, count), m.transposed(m.part(of, 0, count, count, end))));
  };
  if (u.shape(-2) > count) {
    result = m.add(
        result, m.product(m.quotient(behind(u, u1, gu, of_u), m.row(s), false), m.transposed(v1)));
  }
  if (v.shape(-2) > count) {
    result = m.add(
        result, m.product(u1, m.transposed(m.quotient(behind(v, v1, gv, of_v), m.row(s), false))));
  }
  return result;
}

array qr(const Node& node) {
  const Matrices& m = node.m;
  const array &q = node.y[0], &r = node.y[1], &gr = node.g[1];
  const int rows = node.a.shape(-2), columns = node.a.shape(-1);
  const auto of_square = [&](const array& square, const array& gq, const array& g) {
    const array x = m.subtract(m.product(square, m.transposed(g)), m.product(m.transposed(gq), q));
    const array symmetric = m.add(m.lower(x), m.transposed(m.lower(x, -1)));
    return m.solve_right(m.transposed(square), m.add(gq, m.product(q, symmetric)), false);
  };
  if (rows >= columns) {
    return of_square(r, node.g[0], m.upper(gr));
  }
  // The columns behind the first square of R are products with Q.
  const array rest = m.columns(node.a, rows, columns), g_rest = m.columns(gr, rows, columns);
  const array gq = m.add(node.g[0], m.product(rest, m.transposed(g_rest)));
  return m.beside(
      of_square(m.columns(r, 0, rows), gq, m.upper(m.columns(gr, 0, rows))), m.product(q, g_rest));
}

array cholesky(const Node& node) {
  const Matrices& m = node.m;
  const bool upper = static_cast<const mx::Cholesky&>(node.primitive).state();
  const array l = upper ? m.transposed(node.y[0]) : node.y[0];
  const array g = upper ? m.transposed(node.g[0]) : node.g[0];
  const array x = m.product(m.transposed(l), m.lower(g));
  const array half = m.scaled(m.add(m.lower(x), m.lower(x, -1)), 0.5);
  const array left = m.solve(m.transposed(l), half, true);
  return m.symmetric(m.solve_right(l, left, false));
}

array inverse(const Node& node) {
  const Matrices& m = node.m;
  const auto [is_triangular, upper] = static_cast<const mx::Inverse&>(node.primitive).state();
  const array y = m.transposed(node.y[0]);
  const array g = mx::negative(m.product(y, node.g[0], y), m.stream());
  return !is_triangular ? g : upper ? m.upper(g) : m.lower(g);
}

// Of both factors in one matrix; the other outputs are numbers of rows.
array lu(const Node& node) {
  const Matrices& m = node.m;
  const array &both = node.y[0], &g = node.g[0];
  const int rows = both.shape(-2), columns = both.shape(-1), count = std::min(rows, columns);
  const array square = m.part(both, 0, count, 0, count);
  const array l = m.add(m.lower(square, -1), mx::eye(count, both.dtype(), m.stream())),
              u = m.upper(square);
  array g_square = m.part(g, 0, count, 0, count);
  array gl = m.lower(g_square, -1), gu = m.upper(g_square);
  std::optional<array> rest;
  if (rows > count) {
    // L2 = A2 U^-1
    rest = m.solve_right(m.transposed(u), m.rows(g, count, rows), false);
    gu = m.subtract(gu, m.upper(m.product(m.transposed(m.rows(both, count, rows)), *rest)));
  } else if (columns > count) {
    // U2 = L^-1 A2
    rest = m.solve(m.transposed(l), m.columns(g, count, columns), true);
    gl = m.subtract(
        gl, m.lower(m.product(*rest, m.transposed(m.columns(both, count, columns))), -1));
  }
  const array core =
      m.add(m.lower(m.product(m.transposed(l), gl), -1), m.upper(m.product(gu, m.transposed(u))));
  array result = m.solve_right(m.transposed(u), m.solve(m.transposed(l), core, true), false);
  if (rest) {
    result = rows > count ? m.above(result, *rest) : m.beside(result, *rest);
  }
  // Row i of the product of the factors is row order[i] of A.
  const array places = mx::argsort(mx::stop_gradient(node.y[2], m.stream()), -1, m.stream());
  return mx::take_along_axis(result, m.column(places), -2, m.stream());
}

using Rule = array (*)(const Node& node);

const std::unordered_map<std::string_view, Rule> rules{
    {"Cholesky", cholesky},
    {"Eigh", eigh},
    {"Inverse", inverse},
    {"LUF", lu},
    {"QRF", qr},
    {"SVD", svd},
    {"ThinSVD", svd},
};

}  // namespace

bool is_factorization(const array& node) {
  return node.inputs().size() == 1 && rules.contains(node.primitive().name());
}

array factorization_gradient(
    mx::Primitive& primitive, const array& input, const Arrays& cotangents, const Arrays& outputs) {
  const auto rule = rules.at(primitive.name());
  return rule({primitive, input, cotangents, outputs, Matrices(primitive.stream())});
}

}  // namespace mlx_c

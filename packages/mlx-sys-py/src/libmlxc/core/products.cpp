#include "core/products.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <mlx/einsum.h>
#include <mlx/ops.h>

#include "cpu/ops/integer_matmul.hpp"

namespace mlx_c {

namespace mx = mlx::core;
using mx::array;

namespace {

bool is_integer(mx::Dtype type) {
  return !mx::issubdtype(type, mx::inexact);
}

bool are_integers(const array& a, const array& b) {
  return is_integer(a.dtype()) && is_integer(b.dtype());
}

template <class... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw std::invalid_argument(message.str());
}

mx::Shape leading(const array& a) {
  return {a.shape().begin(), a.shape().end() - 2};
}

array with_leading(const array& a, mx::Shape shape, mx::StreamOrDevice s) {
  if (leading(a) == shape) {
    return a;
  }
  shape.push_back(a.shape(-2));
  shape.push_back(a.shape(-1));
  return mx::broadcast_to(a, shape, s);
}

// Axes in another order, as the axes of a matrix: those up to `rows`, and the others.
array as_matrix(
    const array& a, const std::vector<int>& order, std::size_t rows, mx::StreamOrDevice s) {
  int m = 1, n = 1;
  for (std::size_t i = 0; i < order.size(); i++) {
    (i < rows ? m : n) *= a.shape(order[i]);
  }
  return mx::reshape(mx::transpose(a, order, s), {m, n}, s);
}

// The subscripts of a sum of products, each operand's letters and the result's.
struct Subscripts {
  std::vector<std::string> operands;
  std::string result;

  // Throws std::invalid_argument, which names what does not fit.
  Subscripts(const std::string& text, const std::vector<array>& arrays) {
    std::string letters;
    std::ranges::copy_if(text, std::back_inserter(letters), [](char c) { return c != ' '; });
    const std::size_t arrow = letters.find("->");
    std::istringstream groups(letters.substr(0, arrow) + ",");
    for (std::string group; std::getline(groups, group, ',');) {
      operands.push_back(group);
    }
    std::map<char, int> counts, lengths;
    for (const std::string& group : operands) {
      for (char letter : group) {
        if (!std::isalpha(static_cast<unsigned char>(letter))) {
          refuse("[einsum] subscripts hold '", letter, "', which is no letter");
        }
        counts[letter]++;
      }
    }
    if (operands.size() != arrays.size()) {
      refuse(
          "[einsum] subscripts have ",
          operands.size(),
          " groups of letters for ",
          arrays.size(),
          " operands");
    }
    for (std::size_t i = 0; i < arrays.size(); i++) {
      if (operands[i].size() != arrays[i].ndim()) {
        refuse(
            "[einsum] operand ",
            i,
            " has ",
            arrays[i].ndim(),
            " dimensions, where subscripts name ",
            operands[i].size(),
            ": '",
            operands[i],
            "'");
      }
      for (std::size_t axis = 0; axis < arrays[i].ndim(); axis++) {
        const int length = arrays[i].shape(static_cast<int>(axis));
        int& known = lengths.try_emplace(operands[i][axis], length).first->second;
        if (known != length && known != 1 && length != 1) {
          refuse(
              "[einsum] '",
              operands[i][axis],
              "' stands for axes of the lengths ",
              known,
              " and ",
              length);
        }
        known = std::max(known, length);
      }
    }
    if (arrow == std::string::npos) {
      for (const auto& [letter, count] : counts) {
        if (count == 1) {
          result += letter;
        }
      }
      return;
    }
    result = letters.substr(arrow + 2);
    for (char letter : result) {
      if (!counts.contains(letter)) {
        refuse("[einsum] the result has '", letter, "', which no operand has");
      }
      if (std::ranges::count(result, letter) > 1) {
        refuse("[einsum] the result has '", letter, "' more than once");
      }
    }
  }

  bool has_later(std::size_t operand, char letter) const {
    const auto in = [letter](const std::string& group) {
      return group.find(letter) != std::string::npos;
    };
    return in(result) || std::any_of(operands.begin() + operand, operands.end(), in);
  }
};

// An array whose axes have letters.
struct Lettered {
  array a;
  std::string letters;

  // Letters that come twice become one axis.
  void take_diagonals(mx::StreamOrDevice s) {
    for (std::size_t i = 0; i < letters.size(); i++) {
      for (std::size_t j = letters.size(); j-- > i + 1;) {
        if (letters[i] == letters[j]) {
          const int first = static_cast<int>(i), second = static_cast<int>(j);
          const int length = std::max(a.shape(first), a.shape(second));
          mx::Shape shape = a.shape();
          shape[i] = shape[j] = length;
          a = mx::moveaxis(
              mx::diagonal(mx::broadcast_to(a, shape, s), 0, first, second, s), -1, first, s);
          letters.erase(j, 1);
        }
      }
    }
  }

  template <class F>
  void sum_unless(F needed, mx::StreamOrDevice s) {
    std::vector<int> axes;
    std::string kept;
    for (std::size_t i = 0; i < letters.size(); i++) {
      if (needed(letters[i])) {
        kept += letters[i];
      } else {
        axes.push_back(static_cast<int>(i));
      }
    }
    if (!axes.empty()) {
      const auto type = a.dtype();
      a = mx::astype(mx::sum(a, axes, false, s), type, s);
      letters = kept;
    }
  }

  array ordered(const std::string& order, mx::StreamOrDevice s) const {
    std::vector<int> axes;
    for (char letter : order) {
      axes.push_back(static_cast<int>(letters.find(letter)));
    }
    return mx::transpose(a, axes, s);
  }

  bool has(char letter) const {
    return letters.find(letter) != std::string::npos;
  }

  int length(char letter) const {
    return has(letter) ? a.shape(static_cast<int>(letters.find(letter))) : 1;
  }
};

int product(const mx::Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), 1, std::multiplies<int>());
}

// The product of two, summed over the letters that nothing else needs.
template <class F>
Lettered contracted(Lettered x, Lettered y, F needed, mx::StreamOrDevice s) {
  const auto alone = [&](const Lettered& other) {
    return [&](char letter) { return other.has(letter) || needed(letter); };
  };
  x.sum_unless(alone(y), s);
  y.sum_unless(alone(x), s);
  std::string batch, summed, left, right;
  for (char letter : x.letters) {
    (!y.has(letter) ? left : needed(letter) ? batch : summed) += letter;
  }
  std::ranges::copy_if(y.letters, std::back_inserter(right), [&](char c) { return !x.has(c); });
  const auto lengths = [&](const std::string& letters) {
    mx::Shape shape;
    for (char letter : letters) {
      shape.push_back(std::max(x.length(letter), y.length(letter)));
    }
    return shape;
  };
  const auto arranged =
      [&](const Lettered& z, const std::string& rows, const std::string& columns) {
        const array a = mx::broadcast_to(
            z.ordered(batch + rows + columns, s), lengths(batch + rows + columns), s);
        return mx::reshape(
            a, {product(lengths(batch)), product(lengths(rows)), product(lengths(columns))}, s);
      };
  const array result = general_matmul(arranged(x, left, summed), arranged(y, summed, right), s);
  const std::string letters = batch + left + right;
  return {mx::reshape(result, lengths(letters), s), letters};
}

array einsum_of_integers(
    const Subscripts& subscripts, const std::vector<array>& operands, mx::StreamOrDevice s) {
  mx::Dtype type = operands[0].dtype();
  for (const array& operand : operands) {
    type = mx::promote_types(type, operand.dtype());
  }
  std::vector<Lettered> factors;
  for (std::size_t i = 0; i < operands.size(); i++) {
    factors.push_back({mx::astype(operands[i], type, s), subscripts.operands[i]});
    factors.back().take_diagonals(s);
  }
  Lettered result = factors[0];
  for (std::size_t i = 1; i < factors.size(); i++) {
    const auto needed = [&](char letter) { return subscripts.has_later(i + 1, letter); };
    result = contracted(std::move(result), factors[i], needed, s);
  }
  const auto needed = [&](char letter) { return subscripts.has_later(operands.size(), letter); };
  result.sum_unless(needed, s);
  return result.ordered(subscripts.result, s);
}

}  // namespace

array general_matmul(const array& a, const array& b, mx::StreamOrDevice s) {
  if (!are_integers(a, b)) {
    return mx::matmul(a, b, s);
  }
  const bool is_row = a.ndim() == 1, is_column = b.ndim() == 1;
  if (a.ndim() == 0 || b.ndim() == 0 || a.shape(-1) != b.shape(is_column ? 0 : -2)) {
    // MLX's error.
    return mx::matmul(mx::astype(a, mx::float32, s), mx::astype(b, mx::float32, s), s);
  }
  const mx::Dtype type = mx::promote_types(a.dtype(), b.dtype());
  const mx::Dtype of_sums = type == mx::bool_ ? mx::int32 : type;
  array x = mx::astype(is_row ? mx::expand_dims(a, 0, s) : a, of_sums, s);
  array y = mx::astype(is_column ? mx::expand_dims(b, 1, s) : b, of_sums, s);
  const mx::Shape batch = mx::broadcast_shapes(leading(x), leading(y));
  array result = integer_matmul(with_leading(x, batch, s), with_leading(y, batch, s), s);
  if (is_column) {
    result = mx::squeeze(result, -1, s);
  }
  if (is_row) {
    result = mx::squeeze(result, is_column ? -1 : -2, s);
  }
  return type == mx::bool_ ? mx::astype(result, mx::bool_, s) : result;
}

array inner(const array& a, const array& b, mx::StreamOrDevice s) {
  if (!are_integers(a, b) || a.ndim() == 0 || b.ndim() == 0) {
    return mx::inner(a, b, s);
  }
  return mlx_c::tensordot(a, b, {-1}, {-1}, s);
}

array tensordot(const array& a, const array& b, int axis, mx::StreamOrDevice s) {
  const int most = static_cast<int>(std::min(a.ndim(), b.ndim()));
  if (!are_integers(a, b) || axis < 0 || axis > most) {
    return mx::tensordot(a, b, axis, s);
  }
  std::vector<int> axes_a(axis), axes_b(axis);
  std::iota(axes_a.begin(), axes_a.end(), static_cast<int>(a.ndim()) - axis);
  std::iota(axes_b.begin(), axes_b.end(), 0);
  return mlx_c::tensordot(a, b, axes_a, axes_b, s);
}

array tensordot(
    const array& a,
    const array& b,
    const std::vector<int>& axes_a,
    const std::vector<int>& axes_b,
    mx::StreamOrDevice s) {
  if (!are_integers(a, b)) {
    return mx::tensordot(a, b, axes_a, axes_b, s);
  }
  if (axes_a.size() != axes_b.size()) {
    refuse("[tensordot] axes name ", axes_a.size(), " of a and ", axes_b.size(), " of b");
  }
  const auto normalized = [](const std::vector<int>& axes, const array& of, const char* name) {
    std::vector<int> result;
    for (int axis : axes) {
      const int ndim = static_cast<int>(of.ndim()), place = axis < 0 ? axis + ndim : axis;
      if (place < 0 || place >= ndim) {
        refuse(
            "[tensordot] axis ", axis, " is out of bounds for ", name, " of ", ndim, " dimensions");
      }
      if (std::ranges::find(result, place) != result.end()) {
        refuse("[tensordot] axis ", axis, " of ", name, " is given twice");
      }
      result.push_back(place);
    }
    return result;
  };
  const auto of_a = normalized(axes_a, a, "a"), of_b = normalized(axes_b, b, "b");
  for (std::size_t i = 0; i < of_a.size(); i++) {
    if (a.shape(of_a[i]) != b.shape(of_b[i])) {
      refuse(
          "[tensordot] axis ",
          axes_a[i],
          " of a and axis ",
          axes_b[i],
          " of b have the lengths ",
          a.shape(of_a[i]),
          " and ",
          b.shape(of_b[i]));
    }
  }
  const auto others = [](const std::vector<int>& axes, const array& of) {
    std::vector<int> result;
    for (int axis = 0; axis < static_cast<int>(of.ndim()); axis++) {
      if (std::ranges::find(axes, axis) == axes.end()) {
        result.push_back(axis);
      }
    }
    return result;
  };
  std::vector<int> order_a = others(of_a, a), order_b = of_b;
  const std::vector<int> rest_b = others(of_b, b);
  mx::Shape shape;
  for (int axis : order_a) {
    shape.push_back(a.shape(axis));
  }
  for (int axis : rest_b) {
    shape.push_back(b.shape(axis));
  }
  const std::size_t rows = order_a.size();
  order_a.insert(order_a.end(), of_a.begin(), of_a.end());
  order_b.insert(order_b.end(), rest_b.begin(), rest_b.end());
  const array product =
      general_matmul(as_matrix(a, order_a, rows, s), as_matrix(b, order_b, of_b.size(), s), s);
  return mx::reshape(product, shape, s);
}

array einsum(
    const std::string& subscripts, const std::vector<array>& operands, mx::StreamOrDevice s) {
  // The axes that dots stand for are MLX's business.
  if (subscripts.find('.') != std::string::npos || operands.empty()) {
    return mx::einsum(subscripts, operands, s);
  }
  const Subscripts parsed(subscripts, operands);
  if (std::ranges::all_of(operands, [](const array& a) { return is_integer(a.dtype()); })) {
    return einsum_of_integers(parsed, operands, s);
  }
  return mx::einsum(subscripts, operands, s);
}

array dot(const array& a, const array& b, mx::StreamOrDevice s) {
  if (a.ndim() == 0 || b.ndim() == 0) {
    return mx::multiply(a, b, s);
  }
  const int last_but_one = b.ndim() == 1 ? -1 : -2;
  if (a.shape(-1) != b.shape(last_but_one)) {
    refuse(
        "[dot] the last axis of a and the ",
        b.ndim() == 1 ? "last" : "last but one",
        " of b have the lengths ",
        a.shape(-1),
        " and ",
        b.shape(last_but_one));
  }
  return mlx_c::tensordot(a, b, {-1}, {last_but_one}, s);
}

array vdot(const array& a, const array& b, mx::StreamOrDevice s) {
  if (a.size() != b.size()) {
    refuse("[vdot] a and b have ", a.size(), " and ", b.size(), " elements");
  }
  const array x = mx::issubdtype(a.dtype(), mx::complexfloating) ? mx::conjugate(a, s) : a;
  return mlx_c::inner(mx::flatten(x, s), mx::flatten(b, s), s);
}

}  // namespace mlx_c

#include "core/integer_division.hpp"

#include <algorithm>

#include <mlx/ops.h>

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// Whether `b` is an available scalar other than 0 and -1.
bool is_harmless(const mx::array& b) {
  if (b.size() != 1 || b.status() != mx::array::Status::available) {
    return false;
  }
  auto* bytes = b.data<uint8_t>();
  const auto all = [&](uint8_t value) {
    return std::all_of(bytes, bytes + b.itemsize(), [=](uint8_t byte) { return byte == value; });
  };
  return !all(0) && !all(0xFF);
}

struct Division {
  mx::array a, b;
  mx::array by_zero, by_minus_one;
  mx::array divisor;  // `b`, but 1 in those two cases

  Division(const mx::array& dividend, const mx::array& divided_by, mx::StreamOrDevice s)
      : a(mx::astype(dividend, mx::promote_types(dividend.dtype(), divided_by.dtype()), s)),
        b(mx::astype(divided_by, a.dtype(), s)),
        by_zero(mx::equal(b, mx::array(0, b.dtype()), s)),
        by_minus_one(
            mx::issubdtype(a.dtype(), mx::signedinteger) ? mx::equal(b, mx::array(-1, b.dtype()), s)
                                                         : mx::array(false)),
        divisor(
            mx::where(mx::logical_or(by_zero, by_minus_one, s), mx::array(1, b.dtype()), b, s)) {}

  mx::array quotient(const mx::array& q, mx::StreamOrDevice s) const {
    auto negated = mx::subtract(mx::array(0, a.dtype()), a, s);
    return mx::where(by_zero, mx::array(0, a.dtype()), mx::where(by_minus_one, negated, q, s), s);
  }

  mx::array remainder(const mx::array& r, mx::StreamOrDevice s) const {
    return mx::where(by_zero, a, r, s);
  }
};

}  // namespace

bool may_fault(const mx::array& a, const mx::array& b) {
  return mx::issubdtype(mx::promote_types(a.dtype(), b.dtype()), mx::integer) && !is_harmless(b);
}

mx::array floor_divide(const mx::array& a, const mx::array& b, mx::StreamOrDevice s) {
  const Division division(a, b, s);
  return division.quotient(mx::floor_divide(division.a, division.divisor, s), s);
}

mx::array remainder(const mx::array& a, const mx::array& b, mx::StreamOrDevice s) {
  const Division division(a, b, s);
  return division.remainder(mx::remainder(division.a, division.divisor, s), s);
}

std::vector<mx::array> divmod(const mx::array& a, const mx::array& b, mx::StreamOrDevice s) {
  const Division division(a, b, s);
  auto both = mx::divmod(division.a, division.divisor, s);
  return {division.quotient(both[0], s), division.remainder(both[1], s)};
}

}  // namespace mlx_c

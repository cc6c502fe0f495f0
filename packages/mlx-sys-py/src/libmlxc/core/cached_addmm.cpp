#include "core/cached_addmm.hpp"

#include <optional>

#include "core/node_cache.hpp"

namespace mlx_c {

namespace mx = mlx::core;
using mx::array;

namespace {

// Of matrices, a number or a row or as much as the result added to their product.
struct CachedSum : CachedNode {
  std::shared_ptr<mx::Primitive> broadcast;  // of c to `shape`, null if c has it
  mx::Shape shape;

  bool fits(const array& c, const mx::Shape& result, mx::Stream s) const {
    return stream == s && shape == result && (broadcast == nullptr) == (c.shape() == result);
  }

  void learn_sum(const array& node, const array& c, const array& a, const array& b) {
    const bool is_sum = node.has_primitive() && node.inputs().size() == 3 &&
        node.inputs()[0].id() == a.id() && node.inputs()[1].id() == b.id() &&
        is_or_broadcasts(node.inputs()[2], c);
    if (!is_sum || !learn(node, node.inputs())) {
      return;
    }
    const array& summand = node.inputs()[2];
    broadcast = summand.id() == c.id() ? nullptr : summand.primitive_ptr();
    shape = node.shape();
  }
};

}  // namespace

array addmm(
    const array& c, const array& a, const array& b, float alpha, float beta, mx::StreamOrDevice s) {
  // A layer has one width, and is called with as many rows again and again.
  static thread_local std::array<CachedSum, 16> patterns;
  std::optional<mx::Shape> shape;
  if (a.ndim() == 2 && c.dtype() == a.dtype() && c.ndim() <= 2 && alpha == 1 && beta == 1 &&
      !records_for_all_shapes && mx::issubdtype(a.dtype(), mx::floating)) {
    shape = product_shape(a, b);
  }
  if (!shape) {
    return mx::addmm(c, a, b, alpha, beta, s);
  }
  const auto place = static_cast<size_t>((*shape)[0] * 31 + (*shape)[1] + c.ndim());
  auto& pattern = patterns[place % patterns.size()];
  const bool fits_c = c.shape() == *shape || (c.ndim() == 1 && c.shape(0) == (*shape)[1]);
  if (fits_c && pattern.dtype == a.dtype() && pattern.fits(c, *shape, mx::to_stream(s)))
      [[likely]] {
    if (!pattern.broadcast) {
      return make_node(*shape, pattern.dtype, pattern.primitive, a, b, c);
    }
    const auto wide = make_node(*shape, pattern.dtype, pattern.broadcast, c);
    return make_node(*shape, pattern.dtype, pattern.primitive, a, b, wide);
  }
  auto node = mx::addmm(c, a, b, alpha, beta, s);
  if (fits_c) {
    pattern.learn_sum(node, c, a, b);
  }
  return node;
}

}  // namespace mlx_c

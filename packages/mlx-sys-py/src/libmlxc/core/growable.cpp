#include "core/growable.hpp"

#include <cmath>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <string_view>
#include <utility>

#include <mlx/ops.h>

#include "cpu/ops/fused_ops.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

Numbers joined(const mx::Shape& a, const mx::Shape& b) {
  Numbers result(a.begin(), a.end());
  result.insert(result.end(), b.begin(), b.end());
  return result;
}

mx::Shape shape_of(const Numbers& numbers, size_t begin, size_t end) {
  mx::Shape result;
  for (size_t i = begin; i < end; ++i) {
    result.push_back(static_cast<mx::ShapeElem>(numbers[i]));
  }
  return result;
}

mx::Shape shape_of(const Numbers& numbers) {
  return shape_of(numbers, 0, numbers.size());
}

mx::array placeholder(const mx::Shape& shape) {
  return mx::array(shape, mx::float32, nullptr, {});
}

// An array of which a slice to `end` is not the whole.
mx::array longer_than(mx::Shape end) {
  for (auto& extent : end) {
    ++extent;
  }
  return placeholder(end);
}

// Of a shape of which one extent may be -1, for what is left. Here that is 1.
mx::ShapeElem size_of_shape(const mx::Shape& shape) {
  return std::abs(std::accumulate(shape.begin(), shape.end(), 1, std::multiplies<>()));
}

// MLX does not export its primitives: others are taken from nodes that its functions make.
Growable by_node(Numbers numbers, std::function<mx::array(const Numbers&)> make) {
  return {std::move(numbers), [make = std::move(make)](const Numbers& n) {
            return make(n).primitive_ptr();
          }};
}

}  // namespace

std::optional<Growable> growable(mx::Primitive& primitive) {
  const auto stream = primitive.stream();
  const std::string_view name = primitive.name();
  if (name == "Slice") {
    const auto [start, end, strides] = static_cast<mx::Slice&>(primitive).state();
    return by_node(joined(start, end), [=, axes = start.size(), by = strides](const Numbers& n) {
      const auto stop = shape_of(n, axes, n.size());
      return mx::slice(longer_than(stop), shape_of(n, 0, axes), stop, by, stream);
    });
  }
  if (name == "SliceUpdate") {
    const auto [reduction, start, end, strides] = static_cast<mx::SliceUpdate&>(primitive).state();
    if (reduction != mx::SliceUpdate::None) {
      return std::nullopt;
    }
    return by_node(joined(start, end), [=, axes = start.size(), by = strides](const Numbers& n) {
      const auto begin = shape_of(n, 0, axes), stop = shape_of(n, axes, n.size());
      const auto target = longer_than(stop);
      const auto update = mx::slice(target, begin, stop, by, stream);
      return mx::slice_update(target, placeholder(update.shape()), begin, stop, by, stream);
    });
  }
  if (name == "Reshape") {
    return by_node(joined(static_cast<mx::Reshape&>(primitive).state(), {}), [=](const Numbers& n) {
      const auto shape = shape_of(n);
      // With one axis more than the result, so that it is none that is there already.
      mx::Shape flat(shape.size() + 1, 1);
      flat.back() = size_of_shape(shape);
      return mx::reshape(placeholder(flat), shape, stream);
    });
  }
  if (name == "Broadcast") {
    return by_node(
        joined(static_cast<mx::Broadcast&>(primitive).state(), {}),
        [=](const Numbers& n) { return mx::broadcast_to(placeholder({}), shape_of(n), stream); });
  }
  if (name == "Unflatten") {
    const auto [axis, shape] = static_cast<mx::Unflatten&>(primitive).state();
    return by_node(joined(shape, {}), [=, axis = axis](const Numbers& n) {
      const auto parts = shape_of(n);
      mx::Shape whole(axis + 1, 1);
      whole.back() = size_of_shape(parts);
      return mx::unflatten(placeholder(whole), axis, parts, stream);
    });
  }
  if (name == "Arange") {
    const auto [start, stop, step] = static_cast<mx::Arange&>(primitive).state();
    if (start != std::floor(start) || stop != std::floor(stop)) {
      return std::nullopt;
    }
    return by_node(
        {static_cast<std::int64_t>(start), static_cast<std::int64_t>(stop)},
        [=, step = step](const Numbers& n) {
          return mx::arange(
              static_cast<double>(n[0]), static_cast<double>(n[1]), step, mx::float32, stream);
        });
  }
  if (const auto offset = cpu::rope_offset(primitive)) {
    // Another one is made of the first, which it need not outlive.
    return Growable{{*offset}, cpu::rope_at(primitive)};
  }
  return std::nullopt;
}

}  // namespace mlx_c

#include "core/gradient_rules.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <mlx/ops.h>
#include <mlx/primitives.h>

#include "core/convolutions.hpp"
#include "core/gradients.hpp"
#include "core/linalg_gradients.hpp"
#include "core/node_cache.hpp"
#include "cpu/nodes/kernel_override.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

mx::array constant(float value, const mx::array& like) {
  return mx::array(value, like.dtype());
}

// The updates of a scatter: where they go, and how they are read back.
struct Updates {
  explicit Updates(const Arrays& primals, std::vector<int> axes, mx::Stream s)
      : values(primals.back()),
        indices(primals.begin() + 1, primals.end() - 1),
        axes(std::move(axes)),
        target(primals[0].shape()),
        slice(values.shape().end() - target.size(), values.shape().end()),
        s(s) {}

  // The elements of an array shaped like the target that the updates go to.
  mx::array elements(const mx::array& a) const {
    return mx::gather(a, indices, axes, slice, s);
  }

  // Which of the updates stays: for one element that is the last.
  mx::array are_last() const {
    mx::Shape shape(values.shape().begin(), values.shape().end() - target.size());
    int count = 1;
    for (auto length : shape) {
      count *= length;
    }
    shape.resize(values.ndim(), 1);
    const auto number = mx::broadcast_to(
        mx::reshape(mx::arange(0, count, 1, mx::int32, s), shape, s), values.shape(), s);
    const auto written = mx::scatter(mx::zeros(target, mx::int32, s), indices, number, axes, s);
    return mx::equal(elements(written), number, s);
  }

  mx::array products(const mx::array& factors) const {
    return mx::scatter_prod(mx::ones(target, factors.dtype(), s), indices, factors, axes, s);
  }

  // For each update the product of the others that go to the same element.
  mx::array products_of_others() const {
    const auto zero = constant(0, values), one = constant(1, values);
    const auto is_zero = mx::equal(values, zero, s);
    const auto product = elements(products(mx::where(is_zero, one, values, s)));
    const auto zeros = elements(
        mx::scatter_add(
            mx::zeros(target, values.dtype(), s),
            indices,
            mx::astype(is_zero, values.dtype(), s),
            axes,
            s));
    const auto without = mx::divide(product, mx::where(is_zero, one, values, s), s);
    return mx::where(
        is_zero,
        mx::where(mx::equal(zeros, one, s), product, zero, s),
        mx::where(mx::equal(zeros, zero, s), without, zero, s),
        s);
  }

  const mx::array values;
  const Arrays indices;
  const std::vector<int> axes;
  const mx::Shape target, slice;
  const mx::Stream s;
};

// A node, with MLX's primitive even where a kernel has evaluated it.
struct Operation {
  explicit Operation(const mx::array& node)
      : node(node),
        original(cpu::KernelOverride::unwrapped(node.primitive_ptr())),
        s(original->stream()) {}

  // MLX's rule for one input.
  mx::array mlx_gradient(const Arrays& cotangents, int argnum, const Arrays& outputs) const {
    return original->vjp(node.inputs(), cotangents, {argnum}, outputs).at(0);
  }

  const mx::array& node;
  const std::shared_ptr<mx::Primitive> original;
  const mx::Stream s;
};

// The gradient by one input, which is no index.
using Gradient =
    mx::array (*)(const Operation& op, const Arrays& cotangents, int argnum, const Arrays& outputs);

mx::array scatter_gradient(
    const Operation& op, const Arrays& cotangents, int argnum, const Arrays& outputs) {
  if (argnum == 0) {
    return op.mlx_gradient(cotangents, 0, outputs);
  }
  const auto& scatter = static_cast<const mx::Scatter&>(*op.original);
  const Updates updates(op.node.inputs(), scatter.state().second, op.s);
  return mx::where(
      updates.are_last(), updates.elements(cotangents[0]), constant(0, cotangents[0]), op.s);
}

mx::array scatter_product_gradient(
    const Operation& op, const Arrays& cotangents, int argnum, const Arrays&) {
  const auto& scatter = static_cast<const mx::Scatter&>(*op.original);
  const Updates updates(op.node.inputs(), scatter.state().second, op.s);
  if (argnum == 0) {
    return mx::multiply(cotangents[0], updates.products(updates.values), op.s);
  }
  return mx::multiply(
      updates.elements(mx::multiply(cotangents[0], op.node.inputs()[0], op.s)),
      updates.products_of_others(),
      op.s);
}

mx::array scatter_axis_gradient(
    const Operation& op, const Arrays& cotangents, int argnum, const Arrays& outputs) {
  const auto all = op.mlx_gradient(cotangents, argnum, outputs);
  if (argnum == 0) {
    return all;
  }
  const auto s = op.s;
  const int axis = static_cast<const mx::ScatterAxis&>(*op.original).state().second;
  const auto& target = op.node.inputs()[0];
  const auto& indices = op.node.inputs()[1];
  mx::Shape shape(indices.ndim(), 1);
  shape[axis] = indices.shape(axis);
  const auto number = mx::broadcast_to(
      mx::reshape(mx::arange(0, shape[axis], 1, mx::int32, s), shape, s), indices.shape(), s);
  const auto written =
      mx::put_along_axis(mx::zeros(target.shape(), mx::int32, s), indices, number, axis, s);
  const auto last = mx::equal(mx::take_along_axis(written, indices, axis, s), number, s);
  return mx::where(last, all, constant(0, all), s);
}

// MLX's rule has indices for elements behind the last value, too.
mx::array masked_scatter_gradient(
    const Operation& op, const Arrays& cotangents, int argnum, const Arrays&) {
  const auto s = op.s;
  const auto& target = op.node.inputs()[0];
  const auto& values = op.node.inputs()[2];
  const auto zero = constant(0, cotangents[0]);
  const auto mask = mx::reshape(op.node.inputs()[1], target.shape(), s);
  if (argnum == 0) {
    return mx::where(mask, zero, cotangents[0], s);
  }
  if (values.size() == 0 || mask.size() == 0) {
    return mx::zeros_like(values, s);
  }
  const int rows = values.shape(0), count = static_cast<int>(values.size()) / rows;
  const auto chosen = mx::reshape(mask, {rows, -1}, s);
  const auto before = mx::cumsum(mx::astype(chosen, mx::int32, s), 1, false, false, s);
  const auto chosen_only = mx::where(chosen, mx::reshape(cotangents[0], {rows, -1}, s), zero, s);
  const auto sums = mx::scatter_add_axis(
      mx::zeros({rows, count}, zero.dtype(), s),
      mx::minimum(before, mx::array(count - 1), s),
      chosen_only,
      1,
      s);
  return mx::reshape(sums, values.shape(), s);
}

mx::array dilated_convolution_gradient(
    const Operation& op, const Arrays& cotangents, int argnum, const Arrays&) {
  return convolution_gradient(
      static_cast<mx::Convolution&>(*op.original), op.node.inputs(), cotangents[0], argnum);
}

mx::array gradient_of_factorization(
    const Operation& op, const Arrays& cotangents, int, const Arrays& outputs) {
  return factorization_gradient(*op.original, op.node.inputs()[0], cotangents, outputs);
}

bool has_several(const mx::array& updates, const mx::array& target) {
  const auto& shape = updates.shape();
  return std::any_of(
      shape.begin(), shape.end() - target.ndim(), [](auto length) { return length != 1; });
}

// What takes the place of MLX's rule; null if that is right.
Gradient gradient_rule(const mx::array& node) {
  const std::string_view name = node.primitive().name();
  if (name == "MaskedScatter") {
    return masked_scatter_gradient;
  }
  if (name == "Convolution") {
    const Operation op(node);
    const bool is_right = has_right_gradient(static_cast<const mx::Convolution&>(*op.original));
    return is_right ? nullptr : dilated_convolution_gradient;
  }
  if (!name.starts_with("Scatter")) {
    return is_factorization(node) ? gradient_of_factorization : nullptr;
  }
  if (name == "Scatter" && has_several(node.inputs().back(), node.inputs()[0])) {
    return scatter_gradient;
  }
  if (name == "Scatter Prod") {
    return scatter_product_gradient;
  }
  return name == "ScatterAxis" ? scatter_axis_gradient : nullptr;
}

// The JVP that follows from the VJP of a node, which is linear in the cotangents: the VJP of that.
class JvpOfVjp {
 public:
  JvpOfVjp(const mx::array& node, const std::vector<int>& argnums)
      : node_(node), argnums_(argnums) {}

  Arrays products(const Arrays& tangents) const {
    return mlx_c::vjp(gradients(), zeros(), tangents).second;
  }

  // Whether the node has a VJP.
  bool exists() const {
    try {
      return gradients()(zeros()).size() == argnums_.size();
    } catch (const std::exception&) {
      return false;
    }
  }

 private:
  Function gradients() const {
    return [this, node = repeated()](const Arrays& cotangents) {
      return node_vjp(node, cotangents, argnums_, node.outputs());
    };
  }

  // Another node of the operation, which the trace of a gradient does not touch.
  mx::array repeated() const {
    std::vector<mx::Shape> shapes;
    std::vector<mx::Dtype> dtypes;
    for (auto& result : node_.outputs()) {
      shapes.push_back(result.shape());
      dtypes.push_back(result.dtype());
    }
    return mx::array::make_arrays(
        std::move(shapes), dtypes, Operation(node_).original, node_.inputs())[0];
  }

  Arrays zeros() const {
    Arrays results;
    for (auto& result : node_.outputs()) {
      results.push_back(mx::zeros(result.shape(), result.dtype(), node_.primitive().stream()));
    }
    return results;
  }

  const mx::array& node_;
  const std::vector<int>& argnums_;
};

// Frequent rules, with nodes of the cache.
using FrequentRule = Arrays (*)(
    const mx::array& node,
    const mx::array& cotangent,
    const std::vector<int>& argnums,
    const mx::array& output);

Arrays multiply_gradient(
    const mx::array& node,
    const mx::array& cotangent,
    const std::vector<int>& argnums,
    const mx::array&) {
  Arrays results;
  results.reserve(argnums.size());
  for (int argnum : argnums) {
    const auto& other = node.inputs()[1 - argnum];
    results.push_back(cached_node<mx::multiply>(other, cotangent, node.primitive().stream()));
  }
  return results;
}

// MLX's divides by the square of the divisor, which is too large for float16 from 256 on, and 0
// below 1 / 4096.
Arrays divide_gradient(
    const mx::array& node,
    const mx::array& cotangent,
    const std::vector<int>& argnums,
    const mx::array& output) {
  const mx::StreamOrDevice s = node.primitive().stream();
  const auto by_dividend = cached_node<mx::divide>(cotangent, node.inputs()[1], s);
  Arrays results;
  results.reserve(argnums.size());
  for (int argnum : argnums) {
    if (argnum == 0) {
      results.push_back(by_dividend);
    } else {
      const auto product = cached_node<mx::multiply>(by_dividend, output, s);
      results.push_back(cached_node<mx::negative>(product, s));
    }
  }
  return results;
}

Arrays exp_gradient(
    const mx::array& node,
    const mx::array& cotangent,
    const std::vector<int>&,
    const mx::array& output) {
  return inputs_of(cached_node<mx::multiply>(cotangent, output, node.primitive().stream()));
}

// MLX's computes the tanh once more.
Arrays tanh_gradient(
    const mx::array& node,
    const mx::array& cotangent,
    const std::vector<int>&,
    const mx::array& output) {
  const mx::StreamOrDevice s = node.primitive().stream();
  const auto square = cached_node<mx::square>(output, s);
  const auto slope = cached_node<mx::subtract>(constant(1, output), square, s);
  return inputs_of(cached_node<mx::multiply>(cotangent, slope, s));
}

// A reduction keeps its axes, with one element each.
Arrays sum_gradient(
    const mx::array& node, const mx::array& cotangent, const std::vector<int>&, const mx::array&) {
  return inputs_of(
      mlx_c::broadcast_to(cotangent, node.inputs()[0].shape(), node.primitive().stream()));
}

Arrays squeeze_gradient(
    const mx::array& node,
    const mx::array& cotangent,
    const std::vector<int>& argnums,
    const mx::array& output) {
  static thread_local std::array<CachedNode, 5> patterns;  // one per number of dimensions
  const auto& shape = node.inputs()[0].shape();
  const auto s = node.primitive().stream();
  auto by_mlx = [&] {
    return node.primitive().vjp(node.inputs(), {cotangent}, argnums, {output})[0];
  };
  if (output.ndim() > 0 || shape.size() >= patterns.size()) {
    return inputs_of(by_mlx());
  }
  auto& pattern = patterns[shape.size()];
  if (pattern.stream == s) {
    return inputs_of(mx::array(shape, cotangent.dtype(), pattern.primitive, inputs_of(cotangent)));
  }
  auto result = by_mlx();
  pattern.learn(result, inputs_of(cotangent));
  return inputs_of(std::move(result));
}

FrequentRule frequent_rule(std::string_view name) {
  if (records_for_all_shapes) {
    return nullptr;
  }
  if (name == "Multiply") {
    return multiply_gradient;
  }
  if (name == "Divide") {
    return divide_gradient;
  }
  if (name == "Exp") {
    return exp_gradient;
  }
  if (name == "Squeeze") {
    return squeeze_gradient;
  }
  if (name == "Sum") {
    return sum_gradient;
  }
  return name == "Tanh" ? tanh_gradient : nullptr;
}

// Of a node that is linear in each input by itself: the node with the tangent in place of the
// input.
Arrays linear_jvp(const mx::array& node, const Arrays& tangents, const std::vector<int>& argnums) {
  const Operation op(node);
  std::optional<mx::array> sum;
  for (size_t i = 0; i < argnums.size(); ++i) {
    auto inputs = node.inputs();
    inputs[argnums[i]] = tangents[i];
    mx::array part(node.shape(), node.dtype(), op.original, std::move(inputs));
    sum = sum ? mx::add(*sum, part, op.s) : part;
  }
  return {*sum};
}

}  // namespace

Arrays node_vjp(
    const mx::array& node,
    const Arrays& cotangents,
    const std::vector<int>& argnums,
    const Arrays& outputs) {
  if (const auto rule = frequent_rule(node.primitive().name())) {
    return rule(node, cotangents[0], argnums, outputs[0]);
  }
  const auto gradient = gradient_rule(node);
  if (!gradient) {
    return node.primitive().vjp(node.inputs(), cotangents, argnums, outputs);
  }
  const Operation op(node);
  const int last = static_cast<int>(node.inputs().size()) - 1;
  Arrays results;
  for (int argnum : argnums) {
    // Between the target of a scatter and its updates.
    const bool is_index = argnum > 0 && argnum < last;
    results.push_back(
        is_index ? op.mlx_gradient(cotangents, argnum, outputs)
                 : gradient(op, cotangents, argnum, outputs));
  }
  return results;
}

Arrays node_jvp(const mx::array& node, const Arrays& tangents, const std::vector<int>& argnums) {
  auto mlx_jvp = [&] { return node.primitive().jvp(node.inputs(), tangents, argnums); };
  const std::string_view name = node.primitive().name();
  if (name == "CustomTransforms") {
    // Its errors are the user's.
    return mlx_jvp();
  }
  if (name == "Convolution") {
    return linear_jvp(node, tangents, argnums);
  }
  const JvpOfVjp by_vjp(node, argnums);
  // MLX's JVP of addmm leaves out alpha and beta.
  if (name != "AddMM" && !gradient_rule(node)) {
    try {
      return mlx_jvp();
    } catch (const std::exception&) {
      if (!by_vjp.exists()) {
        throw;
      }
    }
  }
  return by_vjp.products(tangents);
}

}  // namespace mlx_c

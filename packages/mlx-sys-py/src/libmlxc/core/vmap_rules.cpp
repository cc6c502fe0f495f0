#include "core/vmap_rules.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <mlx/ops.h>
#include <mlx/primitives.h>

#include "core/node_cache.hpp"
#include "cpu/nodes/kernel_override.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

using Arrays = std::vector<mx::array>;
using Mapped = std::pair<Arrays, std::vector<int>>;

mx::Shape with_front(int extent, mx::Shape shape) {
  shape.insert(shape.begin(), extent);
  return shape;
}

// The inputs of an operation that is mapped: the mapped axis, where there is one, is the first.
struct Batch {
  Arrays inputs;
  std::vector<bool> is_mapped;
  int extent;
  mx::Stream s;

  Batch(const Arrays& given, const std::vector<int>& axes, mx::Stream stream)
      : extent(0), s(stream) {
    for (size_t i = 0; i < given.size(); i++) {
      is_mapped.push_back(axes[i] >= 0);
      inputs.push_back(axes[i] > 0 ? mx::moveaxis(given[i], axes[i], 0, s) : given[i]);
      if (axes[i] >= 0) {
        extent = given[i].shape(axes[i]);
      }
    }
  }

  // The dimensions of an input for one element of the batch.
  int ndim(size_t i) const {
    return static_cast<int>(inputs[i].ndim()) - (is_mapped[i] ? 1 : 0);
  }

  // The input with a first axis, of length 1 if it is not mapped.
  mx::array with_axis(size_t i) const {
    return is_mapped[i] ? inputs[i] : mx::expand_dims(inputs[i], 0, s);
  }

  // The input with the mapped axis, repeated if it is not mapped.
  mx::array repeated(size_t i) const {
    return is_mapped[i] ? inputs[i]
                        : mx::broadcast_to(inputs[i], with_front(extent, inputs[i].shape()), s);
  }

  // The number of each element of the batch, beside indices of so many dimensions.
  mx::array numbers(int ndim, mx::Dtype dtype) const {
    mx::Shape shape(ndim + 1, 1);
    shape[0] = extent;
    return mx::reshape(mx::arange(0, extent, 1, dtype, s), shape, s);
  }
};

std::vector<int> one_behind(std::vector<int> axes) {
  for (int& axis : axes) {
    ++axis;
  }
  return axes;
}

std::vector<int> front_and(const std::vector<int>& axes) {
  auto all = one_behind(axes);
  all.insert(all.begin(), 0);
  return all;
}

// A rule gives the result with the mapped axis first.

mx::array map(const mx::Reshape& op, const Batch& in) {
  return mx::reshape(in.inputs[0], with_front(in.extent, op.state()), in.s);
}

mx::array map(const mx::Broadcast& op, const Batch& in) {
  const auto& a = in.inputs[0];
  const auto shape = with_front(in.extent, op.state());
  // New axes come between the mapped one and the others.
  std::vector<int> added;
  for (size_t axis = 1; added.size() + a.ndim() < shape.size(); ++axis) {
    added.push_back(static_cast<int>(axis));
  }
  return mx::broadcast_to(added.empty() ? a : mx::expand_dims(a, added, in.s), shape, in.s);
}

mx::array map(const mx::Transpose& op, const Batch& in) {
  return mx::transpose(in.inputs[0], front_and(op.state()), in.s);
}

mx::array map(const mx::ExpandDims& op, const Batch& in) {
  return mx::expand_dims(in.inputs[0], one_behind(op.state()), in.s);
}

mx::array map(const mx::SliceUpdate& op, const Batch& in) {
  const auto source = in.repeated(0), update = in.repeated(1);
  auto [kind, start, stop, strides] = op.state();
  for (size_t i = 0; i < stop.size(); ++i) {
    if (strides[i] < 0 && stop[i] < 0) {
      // Before the first element: MLX would count it from the end.
      stop[i] = -source.shape(static_cast<int>(i) + 1) - 1;
    }
  }
  start = with_front(0, start);
  stop = with_front(in.extent, stop);
  strides = with_front(1, strides);
  switch (kind) {
    case mx::SliceUpdate::Sum:
      return mx::slice_update_add(source, update, start, stop, strides, in.s);
    case mx::SliceUpdate::Prod:
      return mx::slice_update_prod(source, update, start, stop, strides, in.s);
    case mx::SliceUpdate::Max:
      return mx::slice_update_max(source, update, start, stop, strides, in.s);
    case mx::SliceUpdate::Min:
      return mx::slice_update_min(source, update, start, stop, strides, in.s);
    default:
      return mx::slice_update(source, update, start, stop, strides, in.s);
  }
}

bool any_mapped(const Batch& in, size_t begin, size_t end) {
  return std::any_of(
      in.is_mapped.begin() + begin, in.is_mapped.begin() + end, [](bool mapped) { return mapped; });
}

// The indices from `begin` to `end`, with the number in the batch in front of them.
Arrays numbered(const Batch& in, size_t begin, size_t end) {
  Arrays indices{in.numbers(in.ndim(begin), in.inputs[begin].dtype())};
  for (size_t i = begin; i < end; i++) {
    indices.push_back(in.with_axis(i));
  }
  return indices;
}

mx::array gather(
    const Batch& in, const Arrays& indices, const std::vector<int>& axes, mx::Shape lengths) {
  const int ndim = static_cast<int>(indices.front().ndim()) - 1;
  auto result = mx::gather(in.inputs[0], indices, front_and(axes), with_front(1, lengths), in.s);
  return mx::squeeze(result, ndim + 1, in.s);
}

mx::array map(const mx::Gather& op, const Batch& in) {
  const auto [axes, lengths] = op.state();
  const size_t count = in.inputs.size();
  if (!in.is_mapped[0]) {
    Arrays indices;
    for (size_t i = 1; i < count; i++) {
      indices.push_back(in.with_axis(i));
    }
    return mx::gather(in.inputs[0], indices, axes, lengths, in.s);
  }
  if (any_mapped(in, 1, count)) {
    return gather(in, numbered(in, 1, count), axes, lengths);
  }
  const int ndim = count > 1 ? in.ndim(1) : 0;
  auto result = mx::gather(
      in.inputs[0],
      Arrays(in.inputs.begin() + 1, in.inputs.end()),
      one_behind(axes),
      with_front(in.extent, lengths),
      in.s);
  return mx::moveaxis(result, ndim, 0, in.s);
}

mx::array scatter(
    mx::Scatter::ReduceType kind,
    const mx::array& a,
    const Arrays& indices,
    const mx::array& updates,
    const std::vector<int>& axes,
    mx::Stream s) {
  switch (kind) {
    case mx::Scatter::Sum:
      return mx::scatter_add(a, indices, updates, axes, s);
    case mx::Scatter::Prod:
      return mx::scatter_prod(a, indices, updates, axes, s);
    case mx::Scatter::Max:
      return mx::scatter_max(a, indices, updates, axes, s);
    case mx::Scatter::Min:
      return mx::scatter_min(a, indices, updates, axes, s);
    default:
      return mx::scatter(a, indices, updates, axes, s);
  }
}

mx::array map(const mx::Scatter& op, const Batch& in) {
  const auto [kind, axes] = op.state();
  const size_t last = in.inputs.size() - 1;
  // The axes of the updates are those of the indices, then those of the target.
  const int ndim = in.ndim(last) - in.ndim(0);
  const auto updates = in.repeated(last);
  if (any_mapped(in, 1, last)) {
    const auto indices = numbered(in, 1, last);
    const auto rows = mx::expand_dims(updates, ndim + 1, in.s);
    return scatter(kind, in.repeated(0), indices, rows, front_and(axes), in.s);
  }
  const Arrays indices(in.inputs.begin() + 1, in.inputs.begin() + last);
  const auto rows = mx::moveaxis(updates, 0, ndim, in.s);
  return scatter(kind, in.repeated(0), indices, rows, one_behind(axes), in.s);
}

mx::array map(const mx::GatherAxis& op, const Batch& in) {
  return mx::take_along_axis(in.repeated(0), in.repeated(1), op.state() + 1, in.s);
}

mx::array map(const mx::ScatterAxis& op, const Batch& in) {
  const auto [kind, axis] = op.state();
  const auto a = in.repeated(0), indices = in.repeated(1), values = in.repeated(2);
  return kind == mx::ScatterAxis::Sum ? mx::scatter_add_axis(a, indices, values, axis + 1, in.s)
                                      : mx::put_along_axis(a, indices, values, axis + 1, in.s);
}

// The start of a dynamic slice along each of its axes, for each element of the batch.
Arrays starts(const mx::array& start, size_t count, const Batch& in) {
  const auto rows = mx::reshape(start, {in.extent, static_cast<int>(count)}, in.s);
  Arrays indices{in.numbers(0, start.dtype())};
  for (size_t i = 0; i < count; i++) {
    indices.push_back(mx::take(rows, static_cast<int>(i), 1, in.s));
  }
  return indices;
}

mx::array map(const mx::DynamicSlice& op, const Batch& in) {
  const auto [axes, lengths] = op.state();
  if (!in.is_mapped[1]) {
    return mx::slice(
        in.inputs[0], in.inputs[1], one_behind(axes), with_front(in.extent, lengths), in.s);
  }
  auto indices = starts(in.inputs[1], axes.size(), in);
  if (in.is_mapped[0]) {
    return gather(in, indices, axes, lengths);
  }
  indices.erase(indices.begin());
  return mx::gather(in.inputs[0], indices, axes, lengths, in.s);
}

mx::array map(const mx::DynamicSliceUpdate& op, const Batch& in) {
  const auto axes = op.state();
  const auto a = in.repeated(0), update = in.repeated(1);
  if (!in.is_mapped[2]) {
    return mx::slice_update(a, update, in.inputs[2], one_behind(axes), in.s);
  }
  return mx::scatter(
      a,
      starts(in.inputs[2], axes.size(), in),
      mx::expand_dims(update, 1, in.s),
      front_and(axes),
      in.s);
}

mx::array map(const mx::NotEqual&, const Batch& in) {
  return mx::not_equal(in.with_axis(0), in.with_axis(1), in.s);
}

mx::array map(const mx::BitwiseBinary& op, const Batch& in) {
  const auto a = in.with_axis(0), b = in.with_axis(1);
  switch (op.state()) {
    case mx::BitwiseBinary::And:
      return mx::bitwise_and(a, b, in.s);
    case mx::BitwiseBinary::Or:
      return mx::bitwise_or(a, b, in.s);
    case mx::BitwiseBinary::Xor:
      return mx::bitwise_xor(a, b, in.s);
    case mx::BitwiseBinary::LeftShift:
      return mx::left_shift(a, b, in.s);
    default:
      return mx::right_shift(a, b, in.s);
  }
}

mx::array map(const mx::AddMM& op, const Batch& in) {
  const auto [alpha, beta] = op.state();
  return mx::addmm(in.repeated(2), in.repeated(0), in.repeated(1), alpha, beta, in.s);
}

Arrays map(const mx::DivMod&, const Batch& in) {
  return mx::divmod(in.with_axis(0), in.with_axis(1), in.s);
}

using Rule = Mapped (*)(const mx::array& node, const Arrays& inputs, const std::vector<int>& axes);

// The results, all of which have the mapped axis first.
Mapped mapped_first(Arrays results) {
  std::vector<int> axes(results.size(), 0);
  return {std::move(results), std::move(axes)};
}

// MLX's own rule is the right one.
Mapped by_mlx(const mx::array& node, const Arrays& inputs, const std::vector<int>& axes) {
  return node.primitive().vmap(inputs, axes);
}

// What an input that is not mapped is made of, if that is a scalar.
const mx::array& before_broadcast(const mx::array& a) {
  const bool is_scalar = a.inputs().size() == 1 && a.inputs()[0].ndim() == 0 &&
      std::string_view(a.primitive().name()) == "Broadcast";
  return is_scalar ? a.inputs()[0] : a;
}

// An operation element by element, whose primitive knows nothing of shapes, is its own batch.
Mapped elementwise(const mx::array& node, const Arrays& inputs, const std::vector<int>& axes) {
  const size_t first =
      std::find_if(axes.begin(), axes.end(), [](int axis) { return axis >= 0; }) - axes.begin();
  const int axis = axes[first];
  const auto& shape = inputs[first].shape();
  // Nodes that are evaluated may have the primitive of a kernel.
  if (records_for_all_shapes || node.status() != mx::array::Status::unscheduled) {
    return by_mlx(node, inputs, axes);
  }
  Arrays given;
  given.reserve(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (axes[i] >= 0) {
      given.push_back(inputs[i]);
    } else if (const auto& source = before_broadcast(inputs[i]); source.ndim() == 0 || axis == 0) {
      given.push_back(mlx_c::broadcast_to(source, shape, node.primitive().stream()));
    }
    if (given.size() == i || given[i].shape() != shape || (axes[i] >= 0 && axes[i] != axis)) {
      return by_mlx(node, inputs, axes);
    }
  }
  return {
      inputs_of(mx::array(shape, node.dtype(), node.primitive_ptr(), std::move(given))), {axis}};
}

template <class Operation>
Mapped by_rule(const mx::array& node, const Arrays& inputs, const std::vector<int>& axes) {
  // The original outlives this: the node has it.
  const auto op = cpu::KernelOverride::unwrapped(node.primitive_ptr());
  return mapped_first({map(static_cast<const Operation&>(*op), Batch(inputs, axes, op->stream()))});
}

// A graph for all shapes has Broadcasts with more inputs, which hold no shape.
template <class Operation>
Mapped if_unary(const mx::array& node, const Arrays& inputs, const std::vector<int>& axes) {
  return inputs.size() == 1 ? by_rule<Operation>(node, inputs, axes) : by_mlx(node, inputs, axes);
}

// Nodes like a given one.
struct Repeated {
  explicit Repeated(const mx::array& node)
      : original(cpu::KernelOverride::unwrapped(node.primitive_ptr())) {
    for (auto& result : node.outputs()) {
      shapes.push_back(result.shape());
      dtypes.push_back(result.dtype());
    }
  }

  Arrays apply(const Arrays& inputs) const {
    return mx::array::make_arrays(shapes, dtypes, original, inputs);
  }

  const std::shared_ptr<mx::Primitive> original;
  std::vector<mx::Shape> shapes;
  std::vector<mx::Dtype> dtypes;
};

// One operation for the whole batch, of a kernel that takes leading axes as such.
Mapped as_batch(const mx::array& node, const Arrays& inputs, const std::vector<int>& axes) {
  Repeated batch(node);
  const Batch in(inputs, axes, batch.original->stream());
  for (auto& shape : batch.shapes) {
    shape = with_front(in.extent, shape);
  }
  return mapped_first(batch.apply(in.inputs));
}

mx::array element(const mx::array& a, int i, mx::Stream s) {
  auto start = mx::Shape(a.ndim(), 0), stop = a.shape();
  start[0] = i;
  stop[0] = i + 1;
  return mx::squeeze(mx::slice(a, start, stop, s), 0, s);
}

// One operation for each element, stacked.
Mapped one_by_one(const mx::array& node, const Arrays& inputs, const std::vector<int>& axes) {
  const Repeated repeated(node);
  const auto s = repeated.original->stream();
  Batch in(inputs, axes, s);
  for (size_t j = 0; j < axes.size(); j++) {
    if (axes[j] >= 0) {
      // Some operations depend on how their input lies in memory.
      in.inputs[j] = mx::contiguous(in.inputs[j], false, s);
    }
  }
  std::vector<Arrays> results(repeated.shapes.size());
  for (int i = 0; i < in.extent; i++) {
    Arrays one;
    for (size_t j = 0; j < in.inputs.size(); j++) {
      one.push_back(in.is_mapped[j] ? element(in.inputs[j], i, s) : in.inputs[j]);
    }
    const auto made = repeated.apply(one);
    for (size_t j = 0; j < results.size(); j++) {
      results[j].push_back(made[j]);
    }
  }
  Arrays stacked;
  for (size_t j = 0; j < results.size(); j++) {
    stacked.push_back(
        in.extent > 0 ? mx::stack(results[j], 0, s)
                      : mx::zeros(with_front(0, repeated.shapes[j]), repeated.dtypes[j], s));
  }
  return mapped_first(std::move(stacked));
}

bool fits(const Mapped& result, const mx::array& node, int extent) {
  const size_t count = 1 + node.siblings().size();
  if (result.first.size() != count || result.second.size() != count) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    const int axis = result.second[i];
    auto shape = count == 1 ? node.shape() : node.outputs()[i].shape();
    if (axis > static_cast<int>(shape.size())) {
      return false;
    }
    if (axis >= 0) {
      shape.insert(shape.begin() + axis, extent);
    }
    if (result.first[i].shape() != shape) {
      return false;
    }
  }
  return true;
}

// MLX's rule if it has one that gives the right shapes, else one operation for each element.
Mapped by_mlx_if_it_fits(
    const mx::array& node, const Arrays& inputs, const std::vector<int>& axes) {
  const size_t place =
      std::find_if(axes.begin(), axes.end(), [](int axis) { return axis >= 0; }) - axes.begin();
  const int extent = inputs[place].shape(axes[place]);
  try {
    auto result = by_mlx(node, inputs, axes);
    if (fits(result, node, extent)) {
      return result;
    }
  } catch (const std::exception&) {
    // Not all of them say so by one type.
  }
  return one_by_one(node, inputs, axes);
}

// MLX makes groups of the weights that are mapped, as if there were none before.
Mapped convolution(const mx::array& node, const Arrays& inputs, const std::vector<int>& axes) {
  const auto op = cpu::KernelOverride::unwrapped(node.primitive_ptr());
  const int groups = std::get<5>(static_cast<const mx::Convolution&>(*op).state());
  return axes[1] < 0 || groups == 1 ? by_mlx_if_it_fits(node, inputs, axes)
                                    : one_by_one(node, inputs, axes);
}

const std::unordered_map<std::string_view, Rule> rules{
    {"AddMM", by_rule<mx::AddMM>},
    {"BitwiseAnd", by_rule<mx::BitwiseBinary>},
    {"BitwiseOr", by_rule<mx::BitwiseBinary>},
    {"BitwiseXor", by_rule<mx::BitwiseBinary>},
    {"LeftShift", by_rule<mx::BitwiseBinary>},
    {"RightShift", by_rule<mx::BitwiseBinary>},
    {"Broadcast", if_unary<mx::Broadcast>},
    {"Convolution", convolution},
    {"DivMod", by_rule<mx::DivMod>},
    {"DynamicSlice", by_rule<mx::DynamicSlice>},
    {"DynamicSliceUpdate", by_rule<mx::DynamicSliceUpdate>},
    {"ExpandDims", if_unary<mx::ExpandDims>},
    {"FromFP8", as_batch},
    {"Gather", by_rule<mx::Gather>},
    {"GatherAxis", by_rule<mx::GatherAxis>},
    {"Inverse", as_batch},
    {"LUF", as_batch},
    {"NotEqual", by_rule<mx::NotEqual>},
    {"QRF", as_batch},
    {"Reshape", if_unary<mx::Reshape>},
    {"Scatter", by_rule<mx::Scatter>},
    {"Scatter Max", by_rule<mx::Scatter>},
    {"Scatter Min", by_rule<mx::Scatter>},
    {"Scatter Prod", by_rule<mx::Scatter>},
    {"Scatter Sum", by_rule<mx::Scatter>},
    {"ScatterAxis", by_rule<mx::ScatterAxis>},
    {"ScatterAxis Sum", by_rule<mx::ScatterAxis>},
    {"SliceUpdate", by_rule<mx::SliceUpdate>},
    {"SliceUpdate Max", by_rule<mx::SliceUpdate>},
    {"SliceUpdate Min", by_rule<mx::SliceUpdate>},
    {"SliceUpdate Prod", by_rule<mx::SliceUpdate>},
    {"SliceUpdate Sum", by_rule<mx::SliceUpdate>},
    {"ToFP8", as_batch},
    {"Transpose", if_unary<mx::Transpose>},
    // The user's errors are no reason to do without the user's rule.
    {"CustomTransforms", by_mlx},
    {"Matmul", by_mlx},
    {"Abs", elementwise},
    {"Add", elementwise},
    {"AsType", elementwise},
    {"Cos", elementwise},
    {"Divide", elementwise},
    {"Erf", elementwise},
    {"Exp", elementwise},
    {"Log", elementwise},
    {"Maximum", elementwise},
    {"Minimum", elementwise},
    {"Multiply", elementwise},
    {"Negative", elementwise},
    {"Power", elementwise},
    {"Rsqrt", elementwise},
    {"Sigmoid", elementwise},
    {"Sin", elementwise},
    {"Sqrt", elementwise},
    {"Square", elementwise},
    {"Subtract", elementwise},
    {"Tanh", elementwise},
};

}  // namespace

Mapped node_vmap(const mx::array& node, const Arrays& inputs, const std::vector<int>& axes) {
  if (std::all_of(axes.begin(), axes.end(), [](int axis) { return axis < 0; })) {
    auto results = Repeated(node).apply(inputs);
    std::vector<int> none(results.size(), -1);
    return {std::move(results), std::move(none)};
  }
  const auto rule = rules.find(node.primitive().name());
  return rule != rules.end() ? rule->second(node, inputs, axes)
                             : by_mlx_if_it_fits(node, inputs, axes);
}

}  // namespace mlx_c

#include "core/vmap_rules.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <mlx/ops.h>

#include "core/lent_primitives.hpp"

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

template <class Operation>
class VmapPrimitive : public LentPrimitive {
 public:
  using LentPrimitive::LentPrimitive;

  Mapped vmap(const Arrays& inputs, const std::vector<int>& axes) override {
    const auto& op = static_cast<const Operation&>(*original_);
    const Arrays results{map(op, Batch(inputs, axes, stream()))};
    return {results, std::vector<int>(results.size(), 0)};
  }
};

// One operation for the whole batch, of a kernel that takes leading axes as such.
class MappedAsBatch : public RepeatedPrimitive {
 public:
  using RepeatedPrimitive::RepeatedPrimitive;

  Mapped vmap(const Arrays& inputs, const std::vector<int>& axes) override {
    const Batch in(inputs, axes, stream());
    std::vector<mx::Shape> shapes;
    for (auto& shape : shapes_) {
      shapes.push_back(with_front(in.extent, shape));
    }
    return {
        mx::array::make_arrays(shapes, dtypes_, original_, in.inputs),
        std::vector<int>(shapes.size(), 0)};
  }
};

// MLX's rule if it has one that gives the right shapes, else one operation for each element.
class MappedOneByOne : public RepeatedPrimitive {
 public:
  using RepeatedPrimitive::RepeatedPrimitive;

  Mapped vmap(const Arrays& inputs, const std::vector<int>& axes) override {
    Batch in(inputs, axes, stream());
    if (trusts_mlx(axes)) {
      try {
        auto result = original_->vmap(inputs, axes);
        if (fits(result, in.extent)) {
          return result;
        }
      } catch (const std::exception&) {
        // Not all of them say so by one type.
      }
    }
    for (size_t j = 0; j < axes.size(); j++) {
      if (axes[j] >= 0) {
        // Some operations depend on how their input lies in memory.
        in.inputs[j] = mx::contiguous(in.inputs[j], false, stream());
      }
    }
    std::vector<Arrays> results(shapes_.size());
    for (int i = 0; i < in.extent; i++) {
      Arrays one;
      for (size_t j = 0; j < in.inputs.size(); j++) {
        one.push_back(in.is_mapped[j] ? element(in.inputs[j], i) : in.inputs[j]);
      }
      const auto made = apply(one);
      for (size_t j = 0; j < results.size(); j++) {
        results[j].push_back(made[j]);
      }
    }
    Mapped stacked{{}, std::vector<int>(shapes_.size(), 0)};
    for (size_t j = 0; j < results.size(); j++) {
      stacked.first.push_back(
          in.extent > 0 ? mx::stack(results[j], 0, stream())
                        : mx::zeros(with_front(0, shapes_[j]), dtypes_[j], stream()));
    }
    return stacked;
  }

 protected:
  virtual bool trusts_mlx(const std::vector<int>&) const {
    return true;
  }

 private:
  mx::array element(const mx::array& a, int i) {
    auto start = mx::Shape(a.ndim(), 0), stop = a.shape();
    start[0] = i;
    stop[0] = i + 1;
    return mx::squeeze(mx::slice(a, start, stop, stream()), 0, stream());
  }

  bool fits(const Mapped& result, int extent) const {
    if (result.first.size() != shapes_.size() || result.second.size() != shapes_.size()) {
      return false;
    }
    for (size_t i = 0; i < shapes_.size(); i++) {
      const int axis = result.second[i];
      auto shape = shapes_[i];
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
};

// MLX makes groups of the weights that are mapped, as if there were none before.
class MappedConvolution : public MappedOneByOne {
 public:
  using MappedOneByOne::MappedOneByOne;

 protected:
  bool trusts_mlx(const std::vector<int>& axes) const override {
    const auto& convolution = static_cast<const mx::Convolution&>(*original_);
    const int groups = std::get<5>(convolution.state());
    return axes[1] < 0 || groups == 1;
  }
};

template <class Operation>
std::shared_ptr<mx::Primitive> mapped_by_rule(mx::array& node) {
  return std::make_shared<VmapPrimitive<Operation>>(node);
}

template <class Rule>
std::shared_ptr<mx::Primitive> mapped_by(mx::array& node) {
  return std::make_shared<Rule>(node);
}

// A graph for all shapes has Broadcasts with more inputs, which hold no shape.
template <class Operation>
std::shared_ptr<mx::Primitive> if_unary(mx::array& node) {
  return node.inputs().size() == 1 ? mapped_by_rule<Operation>(node) : nullptr;
}

// MLX's own rule is the right one.
std::shared_ptr<mx::Primitive> mapped_by_mlx(mx::array&) {
  return nullptr;
}

const std::unordered_map<std::string_view, LentPrimitives::Rule> rules{
    {"AddMM", mapped_by_rule<mx::AddMM>},
    {"BitwiseAnd", mapped_by_rule<mx::BitwiseBinary>},
    {"BitwiseOr", mapped_by_rule<mx::BitwiseBinary>},
    {"BitwiseXor", mapped_by_rule<mx::BitwiseBinary>},
    {"LeftShift", mapped_by_rule<mx::BitwiseBinary>},
    {"RightShift", mapped_by_rule<mx::BitwiseBinary>},
    {"Broadcast", if_unary<mx::Broadcast>},
    {"Convolution", mapped_by<MappedConvolution>},
    {"DivMod", mapped_by_rule<mx::DivMod>},
    {"DynamicSlice", mapped_by_rule<mx::DynamicSlice>},
    {"DynamicSliceUpdate", mapped_by_rule<mx::DynamicSliceUpdate>},
    {"ExpandDims", if_unary<mx::ExpandDims>},
    {"FromFP8", mapped_by<MappedAsBatch>},
    {"Gather", mapped_by_rule<mx::Gather>},
    {"GatherAxis", mapped_by_rule<mx::GatherAxis>},
    {"Inverse", mapped_by<MappedAsBatch>},
    {"LUF", mapped_by<MappedAsBatch>},
    {"NotEqual", mapped_by_rule<mx::NotEqual>},
    {"QRF", mapped_by<MappedAsBatch>},
    {"Reshape", if_unary<mx::Reshape>},
    {"Scatter", mapped_by_rule<mx::Scatter>},
    {"Scatter Max", mapped_by_rule<mx::Scatter>},
    {"Scatter Min", mapped_by_rule<mx::Scatter>},
    {"Scatter Prod", mapped_by_rule<mx::Scatter>},
    {"Scatter Sum", mapped_by_rule<mx::Scatter>},
    {"ScatterAxis", mapped_by_rule<mx::ScatterAxis>},
    {"ScatterAxis Sum", mapped_by_rule<mx::ScatterAxis>},
    {"SliceUpdate", mapped_by_rule<mx::SliceUpdate>},
    {"SliceUpdate Max", mapped_by_rule<mx::SliceUpdate>},
    {"SliceUpdate Min", mapped_by_rule<mx::SliceUpdate>},
    {"SliceUpdate Prod", mapped_by_rule<mx::SliceUpdate>},
    {"SliceUpdate Sum", mapped_by_rule<mx::SliceUpdate>},
    {"ToFP8", mapped_by<MappedAsBatch>},
    {"Transpose", if_unary<mx::Transpose>},
    // The user's errors are no reason to do without the user's rule.
    {"CustomTransforms", mapped_by_mlx},
    // The most frequent ones need no look at their results.
    {"Add", mapped_by_mlx},
    {"Divide", mapped_by_mlx},
    {"Exp", mapped_by_mlx},
    {"Log", mapped_by_mlx},
    {"Matmul", mapped_by_mlx},
    {"Maximum", mapped_by_mlx},
    {"Minimum", mapped_by_mlx},
    {"Multiply", mapped_by_mlx},
    {"Negative", mapped_by_mlx},
    {"Square", mapped_by_mlx},
    {"Subtract", mapped_by_mlx},
    {"Tanh", mapped_by_mlx},
};

}  // namespace

std::shared_ptr<mx::Primitive> vmap_rule(mx::array& node) {
  const auto rule = rules.find(node.primitive().name());
  if (rule != rules.end()) {
    return rule->second(node);
  }
  return std::make_shared<MappedOneByOne>(node);
}

}  // namespace mlx_c

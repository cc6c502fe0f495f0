#include "core/input_shapes.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <mlx/fast_primitives.h>
#include <mlx/primitives.h>
#include <mlx/utils.h>

namespace mlx_c {

namespace mx = mlx::core;

namespace {

using mx::array;
using mx::Shape;
using Arrays = std::vector<array>;
using Shapes = RecordedShapes::Shapes;

// A node to check.
struct Node {
  const array& output;
  // The function that users know it by.
  const char* function;
  // The shapes that it was recorded with (of its inputs, then of the output), or where to look for
  // them; or neither.
  const Shapes* given = nullptr;
  const RecordedShapes* all = nullptr;

  // Null if they are not known.
  std::shared_ptr<const Shapes> recorded() const {
    if (given) {
      return {std::shared_ptr<void>(), given};
    }
    return all ? all->find(output) : nullptr;
  }

  size_t count() const {
    return output.inputs().size();
  }

  const array& input(size_t i) const {
    return output.inputs()[i];
  }

  const Shape& shape(size_t i) const {
    return output.inputs()[i].shape();
  }

  // The length of an axis, which may count from the end; -1 if there is no such axis.
  int length(size_t i, int axis) const {
    const int ndim = static_cast<int>(shape(i).size());
    axis += axis < 0 ? ndim : 0;
    return axis >= 0 && axis < ndim ? shape(i)[axis] : -1;
  }

  template <class P>
  const P& primitive() const {
    return static_cast<const P&>(output.primitive());
  }

  template <class... Parts>
  void require(bool fits, const Parts&... parts) const {
    if (!fits) {
      refuse(parts...);
    }
  }

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    std::ostringstream message;
    message << "[" << function << "] inputs of the shapes";
    for (size_t i = 0; i < count(); ++i) {
      message << (i ? ", " : " ") << shape(i);
    }
    message << " do not fit: ";
    (message << ... << parts);
    if (const auto before = recorded()) {
      message << "; the function was recorded with the shapes";
      for (size_t i = 0; i < count(); ++i) {
        message << (i ? ", " : " ") << (*before)[i];
      }
    }
    throw std::invalid_argument(message.str());
  }
};

int64_t product(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

// Whether `shape` can be broadcast to `result`.
bool broadcasts(const Shape& shape, const Shape& result) {
  return shape.size() <= result.size() &&
      std::equal(shape.rbegin(), shape.rend(), result.rbegin(), [](int length, int other) {
           return length == 1 || length == other;
         });
}

// Whether the shapes agree but for `axis`.
bool agree_but_for(const Shape& a, const Shape& b, int axis) {
  if (a.size() != b.size()) {
    return false;
  }
  for (size_t i = 0; i < a.size(); ++i) {
    if (static_cast<int>(i) != axis && a[i] != b[i]) {
      return false;
    }
  }
  return true;
}

// What a matrix product is made of: the last two axes, and those before them.
Shape batch(const Shape& shape) {
  return {shape.begin(), shape.end() - std::min<size_t>(2, shape.size())};
}

// The checks: what the inputs of primitives must satisfy.

void same_shapes(const Node& node) {
  for (size_t i = 1; i < node.count(); ++i) {
    node.require(node.shape(i) == node.shape(0), "they must be equal");
  }
}

// For each axis of `result`, whether `shape` has to be repeated along it.
std::vector<bool> stretched_axes(const Shape& shape, const Shape& result) {
  std::vector<bool> stretched(result.size(), true);
  const size_t more = result.size() - std::min(shape.size(), result.size());
  for (size_t axis = more; axis < result.size(); ++axis) {
    stretched[axis] = shape[axis - more] != result[axis];
  }
  return stretched;
}

void broadcast(const Node& node) {
  const Shape &shape = node.shape(0), &result = node.output.shape();
  node.require(broadcasts(shape, result), "the first cannot be broadcast to ", result);
  // The gradients of what was stretched are sums, those of other arrays are not.
  if (node.all && node.all->takes_gradients()) {
    const auto recorded = node.recorded();
    node.require(
        !recorded ||
            stretched_axes(shape, result) == stretched_axes((*recorded)[0], recorded->back()),
        "other axes are stretched than in the recording, which takes gradients");
  }
}

// Elementwise operations that MLX has fused.
void fused_elementwise(const Node& node) {
  for (size_t i = 0; i < node.count(); ++i) {
    node.require(
        broadcasts(node.shape(i), node.output.shape()),
        "they cannot be broadcast to ",
        node.output.shape());
  }
}

void not_empty(const Node& node) {
  node.require(
      node.input(0).size() > 0 || node.output.size() == 0,
      "there is no such element of an empty array");
}

void same_size(const Node& node) {
  node.require(
      node.input(0).size() == node.output.size(),
      "the result of the shape ",
      node.output.shape(),
      " has another number of elements");
}

void unflatten(const Node& node) {
  const auto [axis, lengths] = node.primitive<mx::Unflatten>().state();
  node.require(
      product(lengths) == node.length(0, axis),
      "the axis ",
      axis,
      " cannot be split into axes of ",
      lengths);
}

void squeeze(const Node& node) {
  for (const int axis : node.primitive<mx::Squeeze>().state()) {
    node.require(node.length(0, axis) == 1, "the axis ", axis, " has not the length 1");
  }
}

void partition_at(const Node& node, int kth, int axis) {
  node.require(
      kth < node.length(0, axis), "the axis ", axis, " has no element at the position ", kth);
}

void partition(const Node& node) {
  const auto [kth, axis] = node.primitive<mx::Partition>().state();
  partition_at(node, kth, axis);
}

void argpartition(const Node& node) {
  const auto [kth, axis] = node.primitive<mx::ArgPartition>().state();
  partition_at(node, kth, axis);
}

void concatenate(const Node& node) {
  const int axis = node.primitive<mx::Concatenate>().state();
  for (size_t i = 1; i < node.count(); ++i) {
    node.require(
        agree_but_for(node.shape(i), node.shape(0), axis),
        "they must be equal but for the axis ",
        axis);
  }
}

void matmul(const Node& node) {
  node.require(
      node.length(0, -2) >= 0 && node.length(1, -2) >= 0,
      "the factors must have at least two axes");
  node.require(
      node.length(0, -1) == node.length(1, -2),
      "the last axis of the first factor must be as long as the last but one of the second");
  node.require(
      batch(node.shape(0)) == batch(node.shape(1)),
      "the axes before the last two must be equally long");
}

void addmm(const Node& node) {
  matmul(node);
  node.require(
      broadcasts(node.shape(2), node.output.shape()),
      "the summand cannot be broadcast to ",
      node.output.shape());
}

// Whether `index` is a range of numbers that stands in the recording, broadcast or not.
bool is_range(const array& index) {
  const array* source = &index;
  while (source->has_primitive()) {
    const std::string_view name = source->primitive().name();
    if (name == "Arange") {
      return true;
    }
    if (name != "Broadcast" && name != "Reshape" && name != "AsType") {
      return false;
    }
    source = &source->inputs()[0];
  }
  return false;
}

// A range that counts all matrices was made for as many as there were.
void same_batch(const Node& node, size_t matrices, size_t indices) {
  if (!is_range(node.input(indices))) {
    return;
  }
  const auto recorded = node.recorded();
  node.require(
      !recorded || batch((*recorded)[matrices]) == batch(node.shape(matrices)),
      "the indices of the matrices were recorded for another number of them");
}

// Indices of matrices, one of each factor.
void indices_of_matrices(const Node& node, size_t lhs) {
  node.require(node.shape(lhs) == node.shape(lhs + 1), "the indices must have equal shapes");
  same_batch(node, 0, lhs);
  same_batch(node, 1, lhs + 1);
}

void gather_mm(const Node& node) {
  node.require(
      node.length(0, -2) >= 0 && node.length(0, -1) == node.length(1, -2),
      "the last axis of the first factor must be as long as the last but one of the second");
  indices_of_matrices(node, 2);
}

// How many numbers a row of packed ones has.
int64_t unpacked(int length, int bits) {
  return int64_t{length} * 32 / bits;
}

// Packed numbers in the input `w`, and their scales and biases (up to the input `end`) behind it.
void quantized(const Node& node, size_t w, size_t end, int group_size, int bits) {
  const Shape &packed = node.shape(w), &scales = node.shape(w + 1);
  node.require(
      agree_but_for(packed, scales, static_cast<int>(packed.size()) - 1) && !packed.empty() &&
          int64_t{scales.back()} * group_size == unpacked(packed.back(), bits),
      "the scales must have one number for each group of ",
      group_size);
  for (size_t i = w + 2; i < end; ++i) {
    node.require(node.shape(i) == scales, "the biases must have the shape of the scales");
  }
}

void quantized_factors(
    const Node& node, size_t end, int group_size, int bits, bool transposes, bool gathers) {
  quantized(node, 1, end, group_size, bits);
  const int64_t rows = node.length(1, -2), columns = unpacked(node.length(1, -1), bits);
  node.require(
      node.length(0, -1) == (transposes ? columns : rows),
      "the last axis must have the length ",
      transposes ? columns : rows,
      ", that of the quantized matrix");
  node.require(
      gathers || node.shape(1).size() == 2 || batch(node.shape(0)) == batch(node.shape(1)),
      "the axes before the last two must be equally long");
}

void quantized_matmul(const Node& node) {
  const auto [group_size, bits, mode, transposes] = node.primitive<mx::QuantizedMatmul>().state();
  quantized_factors(node, node.count(), group_size, bits, transposes, false);
}

void gather_qmm(const Node& node) {
  const auto [group_size, bits, mode, transposes, left, right] =
      node.primitive<mx::GatherQMM>().state();
  const size_t lhs = node.count() - 2;
  quantized_factors(node, lhs, group_size, bits, transposes, true);
  indices_of_matrices(node, lhs);
}

// Inputs that are quantized on the way: the rows of both factors have one length, and groups.
void quantized_both(const Node& node, int group_size, int bits) {
  const bool is_packed = node.input(1).dtype() == mx::uint32;
  const int64_t columns = is_packed ? unpacked(node.length(1, -1), bits) : node.length(1, -1);
  node.require(
      node.length(0, -1) == columns && columns % group_size == 0,
      "the last axes must have one length, a multiple of ",
      group_size);
  if (is_packed) {
    quantized(node, 1, 3, group_size, bits);
  }
}

void qqmm(const Node& node) {
  const auto [group_size, bits, mode] = node.primitive<mx::QQMatmul>().state();
  quantized_both(node, group_size, bits);
}

void gather_qqmm(const Node& node) {
  const auto [group_size, bits, mode, left, right] = node.primitive<mx::GatherQQMM>().state();
  quantized_both(node, group_size, bits);
  indices_of_matrices(node, node.input(1).dtype() == mx::uint32 ? 3 : 2);
}

void quantize(const Node& node) {
  const auto [fallback, group_size, bits, mode, dequantizes] =
      node.primitive<mx::fast::Quantize>().state();
  if (dequantizes) {
    quantized(node, 0, mode == mx::QuantizationMode::Affine ? node.count() : 2, group_size, bits);
  } else {
    node.require(
        node.length(0, -2) >= 0 && node.length(0, -1) % group_size == 0,
        "the last axis must be a multiple of ",
        group_size);
  }
}

// The lengths of a kernel or an image without its channels and number.
Shape spatial(const Shape& shape) {
  return shape.size() < 2 ? Shape{} : Shape(shape.begin() + 1, shape.end() - 1);
}

void convolution(const Node& node) {
  const auto [strides, low, high, kernel_dilation, input_dilation, groups, flips] =
      node.primitive<mx::Convolution>().state();
  node.require(
      node.shape(0).size() == node.shape(1).size() && node.length(1, -1) > 0 &&
          node.length(0, -1) == int64_t{node.length(1, -1)} * groups &&
          node.length(1, 0) % groups == 0,
      "the channels of the first must be those of the kernel, in ",
      groups,
      " groups");
  const Shape& result = node.output.shape();
  node.require(
      std::ranges::all_of(result, [](int length) { return length >= 0; }),
      "the kernel is larger than the padded input");
  // The padding of a transposed convolution depends on the lengths of its kernel.
  const auto recorded = flips ? node.recorded() : nullptr;
  node.require(
      !recorded || spatial(node.shape(1)) == spatial((*recorded)[1]),
      "the kernel was recorded with another shape");
}

// Hadamard matrices exist for m * 2^k rows.
bool is_hadamard_size(int size) {
  return std::ranges::any_of(std::vector<int>{1, 12, 20, 28}, [size](int m) {
    return size > 0 && size % m == 0 && std::has_single_bit(static_cast<unsigned>(size / m));
  });
}

void hadamard(const Node& node) {
  const int size = node.length(0, -1);
  node.require(is_hadamard_size(size), "there is no Hadamard matrix of ", size, " rows");
}

void square_matrices(const Node& node) {
  node.require(
      node.length(0, -2) >= 0 && node.length(0, -1) == node.length(0, -2),
      "the last two axes must be equally long");
}

void searchsorted(const Node& node) {
  node.require(node.shape(0).size() == 1, "the first must have one axis");
}

void gather(const Node& node) {
  const auto [axes, lengths] = node.primitive<mx::Gather>().state();
  const Shape& source = node.shape(0);
  node.require(
      std::ranges::equal(lengths, source, std::ranges::less_equal()),
      "slices of the shape ",
      lengths,
      " are larger than the first");
  for (size_t i = 1; i < node.count(); ++i) {
    node.require(node.shape(i) == node.shape(1), "the indices must have equal shapes");
  }
  const auto recorded = node.recorded();
  if (!recorded) {
    return;
  }
  const Shape& before = recorded->front();
  for (size_t axis = 0; axis < source.size(); ++axis) {
    const bool is_indexed = std::ranges::find(axes, static_cast<int>(axis)) != axes.end();
    const bool was_whole = !is_indexed && lengths[axis] == before[axis];
    node.require(
        !was_whole || source[axis] == before[axis],
        "slices along the axis ",
        axis,
        " were recorded with all of its ",
        before[axis],
        " elements");
  }
}

void gather_axis(const Node& node) {
  const int axis = node.primitive<mx::GatherAxis>().state();
  node.require(
      agree_but_for(node.shape(0), node.shape(1), axis), "they must be equal but for axis ", axis);
}

void scatter_axis(const Node& node) {
  const int axis = node.primitive<mx::ScatterAxis>().state().second;
  node.require(
      agree_but_for(node.shape(0), node.shape(1), axis) && node.shape(1) == node.shape(2),
      "they must be equal but for axis ",
      axis,
      " of the first");
}

void masked_scatter(const Node& node) {
  node.require(
      node.shape(0) == node.shape(1) &&
          (node.shape(0).empty() || node.length(0, 0) == node.length(2, 0)),
      "the mask must have the shape of the first");
}

void slice_fits(const Node& node, const Shape& slice) {
  node.require(
      std::ranges::equal(slice, node.shape(0), std::ranges::less_equal()),
      "a slice of shape ",
      slice,
      " does not fit into an array of shape ",
      node.shape(0));
}

void dynamic_slice(const Node& node) {
  const auto [axes, lengths] = node.primitive<mx::DynamicSlice>().state();
  slice_fits(node, lengths);
  node.require(node.input(1).size() == axes.size(), "there must be a start for each axis");
}

void dynamic_slice_update(const Node& node) {
  slice_fits(node, node.shape(1));
  node.require(
      node.input(2).size() == node.primitive<mx::DynamicSliceUpdate>().state().size(),
      "there must be a start for each axis");
}

void slice_update(const Node& node) {
  const auto [reduction, start, stop, strides] = node.primitive<mx::SliceUpdate>().state();
  const Shape &target = node.shape(0), &update = node.shape(1);
  node.require(
      target.size() == start.size() && update.size() == start.size(), "the slice has other axes");
  // Whether a position was counted from the end, or an end left out, cannot be seen any more.
  const auto recorded = node.recorded();
  node.require(
      !recorded || target == recorded->front(), "the slice was recorded for an array of one shape");
  for (size_t axis = 0; axis < start.size(); ++axis) {
    const int64_t first = start[axis], step = strides[axis];
    // A negative stop of a slice that goes back means that it includes the first element.
    const int64_t end = step < 0 ? std::max(stop[axis], -1) : stop[axis];
    const int64_t count = std::max<int64_t>(0, (end - first + step - (step > 0 ? 1 : -1)) / step);
    const int64_t last = first + (count - 1) * step;
    node.require(
        count == 0 || (std::min(first, last) >= 0 && std::max(first, last) < target[axis]),
        "the slice ",
        first,
        ":",
        end,
        ":",
        step,
        " reaches beyond axis ",
        axis);
    node.require(
        update[axis] == count, "the update must have the length ", count, " along axis ", axis);
  }
}

// Primitives of MLX for GPUs, and those of this library with the same inputs, which know more about
// them.

void normalization(const Node& node) {
  for (size_t i = 1; i < node.count(); ++i) {
    node.require(
        node.shape(i).empty() || node.shape(i) == Shape{node.length(0, -1)},
        "the parameters must have the length of the last axis");
  }
}

void rope(const Node& node) {
  if (node.output.primitive().device() != mx::Device::gpu) {
    return;
  }
  const int dims = std::get<1>(node.primitive<mx::fast::RoPE>().state());
  node.require(
      node.shape(0).size() >= 3 && node.length(0, -1) >= dims,
      "the last axis is shorter than ",
      dims);
  const size_t offsets = node.input(1).size();
  node.require(
      offsets == 1 || offsets == static_cast<size_t>(node.length(0, 0)),
      "there must be one offset, or one for each sequence");
  node.require(
      node.count() < 3 || node.shape(2) == Shape{dims / 2},
      "there must be ",
      dims / 2,
      " frequencies");
}

void attention(const Node& node) {
  const Shape &q = node.shape(0), &k = node.shape(1), &v = node.shape(2);
  node.require(
      q.size() == 4 && k.size() == 4 && v.size() == 4 && q[0] == k[0] && q[0] == v[0] &&
          k[1] == v[1] && k[2] == v[2] && q[3] == k[3] && (k[1] == 0 || q[1] % k[1] == 0),
      "queries, keys and values must agree");
  if (node.output.primitive().device() != mx::Device::gpu) {
    return;
  }
  const bool has_sinks = std::get<3>(node.primitive<mx::fast::ScaledDotProductAttention>().state());
  const size_t masks = node.count() - has_sinks;
  for (size_t i = 3; i < masks; ++i) {
    node.require(
        broadcasts(node.shape(i), {q[0], q[1], q[2], k[2]}), "the mask cannot be broadcast");
  }
  node.require(
      !has_sinks || node.shape(masks) == Shape{q[1]}, "there must be a sink for each head");
}

// Targets for the rows of logits, in the second input, and a cotangent for each.
void cross_entropy(const Node& node) {
  Shape rows = node.shape(0);
  node.require(!rows.empty(), "the logits must have an axis");
  rows.pop_back();
  for (size_t i = 1; i < node.count(); ++i) {
    node.require(
        node.shape(i).empty() ? i > 1 || rows.empty() : node.shape(i) == rows,
        "there must be a target for each row of the logits");
  }
}

void one_key(const Node& node) {
  node.require(node.shape(0) == Shape{2}, "a key has the shape (2)");
}

// The relations between these shapes are not public.
void as_recorded(const Node& node) {
  const auto recorded = node.recorded();
  for (size_t i = 0; recorded && i < node.count(); ++i) {
    node.require(node.shape(i) == (*recorded)[i], "they must be the recorded ones");
  }
}

// Whether nodes have to know the shapes that they were recorded with.
enum class Remembers : uint8_t { never, always, for_gradients };

// What there is to check of a primitive.
struct ShapeRow {
  const char* function;
  // Null if the primitive takes inputs of all shapes.
  void (*check)(const Node& node) = nullptr;
  Remembers remembers = Remembers::never;
};

// By the names of those primitives that a function for all shapes may consist of: the others do not
// infer the shapes of their outputs.
std::unordered_map<std::string_view, ShapeRow> make_rows() {
  std::unordered_map<std::string_view, ShapeRow> rows{
      // matrix products and convolutions
      {"AddMM", {"addmm", addmm}},
      {"Convolution", {"conv", convolution, Remembers::always}},
      {"GatherMM", {"gather_mm", gather_mm, Remembers::always}},
      {"GatherQMM", {"gather_qmm", gather_qmm, Remembers::always}},
      {"GatherQQMM", {"gather_qqmm", gather_qqmm, Remembers::always}},
      {"Hadamard", {"hadamard_transform", hadamard}},
      {"Matmul", {"matmul", matmul}},
      {"QQMatmul", {"qqmm", qqmm}},
      {"QuantizedMatmul", {"quantized_matmul", quantized_matmul}},
      {"Quantize", {"quantize", quantize}},

      // linear algebra
      {"Eig", {"eig", square_matrices}},
      {"Eigh", {"eigh", square_matrices}},

      // reductions, scans, sorting
      {"And", {"all"}},
      {"ArgPartition", {"argpartition", argpartition}},
      {"ArgReduce", {"argmax or argmin", not_empty}},
      {"ArgSort", {"argsort"}},
      {"CumLogAddExp", {"logcumsumexp"}},
      {"CumMax", {"cummax"}},
      {"CumMin", {"cummin"}},
      {"CumProd", {"cumprod"}},
      {"CumSum", {"cumsum"}},
      {"LogSumExp", {"logsumexp"}},
      {"Max", {"max", not_empty}},
      {"Min", {"min", not_empty}},
      {"Or", {"any"}},
      {"Partition", {"partition", partition}},
      {"Prod", {"prod"}},
      {"SearchSorted", {"searchsorted", searchsorted}},
      {"Softmax", {"softmax"}},
      {"Sort", {"sort"}},
      {"Sum", {"sum"}},

      // indexing
      {"DynamicSlice", {"slice", dynamic_slice}},
      {"DynamicSliceUpdate", {"slice_update", dynamic_slice_update}},
      {"Gather", {"gather", gather, Remembers::always}},
      {"GatherAxis", {"take_along_axis", gather_axis}},
      {"MaskedScatter", {"masked_scatter", masked_scatter}},
      {"ScatterAxis", {"put_along_axis", scatter_axis}},
      {"ScatterAxis Sum", {"scatter_add_axis", scatter_axis}},
      {"SliceUpdate", {"slice_update", slice_update, Remembers::always}},
      {"SliceUpdate Max", {"slice_update_max", slice_update, Remembers::always}},
      {"SliceUpdate Min", {"slice_update_min", slice_update, Remembers::always}},
      {"SliceUpdate Prod", {"slice_update_prod", slice_update, Remembers::always}},
      {"SliceUpdate Sum", {"slice_update_add", slice_update, Remembers::always}},

      // creation and layout
      {"Arange", {"arange"}},
      {"Broadcast", {"broadcast_to", broadcast, Remembers::for_gradients}},
      {"BroadcastAxes", {"broadcast_arrays", broadcast, Remembers::for_gradients}},
      {"Concatenate", {"concatenate", concatenate}},
      {"Contiguous", {"contiguous"}},
      {"Copy", {"copy"}},
      {"ExpandDims", {"expand_dims"}},
      {"Flatten", {"flatten", same_size}},
      {"Full", {"full"}},
      {"NumberOfElements", {"number_of_elements"}},
      {"Reshape", {"reshape", same_size}},
      {"Squeeze", {"squeeze", squeeze}},
      {"StopGradient", {"stop_gradient"}},
      {"Transpose", {"transpose"}},
      {"Unflatten", {"unflatten", unflatten}},

      // fused ops, of MLX for GPUs and of this library
      {"AttentionGradients", {"scaled_dot_product_attention", attention}},
      {"CrossEntropy", {"cross_entropy", cross_entropy}},
      {"CrossEntropyGradient", {"cross_entropy", cross_entropy}},
      {"CrossEntropyVJP", {"cross_entropy", cross_entropy}},
      {"FromFP8", {"from_fp8"}},
      {"GatedDeltaUpdate", {"gated_delta_update", as_recorded, Remembers::always}},
      {"GatedDeltaUpdateVJP", {"gated_delta_update", as_recorded, Remembers::always}},
      {"LayerNorm", {"layer_norm", normalization}},
      {"NormalizationGradients", {"rms_norm or layer_norm"}},
      {"RMSNorm", {"rms_norm", normalization}},
      {"RandomNormal", {"normal", one_key}},
      {"RoPE", {"rope", rope}},
      {"ScaledDotProductAttention", {"scaled_dot_product_attention", attention}},
      {"ToFP8", {"to_fp8"}},
  };
  // Elementwise operations, whose inputs MLX has broadcast.
  for (const auto& [primitive, function] :
       std::initializer_list<std::pair<const char*, const char*>>{
           {"Abs", "abs"},
           {"ArcCos", "arccos"},
           {"ArcCosh", "arccosh"},
           {"ArcSin", "arcsin"},
           {"ArcSinh", "arcsinh"},
           {"ArcTan", "arctan"},
           {"ArcTanh", "arctanh"},
           {"AsType", "astype"},
           {"BitwiseInvert", "bitwise_invert"},
           {"Ceil", "ceil"},
           {"Conjugate", "conjugate"},
           {"Cos", "cos"},
           {"Cosh", "cosh"},
           {"Erf", "erf"},
           {"ErfInv", "erfinv"},
           {"Exp", "exp"},
           {"Expm1", "expm1"},
           {"Floor", "floor"},
           {"Imag", "imag"},
           {"Log", "log"},
           {"Log10", "log10"},
           {"Log1p", "log1p"},
           {"Log2", "log2"},
           {"LogicalNot", "logical_not"},
           {"Negative", "negative"},
           {"Real", "real"},
           {"Round", "round"},
           {"Rsqrt", "rsqrt"},
           {"Sigmoid", "sigmoid"},
           {"Sign", "sign"},
           {"Sin", "sin"},
           {"Sinh", "sinh"},
           {"Sqrt", "sqrt"},
           {"Square", "square"},
           {"Tan", "tan"},
           {"Tanh", "tanh"},
           {"Add", "add"},
           {"ArcTan2", "arctan2"},
           {"BitwiseAnd", "bitwise_and"},
           {"BitwiseOr", "bitwise_or"},
           {"BitwiseXor", "bitwise_xor"},
           {"DivMod", "divmod"},
           {"Divide", "divide"},
           {"Equal", "equal"},
           {"FloorDivide", "floor_divide"},
           {"Greater", "greater"},
           {"GreaterEqual", "greater_equal"},
           {"LeftShift", "left_shift"},
           {"Less", "less"},
           {"LessEqual", "less_equal"},
           {"LogAddExp", "logaddexp"},
           {"LogicalAnd", "logical_and"},
           {"LogicalOr", "logical_or"},
           {"Maximum", "maximum"},
           {"Minimum", "minimum"},
           {"Multiply", "multiply"},
           {"NaNEqual", "array_equal"},
           {"NotEqual", "not_equal"},
           {"Power", "power"},
           {"Remainder", "remainder"},
           {"RightShift", "right_shift"},
           {"Select", "where"},
           {"Subtract", "subtract"},
       }) {
    rows.emplace(primitive, ShapeRow{function, same_shapes});
  }
  return rows;
}

const std::unordered_map<std::string_view, ShapeRow>& shape_rows() {
  static const auto& rows = *new std::unordered_map<std::string_view, ShapeRow>(make_rows());
  return rows;
}

// Null if there is nothing to check.
const ShapeRow* row_of(const array& node) {
  static const ShapeRow fused{"compile", fused_elementwise};
  const std::string_view name = node.primitive().name();
  const auto found = shape_rows().find(name);
  if (found != shape_rows().end()) {
    return found->second.check ? &found->second : nullptr;
  }
  // The primitive Compiled: its name goes on with those of the operations.
  return name.starts_with("Compiled") ? &fused : nullptr;
}

// Calls `visit` for each node between `inputs` and `outputs`, those before it first.
template <class F>
void for_nodes(const Arrays& inputs, const Arrays& outputs, F visit) {
  std::unordered_set<std::uintptr_t> seen;
  for (const array& input : inputs) {
    seen.insert(input.id());
  }
  // Depth first, with a stack of its own: graphs may be deeper than the thread's stack.
  std::vector<std::pair<const array*, size_t>> path;
  auto enter = [&](const array& a) {
    // What has no inputs is constant; another thread may be loading it.
    if (!a.inputs().empty() && seen.insert(a.id()).second) {
      for (const array& sibling : a.siblings()) {
        seen.insert(sibling.id());
      }
      path.emplace_back(&a, 0);
    }
  };
  for (const array& output : outputs) {
    enter(output);
    while (!path.empty()) {
      auto& [node, next] = path.back();
      if (next < node->inputs().size()) {
        enter(node->inputs()[next++]);
        continue;
      }
      if (node->has_primitive()) {
        visit(*node);
      }
      path.pop_back();
    }
  }
}

}  // namespace

void RecordedShapes::learn(const Arrays& inputs, const Arrays& outputs, bool gradients) {
  const std::scoped_lock lock(mutex_);
  takes_gradients_ = takes_gradients_ || gradients;
  for_nodes(inputs, outputs, [this, gradients](const array& node) {
    const ShapeRow* row = row_of(node);
    const bool remembers = row &&
        (row->remembers == Remembers::always ||
         (row->remembers == Remembers::for_gradients && gradients));
    if (!remembers) {
      return;
    }
    Shapes shapes;
    for (const array& input : node.inputs()) {
      shapes.push_back(input.shape());
    }
    shapes.push_back(node.shape());
    entries_.insert_or_assign(
        &node.primitive(),
        Entry{node.primitive_ptr(), std::make_shared<const Shapes>(std::move(shapes))});
  });
}

std::shared_ptr<const Shapes> RecordedShapes::find(const array& node) const {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(&node.primitive());
  return found == entries_.end() ? nullptr : found->second.shapes;
}

void check_input_shapes(
    const Arrays& inputs, const Arrays& outputs, const RecordedShapes& recorded) {
  for_nodes(inputs, outputs, [&recorded](const array& node) {
    if (const ShapeRow* row = row_of(node)) {
      row->check({node, row->function, nullptr, &recorded});
    }
  });
}

void check_recorded_shapes(const array& node, const Shapes& recorded) {
  const ShapeRow* row = node.has_primitive() ? row_of(node) : nullptr;
  if (row && row->remembers == Remembers::always && recorded.size() == node.inputs().size() + 1) {
    row->check({node, row->function, &recorded});
  }
}

std::vector<std::string> primitives_with_checked_shapes() {
  std::vector<std::string> names;
  for (const auto& [name, row] : shape_rows()) {
    names.emplace_back(name);
  }
  return names;
}

}  // namespace mlx_c

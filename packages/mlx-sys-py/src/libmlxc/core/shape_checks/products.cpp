// Products of matrices and convolutions.
#include <algorithm>
#include <bit>
#include <string_view>
#include <vector>

#include <mlx/fast_primitives.h>
#include <mlx/primitives.h>

#include "core/shape_checks/checks.hpp"

namespace mlx_c::shape_checks {

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

namespace {

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

}  // namespace

void gather_mm(const Node& node) {
  node.require(
      node.length(0, -2) >= 0 && node.length(0, -1) == node.length(1, -2),
      "the last axis of the first factor must be as long as the last but one of the second");
  indices_of_matrices(node, 2);
}

namespace {

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

}  // namespace

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

namespace {

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

}  // namespace

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

namespace {

// The lengths of a kernel or an image without its channels and number.
Shape spatial(const Shape& shape) {
  return shape.size() < 2 ? Shape{} : Shape(shape.begin() + 1, shape.end() - 1);
}

}  // namespace

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

namespace {

// Hadamard matrices exist for m * 2^k rows.
bool is_hadamard_size(int size) {
  return std::ranges::any_of(std::vector<int>{1, 12, 20, 28}, [size](int m) {
    return size > 0 && size % m == 0 && std::has_single_bit(static_cast<unsigned>(size / m));
  });
}

}  // namespace

void hadamard(const Node& node) {
  const int size = node.length(0, -1);
  node.require(is_hadamard_size(size), "there is no Hadamard matrix of ", size, " rows");
}

}  // namespace mlx_c::shape_checks

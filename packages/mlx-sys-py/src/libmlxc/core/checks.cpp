#include "core/checks.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include <mlx/utils.h>

namespace mlx_c {

namespace mx = mlx::core;

namespace {

template <class... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw std::invalid_argument(message.str());
}

bool has(const mx::Shape& shape, int length) {
  return std::find(shape.begin(), shape.end(), length) != shape.end();
}

}  // namespace

std::optional<mx::array> scales_of(const mx::array& w, std::optional<mx::array> scales) {
  if (w.dtype() == mx::uint32 && !scales) {
    refuse("[gather_qqmm] scales must be given for quantized weights w");
  }
  return scales;
}

void check_quantized(
    const mx::array& w, const mx::array& scales, const std::optional<mx::array>& biases) {
  auto same_rows = [](const mx::Shape& a, const mx::Shape& b) {
    return a.size() == b.size() && !a.empty() && std::equal(a.begin(), a.end() - 1, b.begin());
  };
  if (!same_rows(w.shape(), scales.shape())) {
    refuse("scales of the shape ", scales.shape(), " do not fit to w of the shape ", w.shape());
  }
  if (biases && biases->shape() != scales.shape()) {
    refuse("biases has the shape ", biases->shape(), ", and scales ", scales.shape());
  }
}

void check_packing(const std::optional<int>& group_size, const std::optional<int>& bits) {
  if (group_size.value_or(1) < 1) {
    refuse("group_size must be positive, not ", *group_size);
  }
  if (bits.value_or(1) < 1) {
    refuse("bits must be positive, not ", *bits);
  }
}

void check_kernel(const mx::array& weight, int groups) {
  if (groups < 1) {
    refuse("groups must be positive, not ", groups);
  }
  if (weight.ndim() > 0 && weight.shape(-1) == 0) {
    refuse("weight has no input channels");
  }
}

void check_view(
    const mx::array& a, const mx::Shape& shape, const mx::Strides& strides, size_t offset) {
  if (strides.size() != shape.size()) {
    refuse("strides has ", strides.size(), " steps for ", shape.size(), " axes of shape");
  }
  for (auto length : shape) {
    if (length < 0) {
      refuse("a length is negative in the shape ", shape);
    }
  }
  if (has(shape, 0)) {
    return;
  }
  // So wide that no sum of products of these numbers overflows.
  __int128 lowest = offset, highest = offset;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    auto reach = static_cast<__int128>(shape[axis] - 1) * strides[axis];
    (reach < 0 ? lowest : highest) += reach;
  }
  if (lowest < 0 || highest >= static_cast<__int128>(a.size())) {
    refuse("shape, strides and offset reach outside of a, which has ", a.size(), " elements");
  }
}

void check_lengths(const mx::Shape& shape) {
  int64_t product = 1;
  for (auto length : shape) {
    if (length < -1) {
      refuse("a length is negative in the shape ", shape);
    }
    // Strides are products of lengths, also those of an empty array.
    if (length > 0 && __builtin_mul_overflow(product, int64_t{length}, &product)) {
      refuse("the lengths in shape ", shape, " are too large");
    }
  }
  if (has(shape, 0) && has(shape, -1)) {
    refuse("the length for -1 cannot be worked out beside 0 in shape ", shape);
  }
}

void check_strides(const mx::Shape& strides) {
  if (has(strides, 0)) {
    refuse("a stride is 0 in ", strides);
  }
}

void check_slice_size(const mx::Shape& slice_size) {
  for (auto length : slice_size) {
    if (length < 0) {
      refuse("a length is negative in slice_size ", slice_size);
    }
  }
}

void check_pieces(const mx::array& a, int num_splits) {
  constexpr int most = 1 << 16;
  if (a.size() == 0 && num_splits > most) {
    refuse("num_splits must be at most ", most, " for an empty array, not ", num_splits);
  }
}

void check_axes(const mx::array& a, const std::vector<int>& axes) {
  auto ndim = static_cast<int>(a.ndim());
  for (auto axis : axes) {
    if (axis < -ndim || axis >= ndim) {
      std::ostringstream message;
      message << "axis " << axis << " is out of bounds for " << ndim << " dimensions";
      throw std::out_of_range(message.str());
    }
  }
}

void check_update(const mx::array& src, const mx::array& update) {
  if (update.ndim() > src.ndim()) {
    refuse("update has ", update.ndim(), " axes, more than the ", src.ndim(), " of src");
  }
}

void check_scatter(const std::vector<mx::array>& indices, const mx::array& updates) {
  auto is_empty = [](const mx::array& index) { return index.size() == 0; };
  if (updates.size() == 0 && std::none_of(indices.begin(), indices.end(), is_empty)) {
    refuse("updates is empty, but indices is not");
  }
}

void check_elements(const mx::array& a) {
  if (a.size() == 0) {
    refuse("a is empty: its shape is ", a.shape());
  }
}

void check_triangle(const std::string& uplo) {
  if (uplo.size() != 1 || std::string("LUlu").find(uplo) == std::string::npos) {
    refuse("UPLO must be \"L\" or \"U\", not \"", uplo, "\"");
  }
}

void check_heads(const mx::array& a, int axis, const char* argument) {
  if (a.ndim() == 4 && a.shape(axis) == 0) {
    refuse(argument, " has no heads");
  }
}

int at_most_length(const mx::array& a, int axis, int n) {
  check_axes(a, {axis});
  return std::min(n, a.shape(axis));
}

}  // namespace mlx_c

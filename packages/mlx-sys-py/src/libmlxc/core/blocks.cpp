#include "core/blocks.hpp"

#include <algorithm>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <mlx/ops.h>

#include "core/gguf_types.hpp"
#include "cpu/arrays/dtypes.hpp"
#include "cpu/ops/blocks.hpp"
#include "cpu/ops/gathered_blocks.hpp"

namespace mlx_c {

namespace mx = mlx::core;
using mx::array;

namespace {

bool is_quantized(const mlx_gguf_type& type) {
  return type.block_size > 1 && type.loadable;
}

[[noreturn]] void throw_unfit(const std::string& argument, const std::string& what) {
  throw std::invalid_argument(argument + " " + what);
}

std::string text_of(const mx::Shape& shape) {
  std::ostringstream text;
  text << shape;
  return text.str();
}

// Weights of a row.
int check_blocks(const array& blocks, const cpu::BlockFormat& format, int least_dimensions) {
  if (blocks.dtype() != mx::uint8) {
    throw_unfit("blocks", "must be of type uint8");
  }
  if (static_cast<int>(blocks.ndim()) < least_dimensions) {
    throw_unfit("blocks", "must have at least " + std::to_string(least_dimensions) + " dimensions");
  }
  if (blocks.shape(-1) % format.nbytes != 0) {
    throw_unfit(
        "blocks",
        "of shape " + text_of(blocks.shape()) + " must have rows of whole blocks, " +
            std::to_string(format.nbytes) + " bytes each");
  }
  const int64_t weights = int64_t{blocks.shape(-1)} / format.nbytes * format.size;
  if (weights > std::numeric_limits<int>::max()) {
    throw_unfit("blocks", "of shape " + text_of(blocks.shape()) + " has rows that are too long");
  }
  return static_cast<int>(weights);
}

void check_operands(
    const array& x, const array& blocks, const cpu::BlockFormat& format, int dimensions) {
  const int columns = check_blocks(blocks, format, 2);
  if (!mx::issubdtype(x.dtype(), mx::floating)) {
    throw_unfit("x", "must be floating-point");
  }
  if (static_cast<int>(x.ndim()) < dimensions) {
    throw_unfit("x", "must have at least " + std::to_string(dimensions) + " dimensions");
  }
  if (x.shape(-1) != columns) {
    throw_unfit(
        "x",
        "of shape " + text_of(x.shape()) + " must have rows of " + std::to_string(columns) +
            " numbers, as the blocks of shape " + text_of(blocks.shape()) + " have");
  }
}

// The product that `blocks_matmul` stands for.
array product(const array& x, const array& blocks, const cpu::BlockFormat& format, mx::Stream s) {
  const bool wide = x.dtype() == mx::float64;
  array weights = cpu::dequantize_blocks(blocks, format, mx::float32, s);
  weights = mx::swapaxes(wide ? mx::astype(weights, mx::float64, s) : weights, -1, -2, s);
  const array floats = wide ? x : mx::astype(x, mx::float32, s);
  return mx::astype(mx::matmul(floats, weights, s), x.dtype(), s);
}

array matmul_of(
    const array& x, const array& blocks, const cpu::BlockFormat& format, mx::StreamOrDevice s) {
  const mx::Stream stream = mx::to_stream(s);
  if (blocks.ndim() > 2 || !cpu::float_type(x.dtype()) || x.size() == 0 || blocks.size() == 0 ||
      !cpu::can_fuse(s)) {
    return product(x, blocks, format, stream);
  }
  const auto definition = [format, stream](const std::vector<array>& inputs) {
    return std::vector<array>{product(inputs[0], inputs[1], format, stream)};
  };
  return cpu::blocks_matmul(x, blocks, format, definition, stream);
}

// Matrices along one leading axis.
array flat(const array& a, mx::StreamOrDevice s) {
  return a.ndim() == 2 ? mx::expand_dims(a, 0, s) : mx::flatten(a, 0, -3, s);
}

array all_indices(const array& a, mx::StreamOrDevice s) {
  mx::Shape leading(a.shape().begin(), a.shape().end() - 2);
  int64_t count = 1;
  for (const auto extent : leading) {
    count *= extent;
  }
  return mx::reshape(mx::arange(0.0, static_cast<double>(count), 1.0, mx::uint32, s), leading, s);
}

// As uint32 or int64.
array checked_indices(const array& indices, const char* name, mx::StreamOrDevice s) {
  if (!mx::issubdtype(indices.dtype(), mx::integer)) {
    throw_unfit(name, "must be integers");
  }
  return indices.dtype() == mx::uint32 ? indices : mx::astype(indices, mx::int64, s);
}

// The products that `gather_blocks_matmul` stands for, of flat operands: with copies of the
// matrices that are chosen, or, if it is chosen more often than there are matrices, with all of
// them widened.
array gathered_product(
    const array& x,
    const array& blocks,
    const array& lhs,
    const array& rhs,
    const cpu::BlockFormat& format,
    mx::Stream s) {
  if (x.dtype() == mx::float64 || rhs.size() <= static_cast<std::size_t>(blocks.shape(0))) {
    return product(mx::take(x, lhs, 0, s), mx::take(blocks, rhs, 0, s), format, s);
  }
  const auto from_start = [s](const array& indices, int size) {
    if (indices.dtype() == mx::uint32) {
      return indices;
    }
    const array size_of(size, mx::int64);
    const array wrapped = mx::where(
        mx::less(indices, array(0, mx::int64), s), mx::add(indices, size_of, s), indices, s);
    return mx::astype(wrapped, mx::uint32, s);
  };
  const array weights = cpu::dequantize_blocks(blocks, format, mx::float32, s);
  const array y = mx::gather_mm(
      mx::astype(x, mx::float32, s),
      mx::swapaxes(weights, -1, -2, s),
      from_start(lhs, x.shape(0)),
      from_start(rhs, blocks.shape(0)),
      false,
      s);
  return mx::astype(y, x.dtype(), s);
}

mx::Shape shape_of_both(const array& lhs, const array& rhs) {
  try {
    return mx::broadcast_shapes(lhs.shape(), rhs.shape());
  } catch (const std::invalid_argument&) {
    throw_unfit(
        "lhs_indices and rhs_indices",
        "of the shapes " + text_of(lhs.shape()) + " and " + text_of(rhs.shape()) +
            " must broadcast");
  }
}

// Whether matrices along some axes are in the order of the items along others, each for as many.
bool in_order(const mx::Shape& matrices, const mx::Shape& items) {
  if (matrices.size() > items.size()) {
    return false;
  }
  const auto [unlike, item] = std::ranges::mismatch(matrices, items);
  return std::all_of(unlike, matrices.end(), [](auto extent) { return extent == 1; }) &&
      (matrices.size() == items.size() || unlike == matrices.begin());
}

}  // namespace

cpu::BlockFormat block_format(const std::string& type) {
  const auto found = std::ranges::find(gguf_types, std::string_view(type), [](const auto& each) {
    return std::string_view(each.name);
  });
  if (found != gguf_types.end() && is_quantized(*found)) {
    return {
        static_cast<int>(found->id),
        static_cast<int>(found->block_size),
        static_cast<int>(found->block_nbytes)};
  }
  std::string known;
  for (auto& each : gguf_types) {
    if (is_quantized(each)) {
      known += (known.empty() ? "" : ", ") + std::string(each.name);
    }
  }
  throw_unfit("type", "must be one of " + known + ", but is " + type);
}

array dequantize_blocks(
    const array& blocks, const std::string& type, mx::Dtype dtype, mx::StreamOrDevice s) {
  const auto format = block_format(type);
  check_blocks(blocks, format, 1);
  if (!cpu::float_type(dtype)) {
    throw_unfit("dtype", "must be float16, bfloat16 or float32");
  }
  return cpu::dequantize_blocks(blocks, format, dtype, s);
}

array blocks_matmul(
    const array& x, const array& blocks, const std::string& type, mx::StreamOrDevice s) {
  const auto format = block_format(type);
  check_operands(x, blocks, format, 1);
  return matmul_of(x, blocks, format, s);
}

array gather_blocks_matmul(
    const array& x,
    const array& blocks,
    const std::string& type,
    const std::optional<array>& lhs_indices,
    const std::optional<array>& rhs_indices,
    mx::StreamOrDevice s) {
  const auto format = block_format(type);
  check_operands(x, blocks, format, 2);
  const mx::Stream stream = mx::to_stream(s);
  const array weights =
      rhs_indices ? checked_indices(*rhs_indices, "rhs_indices", s) : all_indices(blocks, s);
  const array matrices =
      lhs_indices ? checked_indices(*lhs_indices, "lhs_indices", s) : all_indices(x, s);
  const mx::Shape shape = shape_of_both(matrices, weights);
  const array rhs = mx::broadcast_to(weights, shape, s), all = flat(x, s),
              experts = flat(blocks, s);
  const auto lhs_of = [=](const array& indices) {
    return mx::broadcast_to(indices, shape, stream);
  };
  if (!cpu::float_type(x.dtype()) || x.size() == 0 || blocks.size() == 0 || rhs.size() == 0 ||
      !cpu::can_fuse(s)) {
    return gathered_product(all, experts, lhs_of(matrices), rhs, format, stream);
  }
  const bool ordered = !lhs_indices && in_order(matrices.shape(), shape);
  const auto definition = [=](const std::vector<array>& inputs) {
    const array lhs = ordered ? lhs_of(matrices) : inputs[2];
    return std::vector<array>{
        gathered_product(inputs[0], inputs[1], lhs, inputs.back(), format, stream)};
  };
  const auto lhs = ordered ? std::nullopt : std::optional(lhs_of(matrices));
  return cpu::gathered_blocks(all, experts, lhs, rhs, format, definition, stream);
}

}  // namespace mlx_c

#include <algorithm>
#include <limits>

#include <mlx/ops.h>

#include "core/checks.hpp"
#include "export/import_table.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// The stops of slices with negative strides as the public function takes them: in the state, -1
// means "before the first element".
mx::Shape ends(const mx::array& a, mx::Shape stop, const mx::Shape& strides) {
  for (size_t axis = 0; axis < stop.size() && axis < a.ndim() && axis < strides.size(); ++axis) {
    if (strides[axis] < 0 && stop[axis] < 0) {
      stop[axis] = -a.shape(axis) - 1;
    }
  }
  return stop;
}

mx::array scatter(const Operands& in, int type, std::vector<int> axes) {
  using Function = mx::array(
      const mx::array&,
      const Arrays&,
      const mx::array&,
      const std::vector<int>&,
      mx::StreamOrDevice);
  static constexpr Function* functions[] = {
      mx::scatter_max, mx::scatter_min, mx::scatter_add, mx::scatter_prod, mx::scatter};
  choose(type, "max", "min", "sum", "prod", "none");
  auto indices = in.range(1, in.inputs.size() - 1);
  check_scatter(indices, in.inputs.back());
  return functions[type](in[0], indices, in.inputs.back(), axes, in.s);
}

mx::array scatter_axis(const Operands& in, int type, int axis) {
  return choose(type, "sum", "none") == "sum"
      ? mx::scatter_add_axis(in[0], in[1], in[2], axis, in.s)
      : mx::put_along_axis(in[0], in[1], in[2], axis, in.s);
}

mx::array slice_update(
    const Operands& in, int type, mx::Shape start, mx::Shape stop, mx::Shape strides) {
  using Function = mx::array(
      const mx::array&, const mx::array&, mx::Shape, mx::Shape, mx::Shape, mx::StreamOrDevice);
  static constexpr Function* functions[] = {
      mx::slice_update_max,
      mx::slice_update_min,
      mx::slice_update_add,
      mx::slice_update_prod,
      mx::slice_update};
  choose(type, "max", "min", "sum", "prod", "none");
  check_strides(strides);
  return functions[type](in[0], in[1], start, ends(in[0], stop, strides), strides, in.s);
}

// A masked scatter, row by row: the items of the third input, in order, where the second is true.
mx::array masked_scatter(const Operands& in) {
  auto &a = in[0], &source = in[2];
  if (a.size() == 0 || source.size() == 0) {
    return a;
  }
  auto rows = source.shape(0);
  auto mask = mx::reshape(mx::astype(in[1], mx::bool_, in.s), {rows, -1}, in.s);
  auto count = mx::cumsum(mx::astype(mask, mx::int32, in.s), 1, false, true, in.s);
  auto place = mx::maximum(mx::subtract(count, mx::array(1), in.s), mx::array(0), in.s);
  auto items = mx::take_along_axis(mx::reshape(source, {rows, -1}, in.s), place, 1, in.s);
  auto result = mx::where(mask, items, mx::reshape(a, {rows, -1}, in.s), in.s);
  return mx::reshape(result, a.shape(), in.s);
}

// The first input broadcast with all inputs, but along some axes, whose lengths it keeps.
mx::array broadcast_axes(const Operands& in, std::vector<int> kept) {
  auto& a = in[0];
  size_t ndim = 0;
  for (auto& input : in.inputs) {
    ndim = std::max(ndim, input.ndim());
  }
  mx::Shape shape(ndim, 1);
  for (int axis = -1; axis >= -static_cast<int>(ndim); --axis) {
    bool is_kept = std::find(kept.begin(), kept.end(), axis) != kept.end();
    auto& length = shape[ndim + axis];
    for (auto& input : in.inputs) {
      bool has_axis = -axis <= static_cast<int>(input.ndim());
      if (has_axis && length == 1 && !(is_kept && &input != &a)) {
        length = input.shape(axis);
      }
    }
  }
  return mx::broadcast_to(a, shape, in.s);
}

}  // namespace

void add_layout(ImportTable& table) {
  table.add(
      "AsStrided",
      1,
      1,
      [](const Operands& in, mx::Shape shape, mx::Strides strides, uint64_t offset) {
        check_view(in[0], shape, strides, offset);
        return mx::as_strided(in[0], shape, strides, offset, in.s);
      });
  table.add("AsType", 1, 1, [](const Operands& in, mx::Dtype dtype) {
    return mx::astype(in[0], dtype, in.s);
  });
  // Of the other inputs, only the shapes count.
  table.add("Broadcast", 1, 64, [](const Operands& in, mx::Shape shape) {
    return in.inputs.size() == 1 ? mx::broadcast_to(in[0], shape, in.s)
                                 : mx::broadcast_arrays(in.inputs, in.s)[0];
  });
  table.add("BroadcastAxes", 1, 64, broadcast_axes);
  table.add("Concatenate", 1, std::numeric_limits<size_t>::max(), [](const Operands& in, int axis) {
    return mx::concatenate(in.inputs, axis, in.s);
  });
  table.add("Copy", 1, 1, [](const Operands& in) { return mx::copy(in[0], in.s); });
  table.add("Depends", 2, 1024, [](const Operands& in) {
    auto count = std::min(in.outputs.size(), in.inputs.size());
    return mx::depends(in.range(0, count), in.range(count, in.inputs.size()));
  });
  table.add("ExpandDims", 1, 1, [](const Operands& in, std::vector<int> axes) {
    return mx::expand_dims(in[0], axes, in.s);
  });
  table.add("Flatten", 1, 1, [](const Operands& in, int start, int end) {
    return mx::flatten(in[0], start, end, in.s);
  });
  table.add("Full", 1, 1, [](const Operands& in) {
    return mx::full(in[0].shape(), in[0], in[0].dtype(), in.s);
  });
  table.add(
      "NumberOfElements",
      1,
      1,
      [](const Operands& in, std::vector<int> axes, bool inverted, mx::Dtype dtype) {
        check_axes(in[0], axes);
        return mx::number_of_elements(in[0], axes, inverted, dtype, in.s);
      });
  table.add(
      "Pad", 2, 2, [](const Operands& in, std::vector<int> axes, mx::Shape low, mx::Shape high) {
        return mx::pad(in[0], axes, low, high, in[1], "constant", in.s);
      });
  table.add("Reshape", 1, 1, [](const Operands& in, mx::Shape shape) {
    return mx::reshape(in[0], shape, in.s);
  });
  table.add("Split", 1, 1, [](const Operands& in, mx::Shape indices, int axis) {
    return mx::split(in[0], indices, axis, in.s);
  });
  table.add("Squeeze", 1, 1, [](const Operands& in, std::vector<int> axes) {
    return mx::squeeze(in[0], axes, in.s);
  });
  table.add("Transpose", 1, 1, [](const Operands& in, std::vector<int> axes) {
    return mx::transpose(in[0], axes, in.s);
  });
  table.add("Unflatten", 1, 1, [](const Operands& in, int axis, mx::Shape shape) {
    check_lengths(shape);
    return mx::unflatten(in[0], axis, shape, in.s);
  });
  table.add("View", 1, 1, [](const Operands& in, mx::Dtype dtype) {
    return mx::view(in[0], dtype, in.s);
  });
}

void add_indexing(ImportTable& table) {
  table.add("DynamicSlice", 2, 2, [](const Operands& in, std::vector<int> axes, mx::Shape size) {
    check_slice_size(size);
    return mx::slice(in[0], in[1], axes, size, in.s);
  });
  table.add("DynamicSliceUpdate", 3, 3, [](const Operands& in, std::vector<int> axes) {
    check_update(in[0], in[1]);
    return mx::slice_update(in[0], in[1], in[2], axes, in.s);
  });
  table.add("Gather", 1, 64, [](const Operands& in, std::vector<int> axes, mx::Shape sizes) {
    return mx::gather(in[0], in.range(1, in.inputs.size()), axes, sizes, in.s);
  });
  table.add("GatherAxis", 2, 2, [](const Operands& in, int axis) {
    return mx::take_along_axis(in[0], in[1], axis, in.s);
  });
  table.add("MaskedScatter", 3, 3, masked_scatter);
  table.add("Scatter", 2, 64, scatter);
  table.add("ScatterAxis", 3, 3, scatter_axis);
  table.add("SearchSorted", 2, 2, [](const Operands& in, bool right) {
    return mx::searchsorted(in[0], in[1], right ? "right" : "left", in.s);
  });
  table.add(
      "Slice", 1, 1, [](const Operands& in, mx::Shape start, mx::Shape stop, mx::Shape strides) {
        check_strides(strides);
        return mx::slice(in[0], start, ends(in[0], stop, strides), strides, in.s);
      });
  table.add("SliceUpdate", 2, 2, slice_update);
}

}  // namespace mlx_c

// Parts of an array at given places: `take`, embeddings, indexing with arrays.
#include <cstring>
#include <optional>
#include <string>

#include "copy.hpp"
#include "delegate.hpp"
#include "failure.hpp"
#include "indices.hpp"
#include "memory.hpp"
#include "mlx/backend/common/utils.h"
#include "pool.hpp"
#include "steps.hpp"
#include "view.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Bytes that one task copies.
constexpr std::size_t task_size = 1 << 18;

// The indices into one axis of the source; all of them have the same shape.
struct Index {
  Limit limit;
  mx::Dtype type;
  const void* data;
  mx::Strides strides;
  std::int64_t step;  // bytes from one element of the axis to the next
};

// Calls f(i, value) for the i-th index, in the order of `shape`.
template <class T, class F>
void for_each_as(const Index& index, const mx::Shape& shape, F&& f) {
  std::size_t i = 0;
  auto walk = [&](auto& self, const T* data, std::size_t axis) -> void {
    if (axis == shape.size()) return f(i++, *data);
    for (int k = 0; k < shape[axis]; k++) self(self, data + k * index.strides[axis], axis + 1);
  };
  walk(walk, static_cast<const T*>(index.data), 0);
}

template <class F>
void for_each(const Index& index, const mx::Shape& shape, F&& f) {
  switch (index.type) {
    case mx::bool_:
    case mx::uint8:
      return for_each_as<std::uint8_t>(index, shape, f);
    case mx::uint16:
      return for_each_as<std::uint16_t>(index, shape, f);
    case mx::uint32:
      return for_each_as<std::uint32_t>(index, shape, f);
    case mx::uint64:
      return for_each_as<std::uint64_t>(index, shape, f);
    case mx::int8:
      return for_each_as<std::int8_t>(index, shape, f);
    case mx::int16:
      return for_each_as<std::int16_t>(index, shape, f);
    case mx::int32:
      return for_each_as<std::int32_t>(index, shape, f);
    default:
      return for_each_as<std::int64_t>(index, shape, f);
  }
}

struct Taking {
  const char* source;
  char* target;
  std::size_t item;
  std::vector<Index> indices;
  mx::Shape places;  // the shape of the indices
  mx::Shape slice;   // of the source, taken at each place
  mx::Strides strides;
  bool in_order;  // whether a slice is one run of memory
  FailureReport report;

  void operator()() const {
    std::size_t count = 1, size = item;
    for (int extent : places) count *= static_cast<std::size_t>(extent);
    for (int extent : slice) size *= static_cast<std::size_t>(extent);
    Buffer<std::int64_t> memory(count);
    std::int64_t* offsets = memory.data();
    std::memset(offsets, 0, count * sizeof *offsets);
    std::optional<std::string> wrong;
    for (const Index& index : indices) {
      const Limit& limit = index.limit;
      for_each(index, places, [&](std::size_t i, auto value) {
        const bool from_start = std::cmp_greater_equal(value, 0);
        const std::int64_t low = from_start ? 0 : -limit.size;
        const std::int64_t high = from_start ? limit.last() : -limit.length;
        if (std::cmp_less(value, low) || std::cmp_greater(value, high)) {
          if (!wrong) wrong = index_message("gather", std::to_string(value), limit);
          return;
        }
        const auto start = static_cast<std::int64_t>(value);
        offsets[i] += (from_start ? start : start + limit.size) * index.step;
      });
    }
    if (wrong) {
      std::memset(target, 0, count * size);
      return report(*wrong);
    }
    const std::size_t step = std::max<std::size_t>(1, task_size / std::max<std::size_t>(size, 1));
    parallel_for(static_cast<int>((count + step - 1) / step), [&](int task) {
      for (std::size_t i = task * step; i < std::min(count, (task + 1) * step); i++) {
        const char* from = source + offsets[i];
        char* to = target + i * size;
        switch (in_order ? size : 0) {
          case 2:
            std::memcpy(to, from, 2);
            break;
          case 4:
            std::memcpy(to, from, 4);
            break;
          case 0:
            Copy{from, strides, to, mx::make_contiguous_strides(slice), slice, item}();
            break;
          default:
            std::memcpy(to, from, size);
        }
      }
    });
  }
};

class Gather : public Delegate {
 public:
  Gather(std::shared_ptr<mx::Primitive> original, std::vector<int> axes, mx::Shape slice)
      : Delegate(std::move(original)), axes_(std::move(axes)), slice_(std::move(slice)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    array& y = outputs[0];
    y.set_data(allocate(y.nbytes()));
    if (y.size() == 0) return;
    const auto item = static_cast<std::int64_t>(x.itemsize());
    std::vector<Index> indices;
    indices.reserve(axes_.size());
    for (std::size_t i = 0; i < axes_.size(); i++) {
      const int axis = axes_[i];
      const array& index = inputs[i + 1];
      indices.push_back(
          {{axis, x.shape(axis), slice_[axis], true},
           index.dtype(),
           index.data<void>(),
           index.strides(),
           x.strides(axis) * item});
    }
    const mx::Shape places = axes_.empty() ? mx::Shape{} : inputs[1].shape();
    const bool in_order = std::get<1>(mx::check_contiguity(slice_, x.strides()));
    dispatch(
        stream(),
        Taking{
            x.data<char>(),
            y.data<char>(),
            x.itemsize(),
            std::move(indices),
            places,
            slice_,
            x.strides(),
            in_order,
            FailureReport(y)});
  }

 private:
  const std::vector<int> axes_;
  const mx::Shape slice_;
};

}  // namespace

std::shared_ptr<Delegate> gather(array& node) {
  if (!kernels()) return checked_gather(node);
  const auto [axes, slice] = static_cast<const mx::Gather&>(node.primitive()).state();
  for (std::size_t i = 1; i < node.inputs().size(); i++)
    if (!mx::issubdtype(node.inputs()[i].dtype(), mx::integer)) return checked_gather(node);
  return std::make_shared<Gather>(node.primitive_ptr(), axes, slice);
}

}  // namespace mlx_c::cpu

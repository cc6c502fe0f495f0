#include "cpu/ops/indexing/reader.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;

// Indices of a block, which stays in the L1 cache.
constexpr std::size_t block_size = 512;

// Returns whether all are in range. Positions are computed for all of them, so that no branch
// depends on the values.
template <class T>
bool convert(const T* indices, std::size_t count, const Limit& limit, std::int64_t* places) {
  const std::int64_t from_end = limit.wraps ? limit.size : 0;
  const auto last = static_cast<std::uint64_t>(limit.last());
  std::uint64_t wrong = 0;
  for (std::size_t i = 0; i < count; i++) {
    const std::int64_t back = std::is_signed_v<T> && indices[i] < 0 ? from_end : 0;
    const auto place = static_cast<std::uint64_t>(indices[i]) + static_cast<std::uint64_t>(back);
    wrong |= static_cast<std::uint64_t>(place > last);
    places[i] = static_cast<std::int64_t>(place <= last ? place : 0);
  }
  return wrong == 0;
}

}  // namespace

IndexReader::IndexReader(const mx::array& array, const mx::Shape& shape, Limit limit)
    : type_(array.dtype()), data_(array.data<void>()), walk_(array, shape), limit_(limit) {}

std::optional<std::string> IndexReader::read(
    const char* operation, std::size_t start, std::size_t count, std::int64_t* places) const {
  std::optional<std::string> message;
  auto read_as = [&]<class T>(T) {
    for (std::size_t done = 0; done < count; done += block_size) {
      const std::size_t some = std::min(block_size, count - done);
      T indices[block_size];
      walk_.copy(data_, sizeof(T), start + done, some, indices);
      if (!impossible() && convert(indices, some, limit_, places + done)) {
        continue;
      }
      const T* wrong = std::find_if(indices, indices + some, [this](T index) {
        std::int64_t place;
        return impossible() || !convert(&index, 1, limit_, &place);
      });
      if (!message) {
        message = index_message(operation, std::to_string(*wrong), limit_);
      }
    }
  };
  switch (type_) {
    case mx::bool_:
    case mx::uint8:
      read_as(std::uint8_t{});
      break;
    case mx::uint16:
      read_as(std::uint16_t{});
      break;
    case mx::uint32:
      read_as(std::uint32_t{});
      break;
    case mx::uint64:
      read_as(std::uint64_t{});
      break;
    case mx::int8:
      read_as(std::int8_t{});
      break;
    case mx::int16:
      read_as(std::int16_t{});
      break;
    case mx::int32:
      read_as(std::int32_t{});
      break;
    default:
      read_as(std::int64_t{});
  }
  return message;
}

std::vector<AxisIndices> axis_indices(
    const std::vector<mlx::core::array>& inputs,
    const std::vector<int>& axes,
    const mlx::core::Shape& slice,
    const mlx::core::Strides& strides) {
  std::vector<AxisIndices> indices;
  indices.reserve(axes.size());
  for (std::size_t i = 0; i < axes.size(); i++) {
    const int axis = axes[i];
    const mlx::core::array& index = inputs[i + 1];
    const Limit limit{axis, inputs[0].shape(axis), slice[axis], true};
    indices.push_back({IndexReader(index, index.shape(), limit), strides[axis]});
  }
  return indices;
}

std::optional<std::string> read_offsets(
    const char* operation,
    const std::vector<AxisIndices>& axes,
    std::size_t start,
    std::size_t count,
    std::int64_t* offsets) {
  std::fill_n(offsets, count, 0);
  std::optional<std::string> wrong;
  for (const AxisIndices& axis : axes) {
    for (std::size_t done = 0; done < count; done += block_size) {
      const std::size_t some = std::min(block_size, count - done);
      std::int64_t places[block_size];
      auto message = axis.places.read(operation, start + done, some, places);
      if (!wrong) {
        wrong = std::move(message);
      }
      for (std::size_t i = 0; i < some; i++) {
        offsets[done + i] += places[i] * axis.step;
      }
    }
  }
  return wrong;
}

}  // namespace mlx_c::cpu

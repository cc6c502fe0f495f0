// Reads indices of any integer type and layout as positions along an axis.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <mlx/array.h>

#include "cpu/arrays/strided.hpp"
#include "cpu/ops/indexing/checks.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

class IndexReader {
 public:
  // The indices of `array`, broadcast to a shape, in row-major order.
  IndexReader(const mlx::core::array& array, const mlx::core::Shape& shape, Limit limit);

  // Writes the positions for `count` indices from number `start` on; 0 for an index out of range.
  // Returns the message for the first of these, if there is one.
  std::optional<std::string> read(
      const char* operation, std::size_t start, std::size_t count, std::int64_t* places) const;

  // Whether every index is out of range.
  bool impossible() const {
    return limit_.last() < 0;
  }

 private:
  mlx::core::Dtype type_;
  const void* data_;
  Walk walk_;
  Limit limit_;
};

// The indices along one of several axes.
struct AxisIndices {
  IndexReader places;
  std::int64_t step;  // from one element of the axis to the next
};

// The indices of slices of an array of the shape of the first input: each further input holds the
// indices along one of the axes.
std::vector<AxisIndices> axis_indices(
    const std::vector<mlx::core::array>& inputs,
    const std::vector<int>& axes,
    const mlx::core::Shape& slice,
    const mlx::core::Strides& strides);

// Writes the offsets, in elements, of `count` slices from number `start` on. Returns the message
// for the first index out of range, if there is one.
std::optional<std::string> read_offsets(
    const char* operation,
    const std::vector<AxisIndices>& axes,
    std::size_t start,
    std::size_t count,
    std::int64_t* offsets);

// Runs tasks that may find an index out of range. Returns the first message.
template <class F>
std::optional<std::string> run_tasks(std::size_t count, F&& task) {
  std::vector<std::optional<std::string>> wrong(count);
  parallel_for(
      static_cast<int>(count), [&](int i) { wrong[i] = task(static_cast<std::size_t>(i)); });
  for (auto& message : wrong) {
    if (message) {
      return std::move(message);
    }
  }
  return std::nullopt;
}

// Whether indices of this type can be read.
inline bool holds_indices(const mlx::core::array& array) {
  return array.dtype() == mlx::core::bool_ ||
      mlx::core::issubdtype(array.dtype(), mlx::core::integer);
}

}  // namespace mlx_c::cpu

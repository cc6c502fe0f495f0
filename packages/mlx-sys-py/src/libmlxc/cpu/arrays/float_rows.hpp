// Rows of arrays, computed with as floats whatever their type.
#pragma once

#include <cstddef>

#include "cpu/arrays/view.hpp"

namespace mlx_c::cpu {

// Where the `row`-th row of an array begins, counted through all axes before the last.
inline const char* row_of(const View& x, std::size_t row) {
  std::ptrdiff_t offset = 0;
  for (int d = static_cast<int>(x.shape.size()) - 2; d >= 0; row /= x.shape[d--]) {
    offset += static_cast<std::ptrdiff_t>(row % x.shape[d]) * x.strides[d];
  }
  return static_cast<const char*>(x.data) + offset * item_size(x.type);
}

// The rows of an array of any layout.
class FloatRows {
 public:
  FloatRows(const Kernels& kernels, const View& x)
      : kernels_(kernels),
        x_(x),
        size_(x.shape.back()),
        count_(static_cast<int>(x.size() / static_cast<std::size_t>(size_))) {}

  int size() const {
    return size_;
  }
  int count() const {
    return count_;
  }

  // A row: in place, or converted into `memory`.
  const float* read(int row, float* memory) const {
    const char* const at = row_of(x_, row);
    const std::ptrdiff_t item = item_size(x_.type);
    const std::ptrdiff_t step = x_.strides.back();
    if (step == 1 && x_.type == ElementType::f32) {
      return reinterpret_cast<const float*>(at);
    }
    if (step == 1) {
      kernels_.convert.widen(at, x_.type, memory, size_);
    } else {
      for (int i = 0; i < size_; i++) {
        kernels_.convert.widen(at + i * step * item, x_.type, memory + i, 1);
      }
    }
    return memory;
  }

 private:
  const Kernels& kernels_;
  const View& x_;
  int size_, count_;
};

// The rows of a result.
struct FloatTarget {
  char* data;
  ElementType type;
  int size;

  // Where to compute a row: in place, or in `memory`, from which `put` converts it.
  float* row(int row, float* memory) const {
    return type == ElementType::f32 ? reinterpret_cast<float*>(at(row)) : memory;
  }

  void put(const Kernels& kernels, int row, const float* values) const {
    if (type != ElementType::f32) {
      kernels.convert.narrow(values, at(row), type, size);
    }
  }

 private:
  char* at(int row) const {
    return data + static_cast<std::size_t>(row) * size * item_size(type);
  }
};

}  // namespace mlx_c::cpu

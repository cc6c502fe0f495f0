#include "cpu/arrays/matrix_batch.hpp"

#include <algorithm>
#include <limits>

namespace mlx_c::cpu {

namespace {

bool fits(std::int64_t stride) {
  return stride <= std::numeric_limits<int>::max();
}

}  // namespace

Batch::Batch(const Kernels& kernels, const View& view)
    : rows_(view.shape.end()[-2]),
      columns_(view.shape.end()[-1]),
      shape_(view.shape),
      strides_(view.strides),
      data_(static_cast<const float*>(view.data)) {
  if (view.type == ElementType::f32 && usable()) {
    return;
  }
  if (view.contiguous && usable()) {
    memory_.emplace(view.data_size);
    kernels.convert.widen(view.data, view.type, memory_->data(), view.data_size);
  } else {
    memory_.emplace(view.size());
    view.copy_to(kernels, memory_->data());
    std::int64_t stride = 1;
    for (int d = static_cast<int>(shape_.size()) - 1; d >= 0; stride *= shape_[d--]) {
      strides_[d] = stride;
    }
  }
  data_ = memory_->data();
}

Operand Batch::operator[](int item) const {
  const float* at = data_;
  for (int d = static_cast<int>(shape_.size()) - 3; d >= 0; item /= shape_[d--]) {
    at += item % shape_[d] * strides_[d];
  }
  return in_rows() ? Operand{at, row(), 1} : Operand{at, 1, column()};
}

std::int64_t Batch::row() const {
  return rows_ == 1 ? std::max(columns_, 1) : strides_.end()[-2];
}

std::int64_t Batch::column() const {
  return columns_ == 1 ? std::max(rows_, 1) : strides_.end()[-1];
}

bool Batch::in_rows() const {
  return (columns_ == 1 || strides_.end()[-1] == 1) && row() >= columns_ && fits(row());
}

bool Batch::usable() const {
  return in_rows() ||
      ((rows_ == 1 || strides_.end()[-2] == 1) && column() >= rows_ && fits(column()));
}

}  // namespace mlx_c::cpu

#include "cpu/arrays/matrix_stack.hpp"

#include <cstring>

namespace mlx_c::cpu {

Stack::Stack(const mlx::core::array& a, bool whole)
    : data_(a.data<char>()),
      item_size_(a.itemsize()),
      shape_(a.shape()),
      strides_(a.strides()),
      outer_(whole ? 0 : shape_.size() - 2) {}

std::size_t Stack::matrix_size() const {
  std::size_t size = item_size_;
  for (std::size_t d = outer_; d < shape_.size(); d++) {
    size *= static_cast<std::size_t>(shape_[d]);
  }
  return size;
}

std::ptrdiff_t Stack::offset(std::size_t item) const {
  std::ptrdiff_t offset = 0;
  for (std::size_t d = outer_; d-- > 0; item /= static_cast<std::size_t>(shape_[d])) {
    offset += static_cast<std::ptrdiff_t>(item % static_cast<std::size_t>(shape_[d])) * strides_[d];
  }
  return offset * static_cast<std::ptrdiff_t>(item_size_);
}

bool Stack::is_arranged() const {
  std::int64_t stride = 1;
  for (std::size_t d = shape_.size(); d-- > outer_; stride *= shape_[d]) {
    if (shape_[d] != 1 && strides_[d] != stride) {
      return false;
    }
  }
  return true;
}

void Stack::arrange() {
  if (is_arranged()) {
    return;
  }
  // Matrices that repeat are copied once: their axes keep strides of zero.
  const std::size_t dims = shape_.size();
  mlx::core::Shape extents = shape_;
  mlx::core::Strides copied(dims);
  std::size_t size = 1;
  for (std::size_t d = dims; d-- > 0; size *= static_cast<std::size_t>(extents[d])) {
    const bool repeats = d < outer_ && strides_[d] == 0;
    if (repeats) {
      extents[d] = 1;
    }
    copied[d] = repeats ? 0 : static_cast<std::int64_t>(size);
  }
  memory_ = std::make_shared<Buffer<char>>(size * item_size_);
  char* const end = memory_->data() + size * item_size_;
  const char* source = data_;
  mlx::core::Shape at(dims, 0);
  const auto step = [&](std::size_t d) {
    return strides_[d] * static_cast<std::ptrdiff_t>(item_size_);
  };
  for (char* target = memory_->data(); target != end;) {
    for (int i = 0; i < extents[dims - 1]; i++, target += item_size_) {
      std::memcpy(target, source + i * step(dims - 1), item_size_);
    }
    for (std::size_t d = dims - 1; d-- > 0;) {
      source += step(d);
      if (++at[d] < extents[d]) {
        break;
      }
      source -= step(d) * extents[d];
      at[d] = 0;
    }
  }
  data_ = memory_->data();
  strides_ = std::move(copied);
}

}  // namespace mlx_c::cpu

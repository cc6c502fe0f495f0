#include "cpu/arrays/matrix_view.hpp"

namespace mlx_c::cpu {

MatrixView::MatrixView(const mlx::core::array& a, ElementType type)
    : data_(static_cast<const char*>(a.data<void>())),
      item_size_(item_size(type)),
      // Kernels look for strides of one: those of axes with one element mean nothing.
      row_(a.shape(-2) == 1 ? 0 : a.strides(-2)),
      column_(a.shape(-1) == 1 ? 0 : a.strides(-1)),
      shape_(a.shape().begin(), a.shape().end() - 2),
      strides_(a.strides().begin(), a.strides().end() - 2) {}

Operand MatrixView::operator[](int item) const {
  std::ptrdiff_t offset = 0;
  for (std::size_t d = shape_.size(); d-- > 0; item /= shape_[d]) {
    offset += item % shape_[d] * strides_[d];
  }
  return {data_ + offset * item_size_, row_, column_};
}

}  // namespace mlx_c::cpu

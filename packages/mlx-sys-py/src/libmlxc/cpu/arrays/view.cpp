#include "cpu/arrays/view.hpp"

#include "cpu/arrays/dtypes.hpp"

namespace mlx_c::cpu {

View::View(const mlx::core::array& a) : View(a, *float_type(a.dtype())) {}

View::View(const mlx::core::array& a, ElementType type)
    : data(a.data<void>()),
      data_size(a.data_size()),
      type(type),
      shape(a.shape()),
      strides(a.strides()),
      row_contiguous(a.flags().row_contiguous),
      contiguous(a.flags().contiguous) {}

std::size_t View::size() const {
  std::size_t size = 1;
  for (int extent : shape) {
    size *= static_cast<std::size_t>(extent);
  }
  return size;
}

void View::copy_to(const Kernels& kernels, float* target) const {
  const std::size_t size = this->size();
  if (size == 0) {
    return;
  }
  if (row_contiguous) {
    return kernels.convert.widen(data, type, target, size);
  }

  const std::ptrdiff_t item = item_size(type);
  const int dims = static_cast<int>(shape.size());
  const std::size_t inner = static_cast<std::size_t>(shape[dims - 1]);
  const std::ptrdiff_t step = strides[dims - 1];
  const char* at = static_cast<const char*>(data);
  mlx::core::Shape index(shape.size(), 0);
  for (std::size_t done = 0; done < size; done += inner, target += inner) {
    if (step == 1) {
      kernels.convert.widen(at, type, target, inner);
    } else {
      for (std::size_t i = 0; i < inner; i++) {
        kernels.convert.widen(
            at + static_cast<std::ptrdiff_t>(i) * step * item, type, target + i, 1);
      }
    }
    for (int d = dims - 2; d >= 0; d--) {
      at += strides[d] * item;
      if (++index[d] < shape[d]) {
        break;
      }
      at -= strides[d] * item * shape[d];
      index[d] = 0;
    }
  }
}

}  // namespace mlx_c::cpu

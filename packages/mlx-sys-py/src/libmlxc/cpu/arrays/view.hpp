// What a task on a stream's thread keeps of an array.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <optional>

#include <mlx/array.h>

#include "cpu/kernels/table.hpp"

namespace mlx_c::cpu {

inline std::optional<Float> float_type(mlx::core::Dtype type) {
  if (type == mlx::core::float32) {
    return Float::f32;
  }
  if (type == mlx::core::float16) {
    return Float::f16;
  }
  if (type == mlx::core::bfloat16) {
    return Float::bf16;
  }
  return std::nullopt;
}

inline std::size_t item_size(Float type) {
  return type == Float::f32 ? 4 : 2;
}

// MLX itself keeps the buffers of a node's inputs until the tasks enqueued for it have run; a
// handle here would keep them from being donated to later nodes.
struct View {
  const void* data;
  std::size_t data_size;
  Float type;
  mlx::core::Shape shape;
  mlx::core::Strides strides;
  bool row_contiguous;  // elements in order, without gaps
  bool contiguous;      // the first data_size elements are just those that the view reaches

  explicit View(const mlx::core::array& a);
  // Copies elements of four bytes as they are if `type` is f32, whatever they mean.
  View(const mlx::core::array& a, Float type);

  std::size_t size() const;

  // Writes all elements, in order, as floats.
  void copy_to(const Kernels& kernels, float* target) const;
};

// Uninitialised memory, aligned for any vector.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::size_t size)
      : data_(static_cast<T*>(::operator new(size * sizeof(T), alignment_))) {}

  T* data() const {
    return data_.get();
  }

 private:
  static constexpr std::align_val_t alignment_{64};
  struct Free {
    void operator()(T* p) const {
      ::operator delete(p, alignment_);
    }
  };
  std::unique_ptr<T, Free> data_;
};

}  // namespace mlx_c::cpu

// Memory for intermediate results.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <optional>

namespace mlx_c::cpu {

// Uninitialised memory, aligned for any vector.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::size_t size)
      : data_(static_cast<T*>(::operator new(size * sizeof(T), alignment))) {}

  T* data() const {
    return data_.get();
  }

 private:
  static constexpr std::align_val_t alignment{64};
  struct Free {
    void operator()(T* p) const {
      ::operator delete(p, alignment);
    }
  };
  std::unique_ptr<T, Free> data_;
};

// Memory that a thread uses again and again: at least `size` bytes, of which there are as many sets
// as there are types `Use`; the next call with the same type, in the same thread, may give the same
// memory.
template <class Use>
void* scratch(std::size_t size) {
  static thread_local std::optional<Buffer<char>> buffer;
  static thread_local std::size_t capacity = 0;
  if (size > capacity) {
    buffer.reset();
    capacity = 0;
    buffer.emplace(size);
    capacity = size;
  }
  return buffer ? buffer->data() : nullptr;
}

}  // namespace mlx_c::cpu

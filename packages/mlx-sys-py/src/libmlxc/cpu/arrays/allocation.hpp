// Memory of large arrays.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>

#include <mlx/allocator.h>
#include <mlx/array.h>

namespace mlx_c::cpu {

// Throws, as of memory, if there is no memory for what a node computes: MLX's kernels write to what
// the allocator gives them, be it null.
void check_memory(const mlx::core::array& node);

// As MLX's malloc, but large results are on huge pages where the system has them: page faults would
// take longer than filling the memory.
mlx::core::allocator::Data allocate(std::size_t size);

// Gives a result its memory. Its data begin at a cache line unless they are few: those of MLX's
// allocator begin 8 or 24 bytes behind one, so that every load or store of half a line and more
// would touch two.
void allocate_for(mlx::core::array& y);

// With another layout than row by row.
void allocate_for(
    mlx::core::array& y,
    std::size_t data_size,
    mlx::core::Strides strides,
    mlx::core::array::Flags flags);

// While one exists, `allocate_for` asks it for the memory of results in this thread.
class ResultMemory {
 public:
  ResultMemory();
  virtual ~ResultMemory();
  ResultMemory(const ResultMemory&) = delete;
  ResultMemory& operator=(const ResultMemory&) = delete;

  // An array of at least `size` bytes for `result`; nothing if they come from elsewhere.
  virtual std::optional<mlx::core::array> take(
      const mlx::core::array& result, std::size_t size) = 0;

 private:
  ResultMemory* const outer_;
};

// Uninitialised memory for what a task makes beside its results, aligned for any vector. Throws
// std::bad_alloc. MLX's allocator keeps it for the next use, so that the system need not make pages
// again.
class PooledMemory {
 public:
  explicit PooledMemory(std::size_t size);

  char* data() const {
    return data_;
  }

 private:
  mlx::core::allocator::Data memory_;
  char* data_;
};

// Moves these arrays to huge pages where they fill them and the system can: all weights of a model
// are read for each token that it makes, and TLB misses of small pages take half as long again.
// These are hints to the system, so failure does not matter.
void move_to_large_pages(const std::unordered_map<std::string, mlx::core::array>& arrays);

}  // namespace mlx_c::cpu

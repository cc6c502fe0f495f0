#include "cpu/arrays/allocation.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <sstream>
#include <stdexcept>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#endif

#include <mlx/backend/common/utils.h>
#include <mlx/primitives.h>
#include <mlx/utils.h>

namespace mlx_c::cpu {

namespace {

// Below this, the system overcommits memory.
constexpr std::size_t large = std::size_t{1} << 26;

// A cache line, which is a vector of AVX-512.
constexpr std::size_t alignment = 64;

// Bytes from which a result is aligned: of fewer, the room for it would cost more than it gains.
constexpr std::size_t worth_alignment = 1024;

constexpr std::uintptr_t large_page = std::uintptr_t{1} << 21;

// Bytes that an array needs, or the largest number if that is too small.
std::size_t bytes(const mlx::core::array& node) {
  if (node.size() == 0) {
    return 0;
  }
  std::size_t result = node.itemsize();
  for (int extent : node.shape()) {
    if (__builtin_mul_overflow(result, static_cast<std::size_t>(extent), &result)) {
      return std::numeric_limits<std::size_t>::max();
    }
  }
  return result;
}

thread_local ResultMemory* result_memory = nullptr;

bool has_room(std::size_t size) {
  if (size > std::numeric_limits<std::ptrdiff_t>::max()) {
    return false;
  }
  // Volatile, lest a compiler finds that memory which nobody uses is always there.
  void* volatile memory = std::malloc(size);
  std::free(memory);
  return memory != nullptr;
}

}  // namespace

void check_memory(const mlx::core::array& node) {
  const std::size_t size = bytes(node);
  if (size < large || has_room(size)) {
    return;
  }
  std::ostringstream message;
  message << "[malloc] no memory for an array of shape " << node.shape() << " and type "
          << node.dtype();
  throw std::runtime_error(message.str());
}

mlx::core::allocator::Data allocate(std::size_t size) {
  auto memory = mlx::core::allocator::malloc(size);
#if defined(__linux__)
  if (size >= 2 * large_page) {
    auto buffer = memory.buffer();
    const auto begin = reinterpret_cast<std::uintptr_t>(buffer.raw_ptr());
    const std::uintptr_t first = (begin + large_page - 1) & ~(large_page - 1);
    const std::uintptr_t end = (begin + size) & ~(large_page - 1);
    // A hint, so failure does not matter.
    if (begin != 0) {
      madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
    }
  }
#endif
  return memory;
}

void allocate_for(
    mlx::core::array& y,
    std::size_t data_size,
    mlx::core::Strides strides,
    mlx::core::array::Flags flags) {
  const std::size_t size = data_size * y.itemsize();
  if (result_memory) {
    const auto memory = result_memory->take(y, size);
    // Where the result lay before is no place for one of another layout: it would be copied there,
    // over itself.
    const bool fits = memory && (memory->shape() != y.shape() || memory->strides() == strides);
    if (fits) {
      return y.copy_shared_buffer(*memory, strides, flags, data_size);
    }
  }
  if (size < worth_alignment) {
    return y.set_data(allocate(size), data_size, std::move(strides), flags);
  }
  auto memory = allocate(size + alignment);
  auto buffer = memory.buffer();
  const auto begin = reinterpret_cast<std::uintptr_t>(buffer.raw_ptr());
  const auto offset = static_cast<std::int64_t>(-begin % alignment);
  y.set_data(std::move(memory), data_size, std::move(strides), flags, offset);
}

void allocate_for(mlx::core::array& y) {
  if (y.nbytes() < worth_alignment && !result_memory) {
    return y.set_data(allocate(y.nbytes()));
  }
  const auto [size, rows, columns] = mlx::core::check_contiguity(y.shape(), y.strides());
  allocate_for(y, size, y.strides(), {true, rows, columns});
}

ResultMemory::ResultMemory() : outer_(std::exchange(result_memory, this)) {}

ResultMemory::~ResultMemory() {
  result_memory = outer_;
}

PooledMemory::PooledMemory(std::size_t size) : memory_(allocate(size + alignment)) {
  void* data = memory_.buffer().raw_ptr();
  if (!data) {
    throw std::bad_alloc();
  }
  std::size_t room = size + alignment;
  data_ = static_cast<char*>(std::align(alignment, size, data, room));
}

void move_to_large_pages(const std::unordered_map<std::string, mlx::core::array>& arrays) {
#if defined(__linux__)
  std::map<std::uintptr_t, std::size_t> held;
  for (const auto& [name, array] : arrays) {
    if (!array.is_available()) {
      continue;
    }
    const auto begin = reinterpret_cast<std::uintptr_t>(array.data<char>());
    const std::uintptr_t end = begin + array.nbytes();
    for (std::uintptr_t page = begin / large_page; page * large_page < end; page++) {
      held[page] += std::min(end, (page + 1) * large_page) - std::max(begin, page * large_page);
    }
  }
  for (const auto& [page, size] : held) {
    if (size < large_page / 2) {
      continue;
    }
    void* memory = reinterpret_cast<void*>(page * large_page);
    madvise(memory, large_page, MADV_HUGEPAGE);
    madvise(memory, large_page, MADV_COLLAPSE);
  }
#endif
}

}  // namespace mlx_c::cpu

// Batches of matrices, one after the other in row-major order, and what LAPACK is called for.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "cpu/kernels/stop.hpp"
#include "cpu/lapack/library.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu::lapack {

// From this many operations on, a call of LAPACK is worth several threads.
constexpr double many_operations = 5e7;
// So many are worth a task.
constexpr double operations_of_task = 1e5;

// Calls task(i) for each of `count` matrices, each of which takes about so many operations. Several
// matrices are computed at the same time, with one thread each; if there are fewer than threads,
// one after the other, with all threads.
template <class F>
void for_matrices(std::size_t count, double operations, F task) {
  const int threads = thread_count();
  if (count < static_cast<std::size_t>(threads)) {
    const Threads scope(operations < many_operations ? 1 : threads);
    for (std::size_t i = 0; i < count; i++) {
      check_stop();
      task(i);
    }
    return;
  }
  const Threads scope(1);
  const auto step = static_cast<std::size_t>(
      std::clamp(operations_of_task / operations, 1.0, static_cast<double>(count)));
  parallel_for(static_cast<int>((count + step - 1) / step), [&](int part) {
    for (std::size_t i = part * step; i < std::min(count, (part + 1) * step); i++) {
      task(i);
    }
  });
}

// Writes a matrix of `rows` rows, each `stride` behind the one before, as the columns of another.
template <class T>
void transpose(const T* a, Int rows, Int columns, Int stride, T* result, Int result_stride) {
  constexpr Int tile = 16;
  for (Int i = 0; i < rows; i += tile) {
    for (Int j = 0; j < columns; j += tile) {
      const Int i_end = std::min(i + tile, rows), j_end = std::min(j + tile, columns);
      for (Int k = j; k < j_end; k++) {
        for (Int l = i; l < i_end; l++) {
          result[k * result_stride + l] = a[l * stride + k];
        }
      }
    }
  }
}

// Sets to zero what is above the diagonal (`upper`) or below it.
template <class T>
void clear_triangle(T* a, Int n, bool upper) {
  for (Int i = 0; i < n; i++) {
    std::fill(a + i * n + (upper ? i + 1 : 0), a + i * n + (upper ? n : i), T(0));
  }
}

// Memory for one call, which the next one in this thread may get as well; `Use` tells those apart
// that are needed at the same time.
template <class T, class Use>
T* workspace(std::size_t size) {
  return static_cast<T*>(scratch<Use>(std::max<std::size_t>(size, 1) * sizeof(T)));
}

// What a query of the size of a workspace has given. In single precision a large number may have
// been rounded down.
template <class T>
Int size_from(T value) {
  return static_cast<Int>(std::nextafter(std::real(value), HUGE_VALF)) + 1;
}

}  // namespace mlx_c::cpu::lapack

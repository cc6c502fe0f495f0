// What the kernels of linear algebra share.
#pragma once

#include <atomic>
#include <cmath>
#include <complex>
#include <cstddef>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <mlx/array.h>
#include <mlx/backend/common/utils.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/lapack/library.hpp"
#include "cpu/lapack/matrices.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"

namespace mlx_c::cpu {

// Which elements of a matrix a function reads.
enum class Part { all, lower, upper };

// A matrix in row-major order.
template <class T>
bool is_finite(const T* a, lapack::Int rows, lapack::Int columns, Part part) {
  for (lapack::Int row = 0; row < rows; row++, a += columns) {
    const lapack::Int from = part == Part::upper ? row : 0,
                      to = part == Part::lower ? row + 1 : columns;
    T sum = 0;
    for (lapack::Int i = from; i < to; i++) {
      sum += a[i] * T(0);
    }
    if (std::isnan(sum)) {
      return false;
    }
  }
  return true;
}

template <class T>
bool is_finite(const std::complex<T>* a, lapack::Int rows, lapack::Int columns, Part part) {
  const auto* numbers = reinterpret_cast<const T*>(a);
  for (lapack::Int row = 0; row < rows; row++, numbers += 2 * columns) {
    const lapack::Int from = part == Part::upper ? row : 0,
                      to = part == Part::lower ? row + 1 : columns;
    if (!is_finite(numbers + 2 * from, 1, 2 * (to - from), Part::all)) {
      return false;
    }
  }
  return true;
}

// What goes wrong with the matrices of a batch: the node fails by the first of them.
class Failures {
 public:
  Failures(std::string function, ErrorReport report)
      : function_(std::move(function)), report_(std::move(report)) {}

  void add(const char* message) {
    const char* none = nullptr;
    message_.compare_exchange_strong(none, message);
  }

  // To be called after the last task.
  void report() const {
    if (const char* message = message_.load()) {
      report_(
          std::make_exception_ptr(std::invalid_argument("[linalg." + function_ + "] " + message)));
    }
  }

 private:
  const std::string function_;
  const ErrorReport report_;
  std::atomic<const char*> message_ = nullptr;
};

inline constexpr const char* not_finite = "a holds infinity or NaN";
inline constexpr const char* not_converged = "the iteration for a did not converge";
inline constexpr const char* is_singular = "a is singular";
inline constexpr const char* not_positive = "a is not positive definite";

// The number of matrices in an array.
inline std::size_t matrix_count(const mlx::core::array& a) {
  std::size_t count = 1;
  for (std::size_t axis = 0; axis + 2 < a.ndim(); axis++) {
    count *= static_cast<std::size_t>(a.shape(static_cast<int>(axis)));
  }
  return count;
}

inline void allocate_all(std::vector<mlx::core::array>& outputs) {
  for (mlx::core::array& y : outputs) {
    allocate_for(y);
  }
}

// Allocates matrices in column-major order, as LAPACK has them.
inline void allocate_columns(mlx::core::array& y) {
  mlx::core::Strides strides = y.strides();
  const std::size_t last = strides.size() - 1;
  strides[last - 1] = 1;
  strides[last] = y.shape(-2);
  const auto [size, row, column] = mlx::core::check_contiguity(y.shape(), strides);
  allocate_for(y, size, strides, {true, row, column});
}

// A copy of all of `source` in column-major order, to memory that is still to be given.
inline Copy copy_in_columns(const mlx::core::array& source) {
  Copy copy = copy_in_order(source);
  const std::size_t last = copy.to.size() - 1;
  copy.to[last - 1] = 1;
  copy.to[last] = source.shape(-2);
  return copy;
}

// Where `copy` is to put its elements.
template <class T>
void fill(const Copy& copy, T* target) {
  Copy filled = copy;
  filled.target = target;
  filled();
}

// Calls f with a zero of the type of the elements.
template <class F>
void with_real(mlx::core::Dtype type, F&& f) {
  if (type != mlx::core::float32 && type != mlx::core::float64) {
    throw std::invalid_argument("a kernel of LAPACK for real numbers was given others");
  }
  type == mlx::core::float64 ? f(double{}) : f(float{});
}

// An override for a node with outputs that have no elements, or whose matrices have none; null if
// there are some.
std::shared_ptr<KernelOverride> without_elements(mlx::core::array& node);

// Whether a kernel of this library does the work.
bool has_lapack();

// MLX's kernel, behind checks that keep LAPACK from ending the process or iterating for ever.
Override behind_checks(mlx::core::array& node, const char* function, Part part = Part::all);

// MLX's kernel, and a check of what it returns.
Override with_positive_diagonal(mlx::core::array& node);

}  // namespace mlx_c::cpu

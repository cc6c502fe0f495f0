// Decompositions of matrices that hold infinity or NaN: a ValueError.
//
// Where LAPACK meets one, the reference library ends the process (XERBLA in the search for
// eigenvalues), or iterates for ever (a singular value decomposition). The override passes a copy,
// of zeros if there was one: a task that fails does not stop those after it.
#include <cmath>
#include <cstddef>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <mlx/allocator.h>
#include <mlx/backend/cpu/encoder.h>
#include <mlx/primitives.h>

#include "cpu/arrays/copy.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/ops/ops.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Which elements of a matrix a decomposition reads.
enum class Part { all, lower, upper };

// Matrices in row-major order; holds no handle, see View.
struct Matrices {
  void* data;
  std::size_t size;
  int rows, columns;
  mx::Dtype type;

  bool are_finite(Part part) const {
    switch (type) {
      case mx::float64:
        return are_finite<double>(part, 1);
      case mx::complex64:
        return are_finite<float>(part, 2);
      default:
        return are_finite<float>(part, 1);
    }
  }

 private:
  template <class T>
  bool are_finite(Part part, int numbers_per_element) const {
    const T *x = static_cast<const T*>(data), *end = x + size * numbers_per_element;
    for (int row = 0; x < end; x += columns * numbers_per_element, row = (row + 1) % rows) {
      const int from = part == Part::upper ? row : 0, to = part == Part::lower ? row + 1 : columns;
      T sum = 0;
      for (int i = from * numbers_per_element; i < to * numbers_per_element; i++) {
        sum += x[i] * T(0);
      }
      if (std::isnan(sum)) {
        return false;
      }
    }
    return true;
  }
};

class FiniteMatrices : public KernelOverride {
 public:
  FiniteMatrices(std::shared_ptr<mx::Primitive> original, const char* operation, Part part)
      : KernelOverride(std::move(original)), operation_(operation), part_(part) {}

  bool uses_task_queue(const std::vector<array>&) const override {
    return false;
  }

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& a = inputs[0];
    array copy(a.shape(), a.dtype(), nullptr, {});
    copy.set_data(mx::allocator::malloc(a.nbytes()));
    const Matrices matrices{copy.data<void>(), a.size(), a.shape(-2), a.shape(-1), a.dtype()};
    auto& encoder = mx::cpu::get_command_encoder(stream());
    encoder.add_temporary(copy);
    encoder.dispatch([matrices,
                      fill = copy_of(a, copy),
                      operation = operation_,
                      part = part_,
                      report = ErrorReport(outputs[0])] {
      fill();
      if (!matrices.are_finite(part)) {
        report(
            std::make_exception_ptr(
                std::invalid_argument(
                    "[linalg." + std::string(operation) + "] a holds infinity or NaN")));
        std::memset(matrices.data, 0, matrices.size * mx::size_of(matrices.type));
      }
    });
    original_->eval_cpu({copy}, outputs);
  }

 private:
  const char* const operation_;
  const Part part_;
};

Override guard(array& node, const char* operation, Part part = Part::all) {
  return {
      std::make_shared<FiniteMatrices>(node.primitive_ptr(), operation, part),
      "no kernel but a check for infinity and NaN"};
}

}  // namespace

Override checked_eig(array& node) {
  const bool has_vectors = static_cast<const mx::Eig&>(node.primitive()).state();
  return guard(node, has_vectors ? "eig" : "eigvals");
}

Override checked_eigh(array& node) {
  const auto [triangle, has_vectors] = static_cast<const mx::Eigh&>(node.primitive()).state();
  return guard(
      node, has_vectors ? "eigh" : "eigvalsh", triangle == "L" ? Part::lower : Part::upper);
}

Override checked_svd(array& node) {
  return guard(node, "svd");
}

}  // namespace mlx_c::cpu

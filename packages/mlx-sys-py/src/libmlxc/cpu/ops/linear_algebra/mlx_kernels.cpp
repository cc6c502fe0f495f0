// Linear algebra where MLX's kernels do it, or where there is nothing to do.
//
// Where LAPACK meets infinity or NaN, the reference library ends the process (XERBLA in the search
// for eigenvalues), or iterates for ever (a singular value decomposition). The override passes a
// copy, of zeros if there was one: a task that fails does not stop those after it.
#include <algorithm>
#include <cstring>
#include <string_view>

#include <mlx/allocator.h>
#include <mlx/backend/cpu/encoder.h>
#include <mlx/primitives.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/ops/linear_algebra/factorization.hpp"
#include "cpu/ops/ops.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Holds no handle, see View.
struct Matrices {
  void* data;
  std::size_t count;
  lapack::Int rows, columns;
  mx::Dtype type;

  explicit Matrices(array& a)
      : data(a.data<void>()),
        count(matrix_count(a)),
        rows(a.shape(-2)),
        columns(a.shape(-1)),
        type(a.dtype()) {}

  // Calls f with each matrix until it returns false.
  template <class F>
  bool all_of(F f) const {
    const auto visit = [&]<class T>(T* a) {
      for (std::size_t i = 0; i < count; i++) {
        if (!f(a + i * rows * columns)) {
          return false;
        }
      }
      return true;
    };
    switch (type) {
      case mx::float64:
        return visit(static_cast<double*>(data));
      case mx::complex64:
        return visit(static_cast<std::complex<float>*>(data));
      default:
        return visit(static_cast<float*>(data));
    }
  }
};

class FiniteMatrices : public KernelOverride {
 public:
  FiniteMatrices(std::shared_ptr<mx::Primitive> original, const char* function, Part part)
      : KernelOverride(std::move(original)), function_(function), part_(part) {}

  bool uses_task_queue(const std::vector<array>&) const override {
    return false;
  }

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& a = inputs[0];
    array copy(a.shape(), a.dtype(), nullptr, {});
    copy.set_data(mx::allocator::malloc(a.nbytes()));
    auto& encoder = mx::cpu::get_command_encoder(stream());
    encoder.add_temporary(copy);
    encoder.dispatch([matrices = Matrices(copy),
                      bytes = copy.nbytes(),
                      fill = copy_of(a, copy),
                      failures = std::make_shared<Failures>(function_, ErrorReport(outputs[0])),
                      part = part_] {
      fill();
      const bool finite = matrices.all_of([&](const auto* matrix) {
        return is_finite(matrix, matrices.rows, matrices.columns, part);
      });
      if (!finite) {
        failures->add(not_finite);
        failures->report();
        std::memset(matrices.data, 0, bytes);
      }
    });
    original_->eval_cpu({copy}, outputs);
  }

 private:
  const char* const function_;
  const Part part_;
};

// A factor of a matrix that is not positive definite has an element on its diagonal that is not
// positive: what the square root was to be taken of.
class PositiveDiagonal : public KernelOverride {
 public:
  using KernelOverride::KernelOverride;

  bool uses_task_queue(const std::vector<array>&) const override {
    return false;
  }

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    original_->eval_cpu(inputs, outputs);
    mx::cpu::get_command_encoder(stream()).dispatch(
        [matrices = Matrices(outputs[0]),
         failures = std::make_shared<Failures>("cholesky", ErrorReport(outputs[0]))] {
          const bool positive = matrices.all_of([&](const auto* matrix) {
            for (lapack::Int i = 0; i < matrices.rows; i++) {
              if (!(std::real(matrix[i * (matrices.columns + 1)]) > 0)) {
                return false;
              }
            }
            return true;
          });
          if (!positive) {
            failures->add(not_positive);
            failures->report();
          }
        });
  }
};

// The factors of matrices without rows or columns: there is nothing to compute, but the vectors on
// the other side are a basis of its space, and rows stay in their order.
class WithoutElements : public KernelOverride {
 public:
  using KernelOverride::KernelOverride;

  void eval_cpu(const std::vector<array>&, std::vector<array>& outputs) override {
    for (array& y : outputs) {
      allocate_for(y);
      if (y.size() > 0 && y.dtype() == mx::uint32) {
        dispatch(stream(), [data = y.data<std::uint32_t>(), size = y.size(), rows = y.shape(-1)] {
          for (std::size_t i = 0; i < size; i++) {
            data[i] = static_cast<std::uint32_t>(i % rows);
          }
        });
      } else if (y.size() > 0) {
        dispatch(stream(), [matrices = Matrices(y), bytes = y.nbytes()] {
          std::memset(matrices.data, 0, bytes);
          matrices.all_of([&](auto* matrix) {
            for (lapack::Int i = 0; i < std::min(matrices.rows, matrices.columns); i++) {
              matrix[i * (matrices.columns + 1)] = 1;
            }
            return true;
          });
        });
      }
    }
  }
};

}  // namespace

std::shared_ptr<KernelOverride> without_elements(array& node) {
  if (node.inputs()[0].size() > 0) {
    return nullptr;
  }
  return std::make_shared<WithoutElements>(node.primitive_ptr());
}

bool has_lapack() {
  return !is_stock() && lapack::library();
}

Override behind_checks(array& node, const char* function, Part part) {
  return {
      std::make_shared<FiniteMatrices>(node.primitive_ptr(), function, part),
      "no kernel but a check for infinity and NaN"};
}

Override with_positive_diagonal(array& node) {
  return {
      std::make_shared<PositiveDiagonal>(node.primitive_ptr()),
      "no kernel but a check of the result"};
}

}  // namespace mlx_c::cpu

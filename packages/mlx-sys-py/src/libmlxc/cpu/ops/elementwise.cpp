#include "cpu/ops/elementwise.hpp"

#include <utility>
#include <vector>

#include "cpu/arrays/dtypes.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/ops/elementwise_program.hpp"
#include "cpu/ops/ops.hpp"
#include "cpu/ops/scalar_elementwise.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// How much longer an operation takes one element at a time.
constexpr int scalar_cost = 8;

// Two programs of one step.
class DivMod : public KernelOverride {
 public:
  DivMod(
      std::shared_ptr<mlx::core::Primitive> original,
      ElementwiseKernel quotient,
      ElementwiseKernel remainder)
      : KernelOverride(std::move(original)),
        quotient_(of_two(quotient)),
        remainder_(of_two(remainder)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    {
      // Second handles keep the first program from writing over what the second is to read.
      const std::vector<array> held = inputs;
      Program::enqueue(quotient_, inputs, outputs[0], stream());
    }
    Program::enqueue(remainder_, inputs, outputs[1], stream());
  }

  bool is_scalar() const override {
    return quotient_->scalar || remainder_->scalar;
  }

 private:
  static std::shared_ptr<const Program> of_two(ElementwiseKernel kernel) {
    return std::make_shared<Program>(
        Program{{{kernel.run, {0, 1}, 2, 2}}, 2, 0, kernel.cost, kernel.scalar});
  }

  const std::shared_ptr<const Program> quotient_, remainder_;
};

}  // namespace

ElementwiseKernel elementwise_kernel(
    const ElementwiseOp& operation, mlx::core::Dtype from, mlx::core::Dtype to) {
  const Elementwise simd =
      kernels()->elementwise.find(operation.op, element_type(from), element_type(to));
  if (simd) {
    return {simd, operation.cost};
  }
  return {scalar_elementwise(operation.op, from, to), scalar_cost * operation.cost, true};
}

Override divmod(array& node) {
  const mlx::core::Dtype type = node.dtype();
  constexpr auto row = [](Op op) { return elementwise_ops[static_cast<int>(op)]; };
  const auto quotient = elementwise_kernel(row(Op::floor_divide), type, type);
  const auto rest = elementwise_kernel(row(Op::remainder), type, type);
  if (!quotient.run || !rest.run) {
    return keep_mlx("no kernel for this type");
  }
  return std::make_shared<DivMod>(node.primitive_ptr(), quotient, rest);
}

}  // namespace mlx_c::cpu

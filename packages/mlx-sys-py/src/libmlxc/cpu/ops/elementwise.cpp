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

// A program of two steps and two outputs.
class DivMod : public KernelOverride {
 public:
  DivMod(
      std::shared_ptr<mlx::core::Primitive> original,
      ElementwiseKernel quotient,
      ElementwiseKernel remainder)
      : KernelOverride(std::move(original)),
        program_(
            std::make_shared<Program>(Program{
                .steps = {{quotient.run, {0, 1}, 2, 2}, {remainder.run, {0, 1}, 2, 3}},
                .inputs = 2,
                .cost = quotient.cost + remainder.cost,
                .scalar = quotient.scalar || remainder.scalar,
                .outputs = 2})) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    Program::enqueue(program_, inputs, outputs, stream());
  }

  bool is_scalar() const override {
    return program_->scalar;
  }

 private:
  const std::shared_ptr<const Program> program_;
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

#include "cpu/ops/elementwise.hpp"

#include <utility>
#include <vector>

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

 private:
  static std::shared_ptr<const Program> of_two(ElementwiseKernel kernel) {
    return std::make_shared<Program>(Program{{{kernel.run, {0, 1}, 2, 2}}, 2, 0, kernel.cost});
  }

  const std::shared_ptr<const Program> quotient_, remainder_;
};

}  // namespace

const std::unordered_map<std::string_view, ElementwiseOp>& elementwise_ops() {
  static const auto& table = *new std::unordered_map<std::string_view, ElementwiseOp>{
      {"Abs", {Op::abs, 1}},
      {"Add", {Op::add, 1}},
      {"ArcCos", {Op::arccos, 6}},
      {"ArcCosh", {Op::arccosh, 8}},
      {"ArcSin", {Op::arcsin, 6}},
      {"ArcSinh", {Op::arcsinh, 8}},
      {"ArcTan", {Op::arctan, 6}},
      {"ArcTan2", {Op::arctan2, 8}},
      {"ArcTanh", {Op::arctanh, 8}},
      {"AsType", {Op::cast, 1}},
      {"BitwiseAnd", {Op::bitwise_and, 1}},
      {"BitwiseInvert", {Op::bitwise_invert, 1}},
      {"BitwiseOr", {Op::bitwise_or, 1}},
      {"BitwiseXor", {Op::bitwise_xor, 1}},
      {"Ceil", {Op::ceil, 1}},
      {"Conjugate", {Op::conjugate, 1}},
      {"Cos", {Op::cos, 4}},
      {"Cosh", {Op::cosh, 6}},
      {"Divide", {Op::divide, 1}},
      {"Equal", {Op::equal, 1}},
      {"Erf", {Op::erf, 8}},
      {"ErfInv", {Op::erfinv, 8}},
      {"Exp", {Op::exp, 4}},
      {"Expm1", {Op::expm1, 4}},
      {"Floor", {Op::floor, 1}},
      {"FloorDivide", {Op::floor_divide, 2}},
      {"Greater", {Op::greater, 1}},
      {"GreaterEqual", {Op::greater_equal, 1}},
      {"Imag", {Op::imag, 1}},
      {"LeftShift", {Op::left_shift, 1}},
      {"Less", {Op::less, 1}},
      {"LessEqual", {Op::less_equal, 1}},
      {"Log", {Op::log, 4}},
      {"Log10", {Op::log10, 4}},
      {"Log1p", {Op::log1p, 6}},
      {"Log2", {Op::log2, 4}},
      {"LogAddExp", {Op::logaddexp, 12}},
      {"LogicalAnd", {Op::logical_and, 1}},
      {"LogicalNot", {Op::logical_not, 1}},
      {"LogicalOr", {Op::logical_or, 1}},
      {"Maximum", {Op::maximum, 1}},
      {"Minimum", {Op::minimum, 1}},
      {"Multiply", {Op::multiply, 1}},
      {"NaNEqual", {Op::nan_equal, 1}},
      {"Negative", {Op::negative, 1}},
      {"NotEqual", {Op::not_equal, 1}},
      {"Power", {Op::power, 16}},
      {"Real", {Op::real, 1}},
      {"Remainder", {Op::remainder, 8}},
      {"RightShift", {Op::right_shift, 1}},
      {"Round", {Op::round, 1}},
      {"Rsqrt", {Op::rsqrt, 2}},
      {"Select", {Op::select, 1}},
      {"Sigmoid", {Op::sigmoid, 6}},
      {"Sign", {Op::sign, 1}},
      {"Sin", {Op::sin, 4}},
      {"Sinh", {Op::sinh, 6}},
      {"Sqrt", {Op::sqrt, 2}},
      {"Square", {Op::square, 1}},
      {"Subtract", {Op::subtract, 1}},
      {"Tan", {Op::tan, 6}},
      {"Tanh", {Op::tanh, 6}},
  };
  return table;
}

ElementwiseKernel elementwise_kernel(
    ElementwiseOp operation, mlx::core::Dtype from, mlx::core::Dtype to) {
  const auto [op, cost] = operation;
  const auto operands = element_type(from), result = element_type(to);
  if (operands && result) {
    if (const Elementwise run = kernels()->elementwise(op, *operands, *result)) {
      return {run, cost};
    }
  }
  return {scalar_elementwise(op, from, to), scalar_cost * cost};
}

std::optional<Type> element_type(mlx::core::Dtype type) {
  switch (type) {
    case mlx::core::bool_:
      return Type::b8;
    case mlx::core::uint8:
      return Type::u8;
    case mlx::core::uint16:
      return Type::u16;
    case mlx::core::uint32:
      return Type::u32;
    case mlx::core::uint64:
      return Type::u64;
    case mlx::core::int8:
      return Type::i8;
    case mlx::core::int16:
      return Type::i16;
    case mlx::core::int32:
      return Type::i32;
    case mlx::core::int64:
      return Type::i64;
    case mlx::core::float16:
      return Type::f16;
    case mlx::core::bfloat16:
      return Type::bf16;
    case mlx::core::float32:
      return Type::f32;
    case mlx::core::float64:
      return Type::f64;
    default:
      return std::nullopt;
  }
}

Override divmod(array& node) {
  const mlx::core::Dtype type = node.dtype();
  const auto quotient = elementwise_kernel(elementwise_ops().at("FloorDivide"), type, type);
  const auto remainder = elementwise_kernel(elementwise_ops().at("Remainder"), type, type);
  if (!quotient.run || !remainder.run) {
    return keep_mlx("no kernel for this type");
  }
  return std::make_shared<DivMod>(node.primitive_ptr(), quotient, remainder);
}

}  // namespace mlx_c::cpu

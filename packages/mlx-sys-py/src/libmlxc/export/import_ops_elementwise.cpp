#include <mlx/ops.h>

#include "export/import_table.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

mx::array bitwise(const Operands& in, int type) {
  static constexpr Binary* functions[] = {
      mx::bitwise_and, mx::bitwise_or, mx::bitwise_xor, mx::left_shift, mx::right_shift};
  choose(type, "and", "or", "xor", "left", "right");
  return functions[type](in[0], in[1], in.s);
}

mx::array equal(const Operands& in, bool equal_nan) {
  auto result = mx::equal(in[0], in[1], in.s);
  if (!equal_nan) {
    return result;
  }
  auto both = mx::logical_and(mx::isnan(in[0], in.s), mx::isnan(in[1], in.s), in.s);
  return mx::logical_or(result, both, in.s);
}

}  // namespace

void add_elementwise(ImportTable& table) {
  table.add_unary<mx::abs>("Abs");
  table.add_binary<mx::add>("Add");
  table.add_unary<mx::arccos>("ArcCos");
  table.add_unary<mx::arccosh>("ArcCosh");
  table.add_unary<mx::arcsin>("ArcSin");
  table.add_unary<mx::arcsinh>("ArcSinh");
  table.add_unary<mx::arctan>("ArcTan");
  table.add_binary<mx::arctan2>("ArcTan2");
  table.add_unary<mx::arctanh>("ArcTanh");
  table.add("BitwiseBinary", 2, 2, bitwise);
  table.add_unary<mx::ceil>("Ceil");
  table.add_unary<mx::conjugate>("Conjugate");
  table.add_unary<mx::cos>("Cos");
  table.add_unary<mx::cosh>("Cosh");
  table.add_binary<mx::divide>("Divide");
  table.add("DivMod", 2, 2, [](const Operands& in) { return mx::divmod(in[0], in[1], in.s); });
  table.add("Equal", 2, 2, equal);
  table.add_unary<mx::erf>("Erf");
  table.add_unary<mx::erfinv>("ErfInv");
  table.add_unary<mx::exp>("Exp");
  table.add_unary<mx::expm1>("Expm1");
  table.add_unary<mx::floor>("Floor");
  table.add_binary<mx::floor_divide>("FloorDivide");
  table.add_binary<mx::greater>("Greater");
  table.add_binary<mx::greater_equal>("GreaterEqual");
  table.add_unary<mx::imag>("Imag");
  table.add_binary<mx::less>("Less");
  table.add_binary<mx::less_equal>("LessEqual");
  table.add("Log", 1, 1, [](const Operands& in, int base) {
    static constexpr Unary* functions[] = {mx::log2, mx::log10, mx::log};
    choose(base, "2", "10", "e");
    return functions[base](in[0], in.s);
  });
  table.add_unary<mx::log1p>("Log1p");
  table.add_binary<mx::logaddexp>("LogAddExp");
  table.add_binary<mx::logical_and>("LogicalAnd");
  table.add_unary<mx::logical_not>("LogicalNot");
  table.add_binary<mx::logical_or>("LogicalOr");
  table.add_binary<mx::maximum>("Maximum");
  table.add_binary<mx::minimum>("Minimum");
  table.add_binary<mx::multiply>("Multiply");
  table.add_unary<mx::negative>("Negative");
  table.add_binary<mx::not_equal>("NotEqual");
  table.add_binary<mx::power>("Power");
  table.add_unary<mx::real>("Real");
  table.add_binary<mx::remainder>("Remainder");
  table.add("Round", 1, 1, [](const Operands& in) { return mx::round(in[0], 0, in.s); });
  table.add(
      "Select", 3, 3, [](const Operands& in) { return mx::where(in[0], in[1], in[2], in.s); });
  table.add_unary<mx::sigmoid>("Sigmoid");
  table.add_unary<mx::sign>("Sign");
  table.add_unary<mx::sin>("Sin");
  table.add_unary<mx::sinh>("Sinh");
  table.add("Sqrt", 1, 1, [](const Operands& in, bool reciprocal) {
    return reciprocal ? mx::rsqrt(in[0], in.s) : mx::sqrt(in[0], in.s);
  });
  table.add_unary<mx::square>("Square");
  table.add_unary<mx::stop_gradient>("StopGradient");
  table.add_binary<mx::subtract>("Subtract");
  table.add_unary<mx::tan>("Tan");
  table.add_unary<mx::tanh>("Tanh");
}

}  // namespace mlx_c

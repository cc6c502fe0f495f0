// Products of matrices, alone and added to a third.
#include <algorithm>
#include <cstring>
#include <optional>

#include "delegate.hpp"
#include "mlx/allocator.h"
#include "products.hpp"
#include "steps.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

class Gemm : public Delegate {
 public:
  Gemm(std::shared_ptr<mlx::core::Primitive> original, Number type, float alpha, float beta)
      : Delegate(std::move(original)), type_(type), alpha_(alpha), beta_(beta) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    y.set_data(mlx::core::allocator::malloc(y.nbytes()));
    if (y.size() == 0) return;
    DenseProduct p{};
    p.type = type_;
    p.m = inputs[0].shape(-2);
    p.n = inputs[1].shape(-1);
    p.k = inputs[0].shape(-1);
    p.y_row = p.n;
    p.y_column = 1;
    p.alpha = alpha_;
    p.beta = beta_;
    std::optional<Matrices> c;
    if (inputs.size() == 3) c.emplace(inputs[2], type_);
    dispatch(
        stream(),
        [table = kernels(),
         p,
         count = static_cast<int>(y.size() / p.m / p.n),
         a = Matrices(inputs[0], type_),
         b = Matrices(inputs[1], type_),
         c = std::move(c),
         y = y.data<char>()] {
          const std::ptrdiff_t size = number_size(p.type) * p.m * p.n;
          multiply_all(*table, p, count, [&](int item) {
            DenseProduct whole = p;
            whole.a = a[item];
            whole.b = b[item];
            if (c) whole.c = (*c)[item];
            whole.y = y + item * size;
            return whole;
          });
        });
  }

 private:
  const Number type_;
  const float alpha_, beta_;
};

std::shared_ptr<Delegate> gemm(array& node, float alpha, float beta) {
  const auto type = number_type(node.dtype());
  if (!kernels() || !type) return nullptr;
  for (const array& input : node.inputs())
    if (input.dtype() != node.dtype()) return nullptr;
  return std::make_shared<Gemm>(node.primitive_ptr(), *type, alpha, beta);
}

}  // namespace

std::shared_ptr<Delegate> matmul(array& node) {
  return gemm(node, 1.0f, 0.0f);
}

std::shared_ptr<Delegate> addmm(array& node) {
  const auto [alpha, beta] = static_cast<mlx::core::AddMM&>(node.primitive()).state();
  return gemm(node, alpha, beta);
}

}  // namespace mlx_c::cpu

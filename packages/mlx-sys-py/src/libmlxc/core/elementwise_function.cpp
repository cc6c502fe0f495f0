#include "core/elementwise_function.hpp"

#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <mlx/ops.h>
#include <mlx/primitives.h>
#include <mlx/transforms.h>

#include "cpu/graph/registry.hpp"
#include "cpu/nodes/fused.hpp"
#include "cpu/ops/elementwise.hpp"
#include "cpu/ops/elementwise_program.hpp"

namespace mlx_c {

namespace mx = mlx::core;
using Arrays = std::vector<mx::array>;

namespace {

mx::array gradient(
    const ElementwiseFunction& function,
    const Arrays& x,
    const mx::array& y,
    const mx::array& factor,
    int argnum,
    mx::StreamOrDevice s) {
  if (!function.derivative) {
    return mx::zeros_like(x[argnum], s);
  }
  if (y.dtype() != mx::float16 && y.dtype() != mx::bfloat16) {
    return mx::multiply(factor, function.derivative(x, y, argnum, s), s);
  }
  Arrays wide;
  for (auto& operand : x) {
    wide.push_back(mx::astype(operand, mx::float32, s));
  }
  const auto derivative = function.derivative(wide, mx::astype(y, mx::float32, s), argnum, s);
  return mx::multiply(factor, mx::astype(derivative, y.dtype(), s), s);
}

mx::array tangent(
    const ElementwiseFunction& function,
    const Arrays& x,
    const mx::array& y,
    const Arrays& tangents,
    const std::vector<int>& argnums,
    mx::StreamOrDevice s) {
  if (!function.derivative) {
    return mx::zeros_like(y, s);
  }
  auto sum = gradient(function, x, y, tangents[0], argnums[0], s);
  for (std::size_t i = 1; i < argnums.size(); i++) {
    sum = mx::add(sum, gradient(function, x, y, tangents[i], argnums[i], s), s);
  }
  return sum;
}

cpu::ElementwiseKernel kernel_of(const ElementwiseFunction& function, mx::Dtype from) {
  const cpu::KernelRow* row = cpu::find_row(function.primitive);
  return cpu::elementwise_kernel(*row->elementwise, from, function.is_predicate ? mx::bool_ : from);
}

// The rewriting of a graph gives the node its kernel, alone or fused with others.
class FunctionNode : public mx::Primitive {
 public:
  FunctionNode(mx::Stream stream, const ElementwiseFunction& function)
      : Primitive(stream), function_(function) {}

  // What is left to it where only kernels of MLX are to run, which has none.
  void eval_cpu(const Arrays& inputs, Arrays& outputs) override {
    const auto kernel = kernel_of(function_, inputs[0].dtype());
    const int count = static_cast<int>(inputs.size());
    const cpu::Program::Step step{
        kernel.run, {0, 1, 2}, static_cast<std::uint8_t>(count), static_cast<std::uint8_t>(count)};
    cpu::Program::enqueue(
        std::make_shared<cpu::Program>(cpu::Program{{step}, count, 0, kernel.cost, kernel.scalar}),
        inputs,
        outputs,
        stream());
  }

  void eval_gpu(const Arrays&, Arrays&) override {
    throw std::runtime_error("a primitive of the CPU was put on another device");
  }

  Arrays vjp(
      const Arrays& primals,
      const Arrays& cotangents,
      const std::vector<int>& argnums,
      const Arrays& outputs) override {
    Arrays results;
    for (const int argnum : argnums) {
      results.push_back(gradient(function_, primals, outputs[0], cotangents[0], argnum, stream()));
    }
    return results;
  }

  Arrays jvp(
      const Arrays& primals, const Arrays& tangents, const std::vector<int>& argnums) override {
    return {tangent(
        function_, primals, apply(function_, primals, stream()), tangents, argnums, stream())};
  }

  std::pair<Arrays, std::vector<int>> vmap(
      const Arrays& inputs, const std::vector<int>& axes) override {
    Arrays moved;
    for (std::size_t i = 0; i < inputs.size(); i++) {
      moved.push_back(
          axes[i] < 0 ? mx::expand_dims(inputs[i], 0, stream())
                      : mx::moveaxis(inputs[i], axes[i], 0, stream()));
    }
    if (moved.size() > 1) {
      moved = mx::broadcast_arrays(moved, stream());
    }
    return {{apply(function_, moved, stream())}, {0}};
  }

  std::vector<mx::Shape> output_shapes(const Arrays& inputs) override {
    return {inputs[0].shape()};
  }

  bool is_equivalent(const Primitive& other) const override {
    auto* node = dynamic_cast<const FunctionNode*>(&other);
    return node && &node->function_ == &function_;
  }

  const char* name() const override {
    return function_.primitive;
  }

 private:
  const ElementwiseFunction& function_;
};

// The definition, with the same gradients as the node. Those of its operations would be wrong where
// an operation that `where` leaves out has an infinite derivative.
mx::array defined(const ElementwiseFunction& function, const Arrays& x, mx::StreamOrDevice s) {
  if (!function.definition) {
    throw std::invalid_argument(
        "[" + std::string(function.name) +
        "] runs on the CPU only, and cannot be exported: pass stream=mx.cpu");
  }
  const mx::Stream stream = mx::to_stream(s);
  const auto compute = [&function, stream](const Arrays& x) {
    const mx::Dtype dtype = x[0].dtype();
    if (dtype != mx::float16 && dtype != mx::bfloat16) {
      return Arrays{function.definition(x, stream)};
    }
    Arrays wide;
    for (auto& operand : x) {
      wide.push_back(mx::astype(operand, mx::float32, stream));
    }
    auto y = function.definition(wide, stream);
    return Arrays{function.is_predicate ? y : mx::astype(y, dtype, stream)};
  };
  if (cpu::is_unfused()) {
    return compute(x)[0];
  }
  return mx::custom_function(
      compute,
      [&function, stream](const Arrays& x, const Arrays& cotangents, const Arrays& y) {
        Arrays results;
        for (std::size_t i = 0; i < x.size(); i++) {
          // All are asked for here, those of no use too: one that does not exist is NaN.
          try {
            results.push_back(
                gradient(function, x, y[0], cotangents[0], static_cast<int>(i), stream));
          } catch (const std::invalid_argument&) {
            const auto nan = std::numeric_limits<float>::quiet_NaN();
            results.push_back(mx::full_like(x[i], mx::array(nan, x[i].dtype()), stream));
          }
        }
        return results;
      },
      [&function, stream](
          const Arrays& x, const Arrays& tangents, const std::vector<int>& argnums) {
        return Arrays{tangent(function, x, apply(function, x, stream), tangents, argnums, stream)};
      },
      std::nullopt)(x)[0];
}

}  // namespace

Arrays common_operands(const Arrays& operands, mx::StreamOrDevice s) {
  mx::Dtype dtype = operands[0].dtype();
  for (auto& operand : operands) {
    dtype = mx::promote_types(dtype, operand.dtype());
  }
  Arrays result;
  for (auto& operand : operands) {
    result.push_back(mx::astype(operand, dtype, s));
  }
  return result.size() > 1 ? mx::broadcast_arrays(result, s) : result;
}

Arrays floating_operands(const char* name, const Arrays& operands, mx::StreamOrDevice s) {
  mx::Dtype dtype = operands[0].dtype();
  for (auto& operand : operands) {
    dtype = mx::promote_types(dtype, operand.dtype());
  }
  if (mx::issubdtype(dtype, mx::complexfloating)) {
    throw std::invalid_argument(
        "[" + std::string(name) + "] complex numbers are not supported; give real ones");
  }
  if (!mx::issubdtype(dtype, mx::floating)) {
    dtype = mx::float32;
  }
  Arrays result;
  for (auto& operand : operands) {
    result.push_back(mx::astype(operand, dtype, s));
  }
  return result.size() > 1 ? mx::broadcast_arrays(result, s) : result;
}

mx::array apply(const ElementwiseFunction& function, const Arrays& operands, mx::StreamOrDevice s) {
  const mx::Stream stream = mx::to_stream(s);
  const bool own = cpu::can_fuse(stream) && kernel_of(function, operands[0].dtype()).run;
  if (!own && (function.definition || stream.device != mx::Device::cpu || cpu::is_unfused())) {
    return defined(function, operands, stream);
  }
  return mx::array(
      operands[0].shape(),
      function.is_predicate ? mx::bool_ : operands[0].dtype(),
      std::make_shared<FunctionNode>(stream, function),
      operands);
}

}  // namespace mlx_c

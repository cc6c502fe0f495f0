// Primitives that kernels of this library evaluate.
#pragma once

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <mlx/array.h>
#include <mlx/primitives.h>

namespace mlx_c::cpu {

class KernelPrimitive : public mlx::core::Primitive {
 public:
  using array = mlx::core::array;
  using Primitive::Primitive;

  void eval_gpu(const std::vector<array>&, std::vector<array>&) override {
    throw std::runtime_error("a primitive of the CPU was put on another device");
  }

  // Whether eval_cpu, for these inputs, schedules all its work by `dispatch` (task_queue.hpp).
  virtual bool uses_task_queue(const std::vector<array>&) const {
    return true;
  }

  // Whether a caller may do the work itself, if it looks small.
  virtual bool may_run_inline() const {
    return true;
  }

  // Whether its results may lie where its inputs do. Once scheduled, it cannot fail.
  virtual bool overwrites_inputs() const {
    return false;
  }

  // What the name does not say, for the verbose mode.
  virtual std::string details() const {
    return {};
  }

  // Whether some of it is computed element by element, without SIMD, for the verbose mode.
  virtual bool is_scalar() const {
    return false;
  }
};

// Wraps a primitive of MLX and overrides its eval_cpu. The rest is the original's, so that graph
// transformations see no difference.
class KernelOverride : public KernelPrimitive {
 public:
  explicit KernelOverride(std::shared_ptr<mlx::core::Primitive> original)
      : KernelPrimitive(original->stream()), original_(std::move(original)) {}

  // The primitive of MLX that a node had before kernels of ours took its place.
  static std::shared_ptr<mlx::core::Primitive> unwrapped(
      std::shared_ptr<mlx::core::Primitive> primitive) {
    while (auto* kernel = dynamic_cast<const KernelOverride*>(primitive.get())) {
      primitive = kernel->original_;
    }
    return primitive;
  }

  void eval_gpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    original_->eval_gpu(inputs, outputs);
  }

  std::vector<array> jvp(
      const std::vector<array>& primals,
      const std::vector<array>& tangents,
      const std::vector<int>& argnums) override {
    return original_->jvp(primals, tangents, argnums);
  }

  std::vector<array> vjp(
      const std::vector<array>& primals,
      const std::vector<array>& cotangents,
      const std::vector<int>& argnums,
      const std::vector<array>& outputs) override {
    return original_->vjp(primals, cotangents, argnums, outputs);
  }

  std::pair<std::vector<array>, std::vector<int>> vmap(
      const std::vector<array>& inputs, const std::vector<int>& axes) override {
    return original_->vmap(inputs, axes);
  }

  const char* name() const override {
    return original_->name();
  }

  bool is_equivalent(const mlx::core::Primitive& other) const override {
    auto* delegate = dynamic_cast<const KernelOverride*>(&other);
    const mlx::core::Primitive& theirs = delegate ? *delegate->original_ : other;
    // MLX's primitives take it for granted that the other one is of their class.
    return std::strcmp(theirs.name(), name()) == 0 && original_->is_equivalent(theirs);
  }

  std::vector<mlx::core::Shape> output_shapes(const std::vector<array>& inputs) override {
    return original_->output_shapes(inputs);
  }

  bool may_run_inline() const override {
    auto* kernel = dynamic_cast<const KernelPrimitive*>(original_.get());
    return !kernel || kernel->may_run_inline();
  }

  std::string details() const override {
    auto* kernel = dynamic_cast<const KernelPrimitive*>(original_.get());
    return kernel ? kernel->details() : std::string();
  }

  bool is_scalar() const override {
    auto* kernel = dynamic_cast<const KernelPrimitive*>(original_.get());
    return kernel && kernel->is_scalar();
  }

 protected:
  // `uses_task_queue` of the original, which may be a primitive of MLX that only makes a view.
  bool original_uses_task_queue(const std::vector<array>& inputs, bool is_view) const {
    auto* kernel = dynamic_cast<const KernelPrimitive*>(original_.get());
    return kernel ? kernel->uses_task_queue(inputs) : is_view;
  }

  const std::shared_ptr<mlx::core::Primitive> original_;
};

// What becomes of a node: a kernel of ours evaluates it, or MLX's own does, and why.
struct Override {
  std::shared_ptr<KernelOverride> kernel;
  // Why MLX's kernel does the work, be it behind a check that is in `kernel`; "" if it does not.
  const char* reason = "";

  Override(std::shared_ptr<KernelOverride> kernel, const char* reason)
      : kernel(std::move(kernel)), reason(reason) {}
  template <class T>
  Override(std::shared_ptr<T> kernel) : kernel(std::move(kernel)) {}
};

// The reason where MLX's kernels are asked for.
inline constexpr const char* stock_reason = "MLX_SYS_PY_CPU=stock";

inline Override keep_mlx(const char* reason) {
  return {nullptr, reason};
}

}  // namespace mlx_c::cpu

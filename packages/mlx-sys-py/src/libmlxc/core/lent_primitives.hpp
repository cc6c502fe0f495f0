// Primitives that stand in for those of nodes while a graph is transformed.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <mlx/array.h>
#include <mlx/primitives.h>

namespace mlx_c {

// Lends primitives to the nodes between traced inputs and outputs, and gives each node its own back
// in the end.
//
// A transformation asks the primitive of each node for its rule. Where MLX's rule is missing or
// wrong, or writes into the primitive, which other nodes may share (node_cache.hpp, the graphs of
// compiled functions), a node gets another one for the time of the transformation.
class LentPrimitives {
 public:
  // What takes the place of a node's primitive; null if that can stay.
  using Rule = std::shared_ptr<mlx::core::Primitive> (*)(mlx::core::array& node);

  explicit LentPrimitives(Rule rule) : rule_(rule) {}
  ~LentPrimitives();
  LentPrimitives(const LentPrimitives&) = delete;
  LentPrimitives& operator=(const LentPrimitives&) = delete;

  void lend(
      const std::vector<mlx::core::array>& inputs, const std::vector<mlx::core::array>& outputs);

 private:
  const Rule rule_;
  std::vector<std::pair<mlx::core::array, std::shared_ptr<mlx::core::Primitive>>> originals_;
};

// A primitive with another rule; nothing evaluates it.
class LentPrimitive : public mlx::core::Primitive {
 public:
  explicit LentPrimitive(const mlx::core::array& node);

  std::vector<mlx::core::array> vjp(
      const std::vector<mlx::core::array>& primals,
      const std::vector<mlx::core::array>& cotangents,
      const std::vector<int>& argnums,
      const std::vector<mlx::core::array>& outputs) override {
    return original_->vjp(primals, cotangents, argnums, outputs);
  }
  std::vector<mlx::core::array> jvp(
      const std::vector<mlx::core::array>& primals,
      const std::vector<mlx::core::array>& tangents,
      const std::vector<int>& argnums) override {
    return original_->jvp(primals, tangents, argnums);
  }
  std::pair<std::vector<mlx::core::array>, std::vector<int>> vmap(
      const std::vector<mlx::core::array>& inputs, const std::vector<int>& axes) override {
    return original_->vmap(inputs, axes);
  }
  void eval_cpu(
      const std::vector<mlx::core::array>& inputs, std::vector<mlx::core::array>& outputs) override;
  void eval_gpu(
      const std::vector<mlx::core::array>& inputs, std::vector<mlx::core::array>& outputs) override;
  const char* name() const override {
    return original_->name();
  }

 protected:
  // That of MLX, also where a kernel has evaluated the node.
  const std::shared_ptr<mlx::core::Primitive> original_;
};

// One that can make other nodes like its own.
class RepeatedPrimitive : public LentPrimitive {
 public:
  explicit RepeatedPrimitive(const mlx::core::array& node);

 protected:
  // Nodes of the original operation on other inputs.
  std::vector<mlx::core::array> apply(const std::vector<mlx::core::array>& inputs) const;

  // Of the results.
  std::vector<mlx::core::Shape> shapes_;
  std::vector<mlx::core::Dtype> dtypes_;
};

}  // namespace mlx_c
